//! Bilinear resize of RGB u8, antialiased when it shrinks: byte for byte what Pillow's
//! `resize(BILINEAR)` gives.
//!
//! ```text
//! scale = in/out, f = max(scale, 1), centre c = (i + ½)·scale
//! inputs x0 = max(0, trunc(c − f + ½)) … min(in, trunc(c + f + ½)), weights max(0, 1 − |x − c + ½|/f)
//! normalised in f64, then k = trunc(w·2²² + ½);   value = clamp((2²¹ + Σ k·p) >> 22, 0, 255)
//! ```
//!
//! Columns first, stored as u8, then rows; a pass whose length does not change is skipped. The fast
//! version does the same sums in another order, in integers, so it gives the same bytes.

use super::{
    simd::{self, Columns},
    taps::{BITS, Taps, taps, to_byte},
};
use crate::transform::lines::Lines;

/// A resize of frames of one size to another: its weights are computed once.
#[doc(alias = "Pillow")]
#[doc(alias = "BILINEAR")]
pub struct Resize {
    columns: Option<(Vec<Taps>, Columns)>,
    rows: Option<Vec<Taps>>,
}

impl Resize {
    /// From frames of `from` (columns, rows) to `to`.
    pub fn new(from: (u32, u32), to: (u32, u32)) -> Self {
        let columns = (from.0 != to.0).then(|| taps(from.0, to.0));
        let with_way = |taps: Vec<Taps>| {
            let way = Columns::of(&taps);
            (taps, way)
        };
        Self { columns: columns.map(with_way), rows: (from.1 != to.1).then(|| taps(from.1, to.1)) }
    }

    /// Resizes `frame`; `spare` lends its memory, and what it holds afterwards is left open.
    pub fn run(&self, frame: &mut Lines, spare: &mut Lines) {
        if let Some((taps, way)) = &self.columns {
            simd::resize_columns(taps, way, frame, spare);
            std::mem::swap(frame, spare);
        }
        if let Some(taps) = &self.rows {
            simd::resize_rows(taps, frame, spare);
            std::mem::swap(frame, spare);
        }
    }
}

/// Colours of a pixel.
const COLOURS: usize = 3;

/// The same, one sample after the other, as the formula reads.
pub fn resize_plain(pixels: &[u8], from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
    let pass = |samples: &[u8], from: u32, to: u32, stride: usize, starts: &[usize]| {
        let mut out = Vec::new();
        for &start in starts {
            for tap in taps(from, to) {
                let inputs = tap.weights.iter().enumerate();
                let sum: i32 =
                    inputs.map(|(at, k)| k * i32::from(samples[start + (tap.first + at) * stride])).sum();
                out.push(to_byte(sum + (1 << (BITS - 1))));
            }
        }
        out
    };
    let transpose = |samples: Vec<u8>, length: usize| -> Vec<u8> {
        let lines = samples.len() / length.max(1);
        (0..samples.len()).map(|at| samples[at % lines * length + at / lines]).collect()
    };
    let (mut samples, width, height) = (pixels.to_vec(), from.0 as usize, from.1 as usize);
    let mut row = width * COLOURS;
    if from.0 != to.0 {
        let starts: Vec<usize> =
            (0..height).flat_map(|y| (0..COLOURS).map(move |colour| y * row + colour)).collect();
        let lines = pass(&samples, from.0, to.0, COLOURS, &starts);
        samples = lines
            .chunks_exact(to.0 as usize * COLOURS)
            .flat_map(|line| transpose(line.to_vec(), to.0 as usize))
            .collect();
        row = to.0 as usize * COLOURS;
    }
    if from.1 != to.1 {
        let starts: Vec<usize> = (0..row).collect();
        samples = transpose(pass(&samples, from.1, to.1, row, &starts), to.1 as usize);
    }
    samples
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transform::{
        crop::Window,
        rgb::{columns, rows::resize_rows},
    };

    fn resize(pixels: &[u8], from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
        let (mut frame, mut spare) = (Lines::default(), Lines::default());
        frame.cut_from(pixels, from.0, Window { x: 0, y: 0, width: from.0, height: from.1 });
        Resize::new(from, to).run(&mut frame, &mut spare);
        frame.to_rgb().pixels
    }

    fn grey_row(samples: &[u8], to: u32) -> Vec<u8> {
        let pixels: Vec<u8> = samples.iter().flat_map(|&sample| [sample; 3]).collect();
        let out = resize(&pixels, (samples.len() as u32, 1), (to, 1));
        out.into_iter().step_by(3).collect()
    }

    #[test]
    fn a_row_becomes_what_pillow_makes_of_it() {
        let row = [0, 50, 100, 150, 200, 250, 10];
        assert_eq!(grey_row(&row, 4), [26, 104, 196, 122]);
        assert_eq!(grey_row(&row, 3), [43, 150, 154]);
        assert_eq!(grey_row(&row, 10), [0, 27, 63, 98, 133, 167, 202, 238, 142, 10]);
    }

    #[test]
    fn the_first_weights_are_the_published_ones() {
        let taps = taps(7, 4);
        let weights = |at: usize| -> Vec<f64> {
            taps[at].weights.iter().map(|&weight| f64::from(weight) / f64::from(1 << BITS)).collect()
        };
        for (at, first, expected) in [(0, 0, [0.523810, 0.428571, 0.047619]), (1, 1, [0.2, 0.52, 0.28])] {
            assert_eq!(taps[at].first, first);
            for (found, expected) in weights(at).into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
            }
        }
    }

    #[test]
    fn a_size_that_stays_leaves_the_bytes() {
        let pixels: Vec<u8> = (0..60).collect();
        assert_eq!(resize(&pixels, (5, 4), (5, 4)), pixels);
    }

    proptest! {
        #[test]
        fn fast_and_plain_give_the_same_bytes(
            width in 1u32..40, height in 1u32..40, to_width in 1u32..40, to_height in 1u32..40, salt: u64,
        ) {
            let noise = |at: u64| (at.wrapping_add(salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
            let pixels: Vec<u8> = (0..u64::from(width * height * 3)).map(noise).collect();
            let (from, to) = ((width, height), (to_width, to_height));
            prop_assert_eq!(resize(&pixels, from, to), resize_plain(&pixels, from, to));
        }

        #[test]
        fn every_processor_gives_the_same_bytes(width in 1u32..60, height in 1u32..20, to in 1u32..60) {
            let pixels: Vec<u8> = (0..width * height * 3).map(|at| (at * at % 251) as u8).collect();
            let (mut frame, mut fast, mut plain) = (Lines::default(), Lines::default(), Lines::default());
            frame.cut_from(&pixels, width, Window { x: 0, y: 0, width, height });
            let across = taps(width, to);
            simd::resize_columns(&across, &Columns::of(&across), &frame, &mut fast);
            columns::resize_columns(&across, &frame, &mut plain);
            prop_assert_eq!(fast.samples(), plain.samples());
            let down = taps(height, to);
            simd::resize_rows(&down, &frame, &mut fast);
            resize_rows(&down, &frame, &mut plain);
            prop_assert_eq!(fast.samples(), plain.samples());
        }
    }
}
