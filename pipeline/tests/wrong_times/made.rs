//! Films of a moving ball, made by GStreamer's encoders.

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use gst::prelude::*;
use gstreamer as gst;

pub const FRAMES: u32 = 38;

/// Nanoseconds between two frames.
const STEP: u64 = 40_000_000;

/// MPEG-4 with two B-pictures between others; behind it what puts its headers before key frames.
pub const MPEG4: &str = "avenc_mpeg4 max-bframes=2 gop-size=13";
pub const H264: &str =
    "x264enc bframes=2 b-adapt=false key-int-max=13 speed-preset=ultrafast cabac=true threads=1";

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Times {
    Right,
    OfDecoding,
}

/// Makes a film; `encoder` and `muxer` are written as for `gst-launch`.
pub fn make(path: &Path, encoder: &str, muxer: &str, times: Times) {
    let (first, count) = (OnceLock::new(), AtomicU64::new(0));
    make_of(path, encoder, muxer, move |packet| {
        if times == Times::OfDecoding {
            let first = *first.get_or_init(|| packet.pts().unwrap());
            let time = first + gst::ClockTime::from_nseconds(count.fetch_add(1, Relaxed) * STEP);
            packet.set_pts(time);
            packet.set_dts(time);
        }
        true
    });
}

/// Makes a film of the packets that `keep` lets through, and may change.
pub fn make_of(
    path: &Path,
    encoder: &str,
    muxer: &str,
    keep: impl Fn(&mut gst::BufferRef) -> bool + Send + Sync + 'static,
) {
    gst::init().unwrap();
    let described = format!(
        "videotestsrc num-buffers={FRAMES} pattern=ball ! video/x-raw,format=I420,width=96,height=64,framerate=25/1 \
         ! {encoder} ! identity name=packets ! {muxer} ! filesink location={}",
        path.display()
    );
    let film = gst::parse::launch(&described).unwrap().downcast::<gst::Pipeline>().unwrap();
    let packets = film.by_name("packets").unwrap().static_pad("sink").unwrap();
    packets.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data else { return gst::PadProbeReturn::Ok };
        if keep(buffer.make_mut()) {
            return gst::PadProbeReturn::Ok;
        }
        info.data = None;
        gst::PadProbeReturn::Handled
    });
    film.set_state(gst::State::Playing).unwrap();
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = film.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &wanted);
    film.set_state(gst::State::Null).unwrap();
    assert_eq!(end.map(|end| end.type_()), Some(gst::MessageType::Eos), "{described}");
}
