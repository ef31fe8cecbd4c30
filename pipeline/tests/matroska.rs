//! Kinds of Matroska films that were read wrongly, or that harmed the process, of the collection of test films.
#![cfg(feature = "video")]

mod shared;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use pipeline::{
    FrameRank,
    picture::Orientation,
    video::{Limits, VideoReader},
};
use shared::folder;

/// Frames of a film and how they are turned, once all of them came out of the decoder.
fn decoded(path: &Path) -> (u32, Orientation) {
    let mut reader = VideoReader::new(Limits::default());
    let video = reader.open(path).unwrap();
    let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
    assert_eq!(reader.decode(&video, &all).unwrap().len(), all.len());
    (video.facts.frames, video.facts.orientation)
}

#[test]
fn a_film_that_its_projection_rolls_is_turned() {
    let Some(clips) = folder() else { return };
    let turned = Orientation { quarter_turns: 3, mirrored: false };
    let film = clips.join("reports/03a_mkv_pose_roll_90_ffmpeg8_remux.mkv");
    assert_eq!(decoded(&film), (90, turned));
}

#[test]
fn a_film_whose_projection_is_seen_from_behind_is_mirrored() {
    let Some(clips) = folder() else { return };
    let mirrored = Orientation { quarter_turns: 0, mirrored: true };
    assert_eq!(decoded(&clips.join("reports/03d_mkv_pose_yaw180.mkv")), (108, mirrored));
}

#[test]
fn an_index_that_leads_in_a_circle_is_not_followed() {
    let Some(clips) = folder() else { return };
    assert_eq!(decoded(&clips.join("broken/seekhead_loop.mkv")).0, 108);
}

/// Opens a film that was made to harm, and gives the verdict.
fn attacked(film: &str) -> Option<String> {
    let path = folder()?.join("attacks").join(film);
    let begun = Instant::now();
    let mut reader = VideoReader::new(Limits::default());
    let verdict = reader.open(&path).and_then(|video| reader.decode(&video, &[FrameRank(0)]));
    assert!(begun.elapsed() < Duration::from_secs(5), "{film} took {:?}", begun.elapsed());
    if let Some(most) = most_memory() {
        assert!(most < 400 << 10, "{film} took {most} kB");
    }
    Some(verdict.map_or_else(|error| error.verdict().to_owned(), |_| "good".to_owned()))
}

/// The most memory that the process has had, in kB.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim_end_matches("kB").trim().parse().ok()
}

#[test]
fn groups_of_blocks_in_each_other_cost_no_stack() {
    let Some(verdict) = attacked("ebml_nested_blockgroups.mkv") else { return };
    assert_eq!(verdict, "container-damaged");
}

#[test]
fn a_few_bytes_do_not_become_an_index_of_a_thousand_times_as_many() {
    let Some(verdict) = attacked("mkv_lacing_1000.mkv") else { return };
    assert_eq!(verdict, "container-damaged");
}

#[test]
fn many_tracks_cost_no_more_time_than_their_bytes() {
    let Some(verdict) = attacked("mkv_tracks_quadratic_small.mkv") else { return };
    assert_ne!(verdict, "good");
}
