//! Streams of H.264 that begin in the middle: their frames are those of the whole film, from the first one on that needs
//! nothing of what was cut off. So it is in FFmpeg.
#![cfg(feature = "video")]

#[path = "wrong_times/made.rs"]
#[allow(dead_code, reason = "this makes films with right times alone")]
mod made;

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use made::{FRAMES, Times, make, make_of};
use pipeline::{
    FrameRank,
    picture::Picture,
    video::{Limits, OpenVideo, VideoReader},
};
use schemas::settings::{Skip, Verify};

/// Groups of 12 frames, of which all but the first begin with a picture that two B-pictures before it refer to.
const OPEN: &str = "x264enc speed-preset=veryfast threads=1 key-int-max=12 bframes=2 b-adapt=false ref=3 \
    option-string=open-gop=1:min-keyint=12:scenecut=0";
/// The same with pictures that begin anew.
const CLOSED: &str = "x264enc speed-preset=veryfast threads=1 key-int-max=12 bframes=2 b-adapt=false ref=3 \
    option-string=min-keyint=12:scenecut=0";
/// One such picture; then columns that are coded anew wander through the pictures.
const REFRESHED: &str =
    "x264enc speed-preset=veryfast threads=1 intra-refresh=true key-int-max=13 bframes=0 ref=1";

fn ranks(frames: impl IntoIterator<Item = u32>) -> Vec<FrameRank> {
    frames.into_iter().map(FrameRank).collect()
}

fn all(path: &Path) -> (OpenVideo, Vec<Picture>) {
    let mut reader = VideoReader::new(Limits::default());
    let words = |why: pipeline::error::VideoError| -> Vec<Picture> { panic!("{}: {why}", path.display()) };
    let video = reader.open(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let frames = reader.decode(&video, &ranks(0..video.facts.frames));
    let frames = frames.map(|frames| frames.into_iter().map(|(_, picture)| picture).collect());
    (video, frames.unwrap_or_else(words))
}

/// Makes a film without its first `dropped` packets.
fn make_cut(path: &Path, encoder: &str, muxer: &str, dropped: u32) {
    let count = AtomicU32::new(0);
    make_of(path, encoder, muxer, move |_| count.fetch_add(1, Relaxed) >= dropped);
}

/// All frames of the film at `path` are the last ones of `whole`, so many, with times as far apart; and so are drawn ones
/// out of plans.
fn check(path: &Path, whole: &[Picture], frames: usize) {
    let name = path.display();
    let (video, found) = all(path);
    let expected = &whole[whole.len() - frames..];
    assert_eq!((found.len(), video.facts.times.len()), (frames, frames), "{name}");
    assert!(found == expected, "{name}: other frames");
    let steps = video.facts.times.windows(2).map(|pair| pair[1].0 - pair[0].0);
    assert!(steps.clone().all(|step| (step - 40_000_000).abs() <= 1_000_000), "{name}: {:?}", steps.max());
    let scanned = VideoReader::new(Limits::default()).open_for_scan(path).unwrap();
    assert_eq!(scanned.facts.times, video.facts.times, "{name}: a scan tells what a decode gives");
    for skipping in [Skip::Unwanted, Skip::Groups, Skip::Nothing] {
        let mut reader =
            VideoReader::new(Limits::default()).with_verify(Verify::Clip).with_skipping(skipping);
        for start in [0, 3, 14] {
            for (rank, picture) in reader.decode(&video, &ranks((start..frames as u32).step_by(5))).unwrap() {
                assert!(picture == expected[rank.0 as usize], "{name}: frame {} in a plan", rank.0);
            }
        }
        // Frames that had to be counted would need all packets.
        let may_leave_out = skipping == Skip::Unwanted && video.facts.has_b_frames;
        assert!(!may_leave_out || reader.work().left_out > 0, "{name}: nothing is left out");
    }
}

#[test]
fn a_film_without_its_beginning_has_the_frames_that_need_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    for (encoder, kind) in [(OPEN, "open"), (CLOSED, "closed")] {
        let path = folder.path().join(format!("{kind}.mkv"));
        make(&path, encoder, "h264parse ! matroskamux", Times::Right);
        let (_, whole) = all(&path);
        assert_eq!(whole.len(), FRAMES as usize);
        // Behind the first picture, before the second group, and in the middle of that.
        for (dropped, frames) in [(1, 26), (6, 26), (10, 26), (17, 14)] {
            let cut = folder.path().join(format!("{kind}_{dropped}.mkv"));
            make_cut(&cut, encoder, "h264parse ! matroskamux", dropped);
            check(&cut, &whole, frames);
        }
    }
}

#[test]
fn pictures_that_are_refreshed_little_by_little_do_not_tell_where_they_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cut) = (folder.path().join("whole.mkv"), folder.path().join("cut.mkv"));
    make(&path, REFRESHED, "h264parse ! matroskamux", Times::Right);
    assert_eq!(all(&path).1.len(), FRAMES as usize);
    make_cut(&cut, REFRESHED, "h264parse ! matroskamux", 5);
    let mut reader = VideoReader::new(Limits::default());
    let refused = reader.open(&cut).and_then(|video| reader.decode(&video, &ranks(0..1))).unwrap_err();
    assert_eq!(refused.verdict(), "packets-missing", "{refused}");
}

#[test]
fn a_recording_of_a_broadcast_begins_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cut) = (folder.path().join("whole.ts"), folder.path().join("cut.ts"));
    for encoder in [OPEN, CLOSED] {
        make(&path, encoder, "h264parse config-interval=-1 ! mpegtsmux", Times::Right);
        let (_, whole) = all(&path);
        assert_eq!(whole.len(), FRAMES as usize);
        let bytes = fs::read(&path).unwrap();
        let first = bytes.len() / 188 / 5 * 188;
        fs::write(&cut, &bytes[first..]).unwrap();
        check(&cut, &whole, 26);
    }
}
