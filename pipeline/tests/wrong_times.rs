//! Films whose packets have wrong times give the frames of a full decode all the same, in its order.
//!
//! The films are made here: with their own times, and with the times of decoding as those of presentation, as some
//! writers have it for pictures that are decoded before others that are shown earlier.
#![cfg(feature = "video")]

#[path = "wrong_times/made.rs"]
mod made;

use std::path::Path;

use made::{FRAMES, H264, MPEG4, Times, make};
use pipeline::{
    FrameRank,
    picture::Picture,
    plan::order::IndexMode,
    video::{Limits, OpenVideo, VideoReader},
};
use schemas::settings::{Skip, Verify};

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
