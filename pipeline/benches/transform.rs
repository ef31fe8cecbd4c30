//! CPU time of a clip's way from decoded pictures to cubes: 16 frames of 340×256, crops by the official
//! rule, 224×224. Prints medians over single-threaded rounds. Run with `cargo bench --bench transform`.

use std::{hint::black_box, time::Instant};

use pipeline::{
    FrameRank, StreamTime,
    clip::ClipMaker,
    picture::{Layout, Matrix, Orientation, Picture, Range, Sampling},
    profile::Profile,
    settings::ClipSettings,
    source::{ClipFrames, Pixels},
    transform::{
        crop::Window,
        resize::{resize, resize_plain},
        rgb::{convert, convert_plain},
    },
};
use schemas::ClipGeometry;

const FRAMES: u32 = 16;

/// Milliseconds of the median round.
fn median_ms(rounds: usize, mut work: impl FnMut(u64)) -> f64 {
    let mut times: Vec<f64> = (0..rounds as u64)
        .map(|round| {
            let start = Instant::now();
            work(round);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[rounds / 2]
}

fn picture(salt: u32) -> Picture {
    let noise = |at: u32| (at.wrapping_add(salt).wrapping_mul(2_654_435_761) >> 24) as u8;
    Picture {
        layout: Layout { colour: Sampling::Yuv420, bits: 8 },
        width: 340,
        height: 256,
        matrix: Matrix::Bt601,
        range: Range::Limited,
        planes: (0..340 * 256 * 3 / 2).map(noise).collect(),
    }
}

fn main() {
    let pictures: Vec<(FrameRank, Picture)> = (0..FRAMES).map(|at| (FrameRank(at), picture(at))).collect();
    let frames = ClipFrames {
        video: "noise".into(),
        label: None,
        ranks: (0..FRAMES).map(FrameRank).collect(),
        times: vec![StreamTime(0); FRAMES as usize],
        pixels: Pixels::Pictures { pictures, orientation: Orientation::default() },
    };
    let geometry = ClipGeometry::new(FRAMES as usize, 224, 224, 2, 16).expect("because 16 divides 224");
    let maker = ClipMaker::new(ClipSettings::published(geometry, 1, 0), 1).expect("because .9 of 196 fit");
    let profile = Profile::default();
    let mut copies: Vec<ClipFrames> = vec![frames; 101];
    let whole = median_ms(100, |round| {
        let frames = copies.pop().expect("because there are more copies than rounds");
        black_box(maker.rows(frames, 0, round, &profile));
    });
    println!("clip of 16 frames, pictures to cubes   {whole:7.2} ms");

    let (picture, window) = (picture(0), Window { x: 58, y: 16, width: 224, height: 224 });
    let large = Window { x: 0, y: 0, width: 256, height: 256 };
    let rgb = convert(&picture, large).pixels;
    let (from, to) = ((256, 256), (224, 224));
    for (name, ms) in [
        ("224×224 of a frame to RGB, fast", median_ms(200, |_| drop(black_box(convert(&picture, window))))),
        (
            "224×224 of a frame to RGB, plain",
            median_ms(20, |_| drop(black_box(convert_plain(&picture, window)))),
        ),
        ("256×256 to 224×224, fast", median_ms(200, |_| drop(black_box(resize(&rgb, from, to))))),
        ("256×256 to 224×224, plain", median_ms(20, |_| drop(black_box(resize_plain(&rgb, from, to))))),
    ] {
        println!("{name:38} {ms:7.3} ms");
    }
}
