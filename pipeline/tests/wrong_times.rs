//! Films whose packets have wrong times give the frames of a full decode all the same, in its order.
//!
//! The films are made here: with their own times, and with the times of decoding as those of presentation, as some
//! writers have it for pictures that are decoded before others that are shown earlier.
#![cfg(feature = "video")]

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use gst::prelude::*;
use gstreamer as gst;
use pipeline::{
    FrameRank,
    picture::Picture,
    plan::order::IndexMode,
    video::{Limits, OpenVideo, VideoReader},
};
use schemas::settings::{Skip, Verify};

const FRAMES: u32 = 38;

/// Nanoseconds between two frames.
const STEP: u64 = 40_000_000;

/// MPEG-4 with two B-pictures between others; behind it what puts its headers before key frames.
const MPEG4: &str = "avenc_mpeg4 max-bframes=2 gop-size=13";
const H264: &str =
    "x264enc bframes=2 b-adapt=false key-int-max=13 speed-preset=ultrafast cabac=true threads=1";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Times {
    Right,
    OfDecoding,
}

/// Makes a film of a moving ball; `encoder` and `muxer` are written as for `gst-launch`.
fn make(path: &Path, encoder: &str, muxer: &str, times: Times) {
    gst::init().unwrap();
    let described = format!(
        "videotestsrc num-buffers={FRAMES} pattern=ball ! video/x-raw,format=I420,width=96,height=64,framerate=25/1 \
         ! {encoder} ! identity name=packets ! {muxer} ! filesink location={}",
        path.display()
    );
    let film = gst::parse::launch(&described).unwrap().downcast::<gst::Pipeline>().unwrap();
    if times == Times::OfDecoding {
        let (first, count) = (OnceLock::new(), AtomicU64::new(0));
        let packets = film.by_name("packets").unwrap().static_pad("sink").unwrap();
        packets.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
                let first = *first.get_or_init(|| buffer.pts().unwrap());
                let time = first + gst::ClockTime::from_nseconds(count.fetch_add(1, Relaxed) * STEP);
                let buffer = buffer.make_mut();
                buffer.set_pts(time);
                buffer.set_dts(time);
            }
            gst::PadProbeReturn::Ok
        });
    }
    film.set_state(gst::State::Playing).unwrap();
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = film.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &wanted);
    film.set_state(gst::State::Null).unwrap();
    assert_eq!(end.map(|end| end.type_()), Some(gst::MessageType::Eos), "{described}");
}

fn ranks(frames: impl IntoIterator<Item = u32>) -> Vec<FrameRank> {
    frames.into_iter().map(FrameRank).collect()
}

fn all(reader: &mut VideoReader, path: &Path) -> (OpenVideo, Vec<Picture>) {
    let video = reader.open(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let wanted = ranks(0..video.facts.frames);
    let frames = reader.decode(&video, &wanted).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    (video, frames.into_iter().map(|(_, picture)| picture).collect())
}

/// All frames of the film at `path` are those of `whole`, and so are drawn ones out of plans.
fn check(path: &Path, whole: &[Picture], mode: Option<IndexMode>) {
    let (video, frames) = all(&mut VideoReader::new(Limits::default()), path);
    assert_eq!(mode.unwrap_or(video.facts.index), video.facts.index, "{}", path.display());
    assert_eq!(video.facts.times.len(), whole.len());
    assert!(video.facts.times.is_sorted_by(|a, b| a < b), "{:?}", video.facts.times);
    assert!(frames == whole, "{}: other frames", path.display());
    for skipping in [Skip::Unwanted, Skip::Groups, Skip::Nothing] {
        let mut reader =
            VideoReader::new(Limits::default()).with_verify(Verify::Clip).with_skipping(skipping);
        for start in [0, 3, 11] {
            let wanted = ranks((start..whole.len() as u32).step_by(5));
            for (rank, picture) in reader.decode(&video, &wanted).unwrap() {
                assert!(picture == whole[rank.0 as usize], "{}: frame {} in a plan", path.display(), rank.0);
            }
        }
    }
}

#[test]
fn mpeg4_is_shown_in_the_order_of_its_decoder_whatever_its_times_say() {
    let folder = tempfile::tempdir().unwrap();
    let right = folder.path().join("right.avi");
    make(&right, MPEG4, "avimux", Times::Right);
    let (_, whole) = all(&mut VideoReader::new(Limits::default()), &right);
    assert_eq!(whole.len(), FRAMES as usize);
    for (name, muxer) in [
        ("film.mp4", "mp4mux"),
        ("film.mov", "qtmux"),
        ("film.mkv", "matroskamux"),
        ("film.ts", "mpeg4videoparse config-interval=-1 ! mpegtsmux"),
    ] {
        let path = folder.path().join(name);
        // What the encoder takes for the right times of MPEG-4 depends on its version.
        for (times, mode) in [(Times::Right, None), (Times::OfDecoding, Some(IndexMode::Reorder))] {
            make(&path, MPEG4, muxer, times);
            check(&path, &whole, mode);
        }
    }
}

#[test]
fn h264_whose_times_are_not_in_the_order_of_its_frames_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let right = folder.path().join("right.mp4");
    make(&right, H264, "mp4mux", Times::Right);
    let (_, whole) = all(&mut VideoReader::new(Limits::default()), &right);
    assert_eq!(whole.len(), FRAMES as usize);
    for (name, muxer) in [("film.mp4", "mp4mux"), ("film.mkv", "h264parse ! matroskamux")] {
        let path = folder.path().join(name);
        make(&path, H264, muxer, Times::OfDecoding);
        check(&path, &whole, Some(IndexMode::Times));
    }
}
