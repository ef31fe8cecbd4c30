//! The videos are what was rendered, and the controls are what they are called.

use std::{collections::HashMap, fs, path::Path};

use pipeline::{
    FrameRank, transform,
    video::{Limits, VideoFacts, VideoReader},
};

use crate::{
    scene::{DIRECTIONS, Frame, opposite},
    source::Source,
    videos::{self, CLIP, Change, LONG, Labels, Part, Set},
};

/// Mean distance of a decoded value from the rendered one, in levels of 255, that is allowed. Chroma has half
/// the resolution, which costs most: at a coloured edge a value moves by tens.
const LOSS: f64 = 6.0;

/// Of the brightness, which has the full resolution.
const LOSS_OF_BRIGHTNESS: f64 = 1.5;

fn decode(path: &Path) -> (VideoFacts, Vec<Frame>) {
    let mut reader = VideoReader::new(Limits::default());
    let video = reader.open(path).unwrap();
    let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
    let pictures = reader.decode(&video, &all).unwrap();
    let rgb = |(_, picture)| transform::whole_frame(&picture, video.facts.orientation, 0).pixels;
    let frames = pictures.into_iter().map(rgb).collect();
    (video.facts, frames)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64
}

fn values(frame: &Frame) -> Vec<f64> {
    frame.iter().map(|&value| value.into()).collect()
}

fn brightness(frame: &Frame) -> Vec<f64> {
    let luma = |rgb: &[u8]| 0.299 * f64::from(rgb[0]) + 0.587 * f64::from(rgb[1]) + 0.114 * f64::from(rgb[2]);
    frame.chunks_exact(3).map(luma).collect()
}

#[test]
fn a_decoded_video_is_what_was_rendered() {
    let folder = tempfile::tempdir().unwrap();
    for part in [Part::Unlabelled, Part::Test] {
        let set = Set { part, change: Change::Plain, seed: 3, videos: 8 };
        set.make(&Source::Drift, folder.path()).unwrap();
        for number in 0..set.videos {
            let rendered = set.render(&Source::Drift, number).unwrap();
            let (facts, decoded) = decode(&folder.path().join(set.name()).join(format!("{number:05}.mp4")));
            assert_eq!(facts.codec, "h264");
            assert!(facts.has_b_frames && facts.key_frames.len() == rendered.len() / 4, "{facts:?}");
            assert_eq!(decoded.len(), if part == Part::Unlabelled { LONG } else { CLIP });
            for (at, (rendered, decoded)) in rendered.iter().zip(&decoded).enumerate() {
                let colours = distance(&values(rendered), &values(decoded));
                let bright = distance(&brightness(rendered), &brightness(decoded));
                assert!(colours < LOSS, "video {number}, frame {at}: {colours} levels");
                assert!(
                    bright < LOSS_OF_BRIGHTNESS,
                    "video {number}, frame {at}: {bright} levels of brightness"
                );
            }
        }
    }
}

#[test]
fn a_control_shows_the_test_s_frames_otherwise() {
    let of = |change, number| {
        Set { part: Part::Test, change, seed: 0, videos: 8 }.render(&Source::Drift, number).unwrap()
    };
    for number in 0..8 {
        let plain = of(Change::Plain, number);
        let mut reversed = of(Change::Reversed, number);
        reversed.reverse();
        assert!(reversed == plain);
        let copies = of(Change::Copies, number);
        assert!(copies.len() == CLIP && copies.iter().all(|frame| *frame == plain[CLIP / 2]));
        let (mut shuffled, mut sorted) = (of(Change::Shuffled, number), plain.clone());
        assert!(shuffled != plain);
        shuffled.sort();
        sorted.sort();
        assert!(shuffled == sorted);
    }
}

#[test]
fn lists_have_every_class_equally_often_and_opposite_or_permuted_ones_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let set = Set { part: Part::Train, change: Change::Plain, seed: 1, videos: 128 };
    let read = |labels| -> Vec<usize> {
        let path = videos::list(folder.path(), &set, 64, labels).unwrap();
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
    };
    let (plain, turned, permuted) = (read(Labels::True), read(Labels::Opposite), read(Labels::Permuted));
    assert!(plain.iter().zip(&turned).all(|(class, other)| opposite(*class) == *other));
    assert!(permuted != plain);
    for classes in [&plain, &turned, &permuted] {
        let mut counts = HashMap::new();
        classes.iter().for_each(|class| *counts.entry(*class).or_insert(0) += 1);
        assert!(counts.len() == DIRECTIONS && counts.values().all(|&count| count == 8), "{counts:?}");
    }
}
