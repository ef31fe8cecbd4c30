//! PyTorch's bilinear resize of float frames (`interpolate`, align_corners false, no antialias), kept in
//! 256ths of a level.
//!
//! Some published features are made of pixels that were floats before they were resized. Two bytes a value
//! carry them through stages that know u8 alone: the level, and its 256ths. What is rounded off is at most
//! 1/512 of a level, 8e-6 of full white.

use super::bilinear::{Pair, between, pairs};
use crate::transform::RgbFrame;

/// `frame` resized to `to` columns and rows: whole levels, and 256ths of a level.
pub fn resize(frame: &RgbFrame, to: (u32, u32)) -> [RgbFrame; 2] {
    let columns: Vec<Pair> = pairs(frame.width, to.0).collect();
    let line = frame.width as usize * 3;
    let size = to.0 as usize * to.1 as usize * 3;
    let (mut levels, mut parts) = (Vec::with_capacity(size), Vec::with_capacity(size));
    for row in pairs(frame.height, to.1) {
        for column in &columns {
            for colour in 0..3 {
                let value = |y: usize, x: usize| f32::from(frame.pixels[y * line + x * 3 + colour]);
                let fixed = (between(value, row, *column) * 256.0).round() as u16;
                levels.push((fixed >> 8) as u8);
                parts.push((fixed & 255) as u8);
            }
        }
    }
    [levels, parts].map(|pixels| RgbFrame { width: to.0, height: to.1, pixels })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule in f64.
    fn plain(frame: &RgbFrame, to: (u32, u32), x: u32, y: u32, colour: usize) -> f64 {
        let place = |at: u32, from: u32, to: u32| {
            let exact = ((f64::from(at) + 0.5) * f64::from(from) / f64::from(to) - 0.5).max(0.0);
            (exact as u32, (exact as u32 + 1).min(from - 1), exact.fract())
        };
        let ((left, right, dx), (above, below, dy)) =
            (place(x, frame.width, to.0), place(y, frame.height, to.1));
        let pixel = |x: u32, y: u32| f64::from(frame.pixels[(y * frame.width + x) as usize * 3 + colour]);
        let row = |y| (1.0 - dx) * pixel(left, y) + dx * pixel(right, y);
        (1.0 - dy) * row(above) + dy * row(below)
    }

    proptest! {
        #[test]
        fn levels_and_their_parts_are_the_exact_value(
            width in 1u32..40, height in 1u32..40, wide in 1u32..40, high in 1u32..40, seed: u64,
        ) {
            let bytes = (0..u64::from(width * height * 3)).map(|at| (at.wrapping_mul(seed | 1) >> 7) as u8);
            let frame = RgbFrame { width, height, pixels: bytes.collect() };
            let [levels, parts] = resize(&frame, (wide, high));
            for at in 0..levels.pixels.len() {
                let (pixel, colour) = (at as u32 / 3, at % 3);
                let exact = plain(&frame, (wide, high), pixel % wide, pixel / wide, colour);
                let found = f64::from(levels.pixels[at]) + f64::from(parts.pixels[at]) / 256.0;
                // A place in f32 may be off by a few 2^-20 of a pixel, 255 levels apart at most.
                prop_assert!((found - exact).abs() < 1.0 / 512.0 + 2e-3, "{found} for {exact}");
            }
        }
    }

    #[test]
    fn a_frame_of_the_size_wanted_is_itself() {
        let frame = RgbFrame { width: 2, height: 1, pixels: vec![0, 255, 3, 4, 5, 6] };
        let [levels, parts] = resize(&frame, (2, 1));
        assert_eq!((levels, parts.pixels), (frame, vec![0; 6]));
    }
}
