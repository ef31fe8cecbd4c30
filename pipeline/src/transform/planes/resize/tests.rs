//! The resize of planes beside its twin in f64, and what it does at the edges.

use proptest::prelude::*;

use super::*;
use crate::{
    picture::{Layout, Matrix, Orientation, Picture, Range, Sampling},
    transform::{RgbFrame, crop::Window, lines::Lines, orientation::upright_size, planes::*, whole_planes},
};

/// Pictures of noise, each sample of which is drawn from the whole of its range: no content is harder.
fn picture(colour: Sampling, bits: u8, size: (u32, u32), rule: (Matrix, Range), salt: u64) -> Picture {
    let (matrix, range) = rule;
    let layout = Layout { colour, bits };
    let mut picture =
        Picture { layout, width: size.0, height: size.1, matrix, range, planes: bytes::Bytes::new() };
    let samples: usize =
        (0..colour.planes()).map(|plane| picture.plane_size(plane)).map(|(w, h)| w * h).sum();
    let noise =
        |at: usize| ((at as u64 + 1).wrapping_add(salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u16;
    picture.planes = match bits {
        8 => (0..samples).map(|at| noise(at) as u8).collect(),
        _ => (0..samples).flat_map(|at| (noise(at) & ((1u32 << bits) - 1) as u16).to_le_bytes()).collect(),
    };
    picture
}

fn fast(picture: &Picture, window: Window, to: (u32, u32)) -> RgbFrame {
    let mut lines = Lines::default();
    PlaneResize::new(picture, window, to).run(picture, &mut lines, &mut Scratch::default());
    lines.to_rgb()
}

/// The pass over rows.
type RowPass = fn(&Picture, &down::Part<'_>, &[Taps], &mut Rows);

/// The same on a processor without AVX-512.
fn narrower(picture: &Picture, window: Window, to: (u32, u32)) -> RgbFrame {
    by_passes(picture, window, to, simd::filter_rows_narrower, |resize, mix, planes, top, lines, scratch| {
        let taps = resize.across.each_ref().map(Vec::as_slice);
        simd::filter_columns(taps, &Columns::of_narrower(taps), mix, planes, top, lines, scratch);
    })
}

/// The passes without vectors.
fn unvectorised(picture: &Picture, window: Window, to: (u32, u32)) -> RgbFrame {
    by_passes(picture, window, to, down::filter_rows, |resize, mix, planes, top, lines, scratch| {
        let taps = resize.across.each_ref().map(Vec::as_slice);
        across::filter_columns(taps, mix, planes, top, lines, scratch);
    })
}

fn by_passes(
    picture: &Picture,
    window: Window,
    to: (u32, u32),
    rows: RowPass,
    columns: impl Fn(&PlaneResize, &Mix, usize, usize, &mut Lines, &mut Scratch),
) -> RgbFrame {
    let resize = PlaneResize::new(picture, window, to);
    let (mut lines, mut scratch) = (Lines::default(), Scratch::default());
    lines.reshape(to.0 as usize, to.1 as usize);
    let planes = picture.layout.colour.planes();
    for top in (0..to.1 as usize).step_by(ROWS) {
        for plane in 0..planes {
            let taps = &resize.down[plane.min(1)];
            let taps = &taps[top..taps.len().min(top + ROWS)];
            rows(picture, &resize.part(picture, plane), taps, &mut scratch.rows[plane]);
        }
        columns(&resize, &Mix::of(picture), planes, top, &mut lines, &mut scratch);
    }
    lines.to_rgb()
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

fn window_in(size: (u32, u32), at: (u32, u32), sides: (u32, u32)) -> Window {
    let (x, y) = (at.0 % size.0, at.1 % size.1);
    Window { x, y, width: sides.0.min(size.0 - x), height: sides.1.min(size.1 - y) }
}

#[test]
fn grey_stays_grey_and_a_flat_picture_flat() {
    for (width, to) in [(50, 7), (9, 40)] {
        let mut flat = picture(Sampling::Yuv420, 8, (width, 30), (Matrix::Bt709, Range::Limited), 0);
        flat.planes = vec![128; flat.planes.len()].into();
        let window = Window { x: 1, y: 1, width: width - 1, height: 29 };
        // (128 − 16)·255/219 = 130.4
        assert!(fast(&flat, window, (to, 5)).pixels.iter().all(|&level| level == 130));
    }
}

fn layouts() -> impl Strategy<Value = (Sampling, u8)> {
    use Sampling::{Gbr, Grey, Yuv410, Yuv411, Yuv420, Yuv422, Yuv444};
    let colours = prop::sample::select(vec![Yuv420, Yuv422, Yuv444, Yuv411, Yuv410, Grey, Gbr]);
    (colours, prop::sample::select(vec![8u8, 10, 12, 16]))
}

fn rules() -> impl Strategy<Value = (Matrix, Range)> {
    let matrices = vec![Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020, Matrix::Smpte240m, Matrix::Fcc];
    (prop::sample::select(matrices), prop::sample::select(vec![Range::Limited, Range::Full]))
}

fn orientations() -> impl Strategy<Value = Orientation> {
    (0u8..4, any::<bool>()).prop_map(|(quarter_turns, mirrored)| Orientation { quarter_turns, mirrored })
}

proptest! {
    #[test]
    fn a_turned_window_is_at_most_a_level_from_the_formula(
        (colour, bits) in layouts(), rule in rules(), orientation in orientations(), salt: u64,
        size in (1u32..90, 1u32..60), at in (0u32..90, 0u32..60), sides in (1u32..90, 1u32..60),
        to in (1u32..40, 1u32..40),
    ) {
        let picture = picture(colour, bits, size, rule, salt);
        let window = window_in(upright_size(orientation, size), at, sides);
        let upright = whole_planes(&picture, orientation, 0);
        let (found, exact) = (fast(&upright, window, to), plain::convert_and_resize(&picture, orientation, window, to));
        prop_assert!(largest_difference(&found.pixels, &exact.pixels) <= 1);
    }

    #[test]
    fn every_processor_gives_the_same_bytes(
        (colour, bits) in layouts(), salt: u64, size in (1u32..90, 1u32..40),
        at in (0u32..90, 0u32..40), sides in (1u32..90, 1u32..40), to in (1u32..90, 1u32..40),
    ) {
        let picture = picture(colour, bits, size, (Matrix::Bt709, Range::Limited), salt);
        let window = window_in(size, at, sides);
        let found = fast(&picture, window, to);
        prop_assert_eq!(&found, &unvectorised(&picture, window, to));
        prop_assert_eq!(&found, &narrower(&picture, window, to));
    }

    #[test]
    fn a_whole_picture_is_resized_plane_by_plane(
        (colour, bits) in layouts(), salt: u64, size in (2u32..70, 2u32..70), short_side in 1u32..50,
    ) {
        let rule = (Matrix::Bt601, Range::Limited);
        let picture = picture(colour, bits, size, rule, salt);
        let found = whole_planes(&picture, Orientation::default(), short_side);
        prop_assert_eq!(found.width.min(found.height), short_side);
        let scale = (f64::from(size.0) / f64::from(found.width), f64::from(size.1) / f64::from(found.height));
        for plane in 0..colour.planes() {
            let (samples, exact) = (samples(&found, plane), resized_plain(&picture, plane, found.plane_size(plane), scale));
            prop_assert_eq!(samples.len(), exact.len());
            // Rounding, and a quarter of an 8-bit level for weights of 14 bits.
            let tolerance = 0.5 + 0.25 * f64::from(1u32 << (bits - 8));
            for (sample, exact) in samples.iter().zip(exact) {
                prop_assert!((sample - exact).abs() <= tolerance, "{sample} for {exact}");
            }
        }
    }
}

fn samples(picture: &Picture, plane: usize) -> Vec<f64> {
    let bytes = picture.plane(plane);
    match picture.sample_bytes() {
        1 => bytes.iter().map(|&sample| f64::from(sample)).collect(),
        _ => bytes.as_chunks::<2>().0.iter().map(|&sample| f64::from(u16::from_le_bytes(sample))).collect(),
    }
}

fn resized_plain(picture: &Picture, plane: usize, to: (usize, usize), scale: (f64, f64)) -> Vec<f64> {
    use crate::transform::rgb::taps::shares;
    let ((columns, rows), from) = (picture.plane_size(plane), samples(picture, plane));
    let mut out = Vec::new();
    for (top, of_rows) in shares(rows, to.1, scale.1) {
        for (left, of_columns) in shares(columns, to.0, scale.0) {
            let row = |y: usize| -> f64 {
                of_columns
                    .iter()
                    .zip(&from[(top + y) * columns + left..])
                    .map(|(share, sample)| share * sample)
                    .sum()
            };
            out.push(of_rows.iter().enumerate().map(|(y, share)| share * row(y)).sum());
        }
    }
    out
}
