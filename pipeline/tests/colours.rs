//! Pixels of real films against the formula in f64, and how far both ways of making them lie apart.
//!
//! `cargo test -p tubelet-pipeline --test colours -- --nocapture` prints the figures.
#![cfg(feature = "video")]

mod shared;

use std::path::{Path, PathBuf};

use pipeline::{
    FrameRank,
    picture::{Orientation, Picture},
    transform::{
        crop::Window,
        lines::Lines,
        planes::{PlaneResize, Scratch, plain},
        rgb::resize::Resize,
        window_of,
    },
    video::{Limits, VideoReader},
};
use schemas::settings::Verify;

/// The side of a clip.
const SIDE: u32 = 224;

/// How far levels lie apart.
#[derive(Clone, Copy, Debug, Default)]
struct Distance {
    levels: u64,
    sum: u64,
    most: u8,
    /// Levels that differ at all.
    differ: u64,
}

impl Distance {
    fn add(&mut self, a: &[u8], b: &[u8]) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            let apart = a.abs_diff(*b);
            self.levels += 1;
            self.sum += u64::from(apart);
            self.most = self.most.max(apart);
            self.differ += u64::from(apart > 0);
        }
    }

    fn words(&self) -> String {
        let of_all = |count: u64| count as f64 / self.levels.max(1) as f64;
        format!(
            "mean {:.4}, largest {}, {:.3} % of {} levels differ",
            of_all(self.sum),
            self.most,
            100.0 * of_all(self.differ),
            self.levels
        )
    }
}

/// Windows as the multi-scale crop draws them: a whole short side, and smaller ones, oblong too.
fn windows(picture: &Picture) -> Vec<Window> {
    let short = picture.width.min(picture.height);
    let window = |(across, down, x, y): (u32, u32, u32, u32)| {
        let (width, height) = ((short * across / 1000).max(1), (short * down / 1000).max(1));
        Window { x: (picture.width - width) * x / 4, y: (picture.height - height) * y / 4, width, height }
    };
    [(1000, 1000, 2, 0), (875, 750, 1, 3), (660, 660, 4, 4)].map(window).to_vec()
}

/// The planes' way.
fn by_planes(picture: &Picture, window: Window) -> Vec<u8> {
    let mut lines = Lines::default();
    PlaneResize::new(picture, window, (SIDE, SIDE)).run(picture, &mut lines, &mut Scratch::default());
    lines.to_rgb().pixels
}

/// The official way: RGB of 8 bits, then Pillow's resize.
fn by_rgb(picture: &Picture, window: Window) -> Vec<u8> {
    let (mut lines, mut spare) = (Lines::default(), Lines::default());
    window_of(picture, Orientation::default(), window, &mut lines, &mut spare);
    Resize::new((window.width, window.height), (SIDE, SIDE)).run(&mut lines, &mut spare);
    lines.to_rgb().pixels
}

#[test]
fn pixels_of_films_are_at_most_a_level_from_the_formula() {
    let samples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"));
    let mut films: Vec<PathBuf> = ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"]
        .map(|film| samples.join(film))
        .into();
    if let Some(clips) = shared::folder() {
        let collected = shared::films(&["kinetics/", "mixed/", "droid/"]);
        films.extend(collected.iter().map(|film| clips.join(&film.file)));
    }
    let mut reader = VideoReader::new(Limits::default()).with_verify(Verify::Clip);
    let (mut of_formula, mut of_official) = (Distance::default(), Distance::default());
    let mut far = Vec::new();
    for film in &films {
        let video = reader.open(film).unwrap();
        let middle = FrameRank(video.facts.frames.min(40) / 2);
        for (_, picture) in reader.decode(&video, &[middle]).unwrap() {
            let mut of_film = Distance::default();
            for window in windows(&picture) {
                let fast = by_planes(&picture, window);
                let exact = plain::convert_and_resize(&picture, Orientation::default(), window, (SIDE, SIDE));
                of_film.add(&fast, &exact.pixels);
                of_formula.add(&fast, &exact.pixels);
                of_official.add(&fast, &by_rgb(&picture, window));
            }
            if of_film.most > 1 {
                far.push(format!("{}: {}", film.display(), of_film.words()));
            }
        }
    }
    eprintln!("{} films; from the formula in f64: {}", films.len(), of_formula.words());
    eprintln!("from RGB first, then Pillow's resize: {}", of_official.words());
    assert_eq!(far, Vec::<String>::new(), "more than a level from the formula");
}
