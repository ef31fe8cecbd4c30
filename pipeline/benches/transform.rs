//! CPU time of a clip's way from decoded pictures to cubes: 16 frames of 340×256, crops by the official
//! rule, 224×224; then the operations of fine-tuning on such a frame. Prints the fastest and the median of single-threaded
//! rounds. Run with `cargo bench --bench transform`.

use std::hint::black_box;

use pipeline::{
    ClipNumber, FrameRank, Slot, StreamTime,
    augment::{
        operation::{KINDS, Operation},
        resized_crop::resize_into,
    },
    clips::{RowMaker as _, masked::ClipMaker},
    picture::{Layout, Matrix, Orientation, Picture, Range, Sampling},
    profile::{Profile, Stage},
    settings::ClipSettings,
    source::{ClipFrames, Pixels},
    transform::{
        crop::Window,
        lines::Lines,
        rgb::{
            convert, convert_plain,
            resize::{Resize, resize_plain},
        },
    },
};
use schemas::ClipGeometry;

mod measure;
use measure::measure;

const FRAMES: u32 = 16;

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
    let rounds = 30;
    // With the copy of the pictures, which stands for what a decoder would hand over.
    measure("copying the pictures of a clip", rounds, |_| drop(black_box(frames.clone())));
    measure("the same and pictures to cubes", rounds, |round| {
        black_box(maker.rows(frames.clone(), 0, Slot(0), ClipNumber(round as u64), &profile));
    });
    for stage in [Stage::Transform, Stage::Cubes] {
        let mean = profile.figures().wall(stage).as_secs_f64() * 1e3 / profile.figures().clips as f64;
        println!("  of it {:32} {mean:7.3} ms (mean, wall)", stage.name());
    }

    let (picture, window) = (picture(0), Window { x: 58, y: 16, width: 224, height: 224 });
    let large = Window { x: 0, y: 0, width: 256, height: 256 };
    let (mut lines, mut frame, mut spare) = (Lines::default(), Lines::default(), Lines::default());
    convert(&picture, large, &mut lines);
    let rgb = lines.to_rgb().pixels;
    let (from, to) = ((256, 256), (224, 224));
    measure("256×256 of a frame to RGB, fast", 400, |_| convert(&picture, large, black_box(&mut frame)));
    measure("224×224 of a frame to RGB, plain", 2, |_| drop(black_box(convert_plain(&picture, window))));
    measure("256×256 cut from interleaved RGB", 400, |_| black_box(&mut frame).cut_from(&rgb, 256, large));
    for (name, from, to) in [
        ("256×256 to 224×256, fast", from, (224, 256)),
        ("256×256 to 256×224, fast", from, (256, 224)),
        ("256×256 to 224×224, fast", from, to),
    ] {
        let resize = Resize::new(from, to);
        // The copy restores what the resize replaced; it takes a small part of the time.
        measure(name, 400, |_| {
            frame.clone_from(&lines);
            resize.run(black_box(&mut frame), &mut spare);
        });
    }
    measure("256×256 to 224×224, plain", 2, |_| drop(black_box(resize_plain(&rgb, from, to))));
    augment(&picture);
}

/// The operations of RandAugment on a whole frame of 340×256, and the random resized crop of fine-tuning.
fn augment(picture: &Picture) {
    let (whole, mut lines) = (Window { x: 0, y: 0, width: 340, height: 256 }, Lines::default());
    convert(picture, whole, &mut lines);
    let frame = lines.to_rgb();
    for kind in KINDS {
        let operation = Operation::at(kind, 7.0, false);
        // The copy takes a small part of the time.
        measure(&format!("{kind:?}"), 20, |_| operation.apply(black_box(&mut frame.clone())));
    }
    let window = Window { x: 58, y: 16, width: 200, height: 210 };
    measure("200×210 to 224×224 by two neighbours", 20, |_| {
        resize_into(black_box(&frame), window, (224, 224), &mut lines);
    });
}
