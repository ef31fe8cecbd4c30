//! Frames to a video file, by GStreamer's encoders: H.264 in MP4, VP9 or VP8 in WebM.
//!
//! ```text
//! appsrc ▸ videoconvert ▸ encoder ▸ [parser ▸] muxer ▸ filesink
//! ```

use std::path::Path;

use gst::prelude::*;
use gstreamer as gst;

/// What a video file is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilmFormat {
    /// H.264 in MP4.
    Mp4,
    /// VP9 or VP8 in WebM.
    WebM,
}

/// Frames of one size.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    /// Columns; even.
    pub width: u32,
    /// Rows; even.
    pub height: u32,
    /// Milliseconds that each is shown.
    pub milliseconds: u32,
    /// Each of `width × height × 3` bytes, RGB.
    pub rgb: &'a [Vec<u8>],
}

/// Why no video was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilmFileError {
    /// GStreamer lacks what is needed.
    #[error("GStreamer lacks {0}")]
    Missing(String),
    /// Its pipeline failed.
    #[error("GStreamer cannot write it: {0}")]
    Failed(String),
}

/// How long one frame may take the encoder.
const PATIENCE_SECONDS: u64 = 60;

/// An encoder, by the elements that make it up; the first one is what must be there.
const H264: [&[&str]; 2] = [
    &["x264enc pass=qual quantizer=18 threads=1", "h264parse"],
    &["openh264enc bitrate=4000000", "h264parse"],
];
const VPX: [&[&str]; 2] =
    [&["vp9enc deadline=1 target-bitrate=4000000"], &["vp8enc deadline=1 target-bitrate=4000000"]];

/// Writes frames as a video. A file that is there is written over.
///
/// # Errors
/// When an encoder or the muxer is not installed, or GStreamer fails.
pub fn write(path: &Path, frames: Frames<'_>, format: FilmFormat) -> Result<(), FilmFileError> {
    gst::init().map_err(|why| FilmFileError::Failed(why.to_string()))?;
    let described = describe(frames, format)?;
    let pipeline = gst::parse::launch(&described).map_err(|why| FilmFileError::Failed(why.to_string()))?;
    let named = |name: &str| {
        let bin = pipeline.downcast_ref::<gst::Bin>().and_then(|bin| bin.by_name(name));
        bin.ok_or_else(|| FilmFileError::Failed(format!("no element `{name}`")))
    };
    named("file")?.set_property("location", path.to_string_lossy().as_ref());
    let source = named("frames")?;
    let started = pipeline.set_state(gst::State::Playing);
    let ended = started
        .map_err(|why| FilmFileError::Failed(why.to_string()))
        .and_then(|_| push(&source, frames))
        .and_then(|()| wait(&pipeline));
    // It is thrown away next, whatever it says.
    let _ = pipeline.set_state(gst::State::Null);
    ended
}

/// The pipeline, as `gst-launch-1.0` takes it.
fn describe(frames: Frames<'_>, format: FilmFormat) -> Result<String, FilmFileError> {
    let (encoders, muxer) = match format {
        FilmFormat::Mp4 => (H264, "mp4mux"),
        FilmFormat::WebM => (VPX, "webmmux"),
    };
    let is_there = |element: &str| {
        let name = element.split(' ').next().unwrap_or_default();
        gst::ElementFactory::find(name).is_some()
    };
    let encoder = encoders.iter().find(|elements| elements.iter().all(|element| is_there(element)));
    let Some(encoder) = encoder.filter(|_| is_there(muxer) && is_there("appsrc")) else {
        let names = encoders.map(|elements| elements[0].split(' ').next().unwrap_or_default());
        return Err(FilmFileError::Missing(format!("{muxer}, or one of the encoders {}", names.join(", "))));
    };
    let Frames { width, height, milliseconds, .. } = frames;
    Ok(format!(
        "appsrc name=frames format=time caps=video/x-raw,format=RGB,width={width},height={height},\
         framerate=1000/{milliseconds} ! videoconvert ! video/x-raw,format=I420 ! {} ! {muxer} ! filesink name=file",
        encoder.join(" ! ")
    ))
}

fn push(source: &gst::Element, frames: Frames<'_>) -> Result<(), FilmFileError> {
    let shown = gst::ClockTime::from_mseconds(u64::from(frames.milliseconds));
    for (number, frame) in frames.rgb.iter().enumerate() {
        let mut buffer = gst::Buffer::from_slice(frame.clone());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(shown * number as u64);
            buffer.set_duration(shown);
        }
        let flow: gst::FlowReturn = source.emit_by_name("push-buffer", &[&buffer]);
        if flow != gst::FlowReturn::Ok {
            return Err(FilmFileError::Failed(format!("frame {number} was refused: {flow:?}")));
        }
    }
    let _: gst::FlowReturn = source.emit_by_name("end-of-stream", &[]);
    Ok(())
}

/// Waits until the file is whole.
fn wait(pipeline: &gst::Element) -> Result<(), FilmFileError> {
    let failed = |why: String| Err(FilmFileError::Failed(why));
    let Some(bus) = pipeline.bus() else { return failed("a pipeline without a bus".into()) };
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    match bus.timed_pop_filtered(gst::ClockTime::from_seconds(PATIENCE_SECONDS), &wanted) {
        Some(message) => match message.view() {
            gst::MessageView::Error(error) => failed(error.error().to_string()),
            _ => Ok(()),
        },
        None => failed(format!("nothing moved for {PATIENCE_SECONDS} s")),
    }
}
