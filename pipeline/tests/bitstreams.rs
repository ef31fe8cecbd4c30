//! Films whose streams are written in unusual ways: what the units of a packet are, how pictures are turned, when frames
//! without times come, and damage that only some decoders notice.
#![cfg(feature = "video")]

mod shared;

use pipeline::{
    FrameRank,
    error::VideoError,
    picture::Orientation,
    plan::order::{IndexMode, TimesFrom},
    video::{Limits, OpenVideo, VideoReader},
};
use schemas::settings::Verify;

fn reader() -> VideoReader {
    VideoReader::new(Limits::default())
}

/// Decodes all frames of a film of the collection, after a scan that must count as many; nothing where the collection is missing.
fn decoded(film: &str) -> Option<(OpenVideo, usize)> {
    let path = shared::folder()?.join(film);
    let mut reader = reader();
    let scanned = reader.open_for_scan(&path).unwrap_or_else(|error| panic!("{film}: {error}"));
    let video = reader.open(&path).unwrap();
    assert_eq!(scanned.facts.frames, video.facts.frames, "{film}: the headers tell the number of frames");
    assert_eq!(scanned.facts.times, video.facts.times, "{film}");
    let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
    let frames = reader.decode(&video, &all).unwrap_or_else(|error| panic!("{film}: {error}"));
    Some((video, frames.len()))
}

/// Milliseconds from each frame to the next.
fn steps(video: &OpenVideo) -> Vec<i64> {
    let times = &video.facts.times;
    times.windows(2).map(|pair| (pair[1].0 - pair[0].0 + 500_000) / 1_000_000).collect()
}

#[test]
fn a_slice_behind_a_start_code_in_another_unit_is_decoded() {
    let Some((video, frames)) = decoded("reports/05a_real_samsung_slow_motion.mp4") else { return };
    assert_eq!((frames, video.facts.key_frames.first()), (63, Some(&FrameRank(0))));
}

#[test]
fn of_several_views_the_base_is_decoded() {
    let Some((video, frames)) = decoded("reports/06a_real_apple_spatial_mvhevc.mov") else { return };
    assert_eq!((frames, video.facts.index), (5, IndexMode::Times));
}

#[test]
fn pictures_are_turned_by_what_the_stream_says() {
    let Some((video, _)) = decoded("reports/04c_sei_display_orientation_90.mp4") else { return };
    // Anticlockwise by 90 degrees.
    assert_eq!(video.facts.orientation, Orientation { quarter_turns: 3, mirrored: false });
}

#[test]
fn frames_of_a_transport_stream_without_a_clock_have_their_times() {
    let Some((video, frames)) = decoded("reports/07a_ts_without_pcr_times.ts") else { return };
    assert_eq!((frames, video.facts.times_from), (108, TimesFrom::Packets));
    assert!(steps(&video).iter().all(|step| *step == 33), "{:?}", steps(&video));
    assert!((29.9..30.1).contains(&video.facts.frames_per_second), "{}", video.facts.frames_per_second);
}

#[test]
fn two_fields_are_one_frame() {
    let Some((video, frames)) = decoded("reports/12_real_avchd_fields.mts") else { return };
    assert_eq!(frames * 2, video.facts.packets as usize);
    assert!(steps(&video).iter().all(|step| *step == 40), "{:?}", steps(&video));
    assert!((24.9..25.1).contains(&video.facts.frames_per_second), "{}", video.facts.frames_per_second);
}

#[test]
fn damage_of_one_bit_to_av1_is_noticed_by_every_version_of_its_library() {
    let Some(clips) = shared::folder() else { return };
    let film = clips.join("attacks/av1_one_bit_flip_silent.mp4");
    for verify in [Verify::Video, Verify::Clip] {
        let mut reader = reader().with_verify(verify);
        let video = reader.open(&film).unwrap();
        let decoded = reader.decode(&video, &[FrameRank(0), FrameRank(video.facts.frames - 1)]);
        assert!(matches!(decoded, Err(VideoError::Damaged { .. })), "{verify:?}");
    }
}
