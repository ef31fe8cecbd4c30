//! The sample films of the repository: a clip decoded by plan is the same as in a decode of the whole.
#![cfg(feature = "video")]

use std::path::Path;

use pipeline::{
    FrameRank,
    video::{Limits, VideoReader},
};
use schemas::settings::Skip;

#[test]
fn a_planned_clip_of_every_sample_equals_the_whole_decode() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"));
    let mut planned = VideoReader::new(Limits::default());
    let mut plain = VideoReader::new(Limits::default()).with_skipping(Skip::Nothing);
    for file in ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"] {
        let video = planned.open(&folder.join(file)).unwrap();
        let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
        let whole = plain.decode(&video, &all).unwrap();
        assert_eq!(whole.len(), all.len(), "{file}");
        for start in [0, 7, video.facts.frames / 2] {
            let clip = (0..8).map(|frame| FrameRank(start + 3 * frame));
            let clip: Vec<_> = clip.filter(|rank| rank.0 < video.facts.frames).collect();
            for (rank, picture) in planned.decode(&video, &clip).unwrap() {
                assert!(picture == whole[rank.0 as usize].1, "{file}, frame {}", rank.0);
            }
        }
    }
}

#[test]
fn a_text_named_like_a_film_is_no_video() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("film.mp4");
    std::fs::write(&file, "not found").unwrap();
    let error = VideoReader::new(Limits::default()).open(&file).unwrap_err();
    assert_eq!(error.verdict(), "not-a-video");
}
