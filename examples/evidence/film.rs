//! Frames to a video file, by GStreamer: pushed into an appsrc, encoded as H.264 with B-frames, muxed as MP4.
//!
//! ```text
//! appsrc ▸ videoconvert ▸ x264enc ▸ h264parse ▸ mp4mux ▸ filesink
//! shown     I0 b1 b2 P3 │ I4 b5 b6 P7 │ …        groups of four, closed
//! ```
//!
//! The quantiser is constant and small: what the decoder gives back differs from what was rendered by a level
//! or two. One thread and no decision that depends on the machine.

use std::{path::Path, sync::Once};

use anyhow::{Context as _, Result, anyhow};
use gstreamer::{self as gst, prelude::*};

use crate::scene::{Frame, SIDE};

/// Frames of a group of pictures.
pub const GROUP: u32 = 4;

/// Frames a second; nothing depends on it.
const RATE: u64 = 25;

/// Writes `frames` as a video. A file that is there is written over.
///
/// # Errors
/// When GStreamer lacks an element or the pipeline fails.
pub fn write(path: &Path, frames: &[Frame]) -> Result<()> {
    static START: Once = Once::new();
    START.call_once(|| gst::init().expect("because GStreamer is installed with what `make` installs"));
    let described = format!(
        "appsrc name=frames format=time caps=video/x-raw,format=RGB,width={SIDE},height={SIDE},framerate={RATE}/1 \
         ! videoconvert ! video/x-raw,format=I420 \
         ! x264enc pass=qual quantizer=8 key-int-max={GROUP} bframes=2 b-adapt=false b-pyramid=false threads=1 \
           sync-lookahead=0 rc-lookahead=0 option-string=scenecut=0:open-gop=0:min-keyint={GROUP}:cpu-independent=1 \
         ! h264parse ! mp4mux ! filesink name=file"
    );
    let pipeline = gst::parse::launch(&described)?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| anyhow!("no pipeline came out"))?;
    let named = |name| pipeline.by_name(name).with_context(|| format!("no element `{name}`"));
    named("file")?.set_property("location", path.to_string_lossy().as_ref());
    let source = named("frames")?;
    pipeline.set_state(gst::State::Playing)?;
    let ended = push(&source, frames).and_then(|()| wait(&pipeline));
    pipeline.set_state(gst::State::Null)?;
    ended.with_context(|| format!("{} cannot be made", path.display()))
}

fn push(source: &gst::Element, frames: &[Frame]) -> Result<()> {
    for (number, frame) in frames.iter().enumerate() {
        let mut buffer = gst::Buffer::from_slice(frame.clone());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_mseconds(number as u64 * 1000 / RATE));
            buffer.set_duration(gst::ClockTime::from_mseconds(1000 / RATE));
        }
        let flow: gst::FlowReturn = source.emit_by_name("push-buffer", &[&buffer]);
        anyhow::ensure!(flow == gst::FlowReturn::Ok, "frame {number} was refused: {flow:?}");
    }
    let flow: gst::FlowReturn = source.emit_by_name("end-of-stream", &[]);
    anyhow::ensure!(flow == gst::FlowReturn::Ok, "the end was refused: {flow:?}");
    Ok(())
}

/// Waits until the file is whole.
fn wait(pipeline: &gst::Pipeline) -> Result<()> {
    let bus = pipeline.bus().context("a pipeline without a bus")?;
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    match bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &wanted) {
        Some(message) => match message.view() {
            gst::MessageView::Error(error) => Err(anyhow!("{} ({:?})", error.error(), error.debug())),
            _ => Ok(()),
        },
        None => Err(anyhow!("the encoder stands still")),
    }
}
