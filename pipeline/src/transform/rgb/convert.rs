//! YUV (or GBR, or grey) to RGB u8 by the stream's own matrix and range.
//!
//! ```text
//! limited: y = (Y − 16s)/(219s), c = (C − 128s)/(224s)            s = 2^(bits − 8)
//! full:    y = Y/(2^bits − 1),   c = (C − 2^(bits−1))/(2^bits − 1)
//! R = y + 2(1 − Kr)·cr     B = y + 2(1 − Kb)·cb
//! G = y − (2Kb(1 − Kb)/Kg)·cb − (2Kr(1 − Kr)/Kg)·cr               times 255, half up, clamped
//! ```
//!
//! (ITU-R BT.601, BT.709, BT.2020.) Each chroma sample stands for its whole block of luma samples. The
//! plain version computes in f64; the fast one in integers of 2⁻¹⁶, or 2⁻²⁰ with more than 8 bits: at
//! most 1 level away, and only where the exact value lies within 1/100 of half a level.

use super::{simd, weights::Weights};
use crate::{
    picture::{Picture, Sampling},
    transform::{RgbFrame, crop::Window, lines::Lines},
};

/// A window of the coded picture as RGB lines; it must lie in the picture.
pub fn convert(picture: &Picture, window: Window, to: &mut Lines) {
    simd::convert(picture, window, to);
}

/// The formula as it reads, in f64.
pub fn convert_plain(picture: &Picture, window: Window) -> RgbFrame {
    let weights = Weights::of(picture);
    let (across, down) = picture.layout.colour.chroma_shift();
    let sample = |plane: usize, x: usize, y: usize| {
        let (columns, _) = picture.plane_size(plane);
        let (samples, at) = (picture.plane(plane), y * columns + x);
        match picture.sample_bytes() {
            1 => f64::from(samples[at]),
            _ => f64::from(u16::from_le_bytes([samples[2 * at], samples[2 * at + 1]])),
        }
    };
    let level = |value: f64| (value + 0.5).floor().clamp(0.0, 255.0) as u8;
    let mut pixels = Vec::with_capacity(window.width as usize * window.height as usize * 3);
    for y in window.y as usize..(window.y + window.height) as usize {
        for x in window.x as usize..(window.x + window.width) as usize {
            let luma = |plane| weights.luma * (sample(plane, x, y) - weights.black);
            match picture.layout.colour {
                Sampling::Grey => pixels.extend([level(luma(0)); 3]),
                Sampling::Gbr => pixels.extend([2, 0, 1].map(|plane| level(luma(plane)))),
                _ => {
                    let [cb, cr] =
                        [1, 2].map(|plane| sample(plane, x >> across, y >> down) - weights.neutral);
                    let y = luma(0);
                    pixels.push(level(y + weights.red_of_cr * cr));
                    pixels.push(level(y + weights.green_of_cb * cb + weights.green_of_cr * cr));
                    pixels.push(level(y + weights.blue_of_cb * cb));
                }
            }
        }
    }
    RgbFrame { width: window.width, height: window.height, pixels }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        picture::{Layout, Matrix, Range},
        transform::rgb::fixed_point::convert_lines,
    };

    fn picture(colour: Sampling, bits: u8, size: (u32, u32), value: impl Fn(usize) -> u16) -> Picture {
        let layout = Layout { colour, bits };
        let (matrix, range) = (Matrix::Bt601, Range::Limited);
        let mut picture =
            Picture { layout, width: size.0, height: size.1, matrix, range, planes: bytes::Bytes::new() };
        let samples: usize =
            (0..colour.planes()).map(|plane| picture.plane_size(plane)).map(|(w, h)| w * h).sum();
        picture.planes = match bits {
            8 => (0..samples).map(|at| value(at) as u8).collect(),
            _ => {
                (0..samples).flat_map(|at| (value(at) & ((1u32 << bits) - 1) as u16).to_le_bytes()).collect()
            }
        };
        picture
    }

    fn whole(picture: &Picture) -> Window {
        Window { x: 0, y: 0, width: picture.width, height: picture.height }
    }

    fn one_pixel(matrix: Matrix, range: Range, bits: u8, samples: [u16; 3]) -> Vec<u8> {
        let mut picture = picture(Sampling::Yuv444, bits, (1, 1), |plane| samples[plane]);
        (picture.matrix, picture.range) = (matrix, range);
        converted(&picture, whole(&picture))
    }

    fn converted(picture: &Picture, window: Window) -> Vec<u8> {
        let mut lines = Lines::default();
        convert(picture, window, &mut lines);
        lines.to_rgb().pixels
    }

    #[test]
    fn black_white_and_grey_are_the_same_under_every_matrix() {
        for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020, Matrix::Smpte240m, Matrix::Fcc] {
            assert_eq!(one_pixel(matrix, Range::Limited, 8, [16, 128, 128]), [0, 0, 0]);
            assert_eq!(one_pixel(matrix, Range::Limited, 8, [235, 128, 128]), [255, 255, 255]);
            assert_eq!(one_pixel(matrix, Range::Full, 8, [77, 128, 128]), [77, 77, 77]);
            assert_eq!(one_pixel(matrix, Range::Limited, 10, [940, 512, 512]), [255, 255, 255]);
            assert_eq!(one_pixel(matrix, Range::Full, 12, [4095, 2048, 2048]), [255, 255, 255]);
        }
    }

    #[test]
    fn pure_red_comes_back_from_its_own_matrix() {
        // Limited-range codes of RGB (255, 0, 0), rounded: 16 + 219·Kr, 128 − 224·Kr/(2(1 − Kb)), 240.
        assert_eq!(one_pixel(Matrix::Bt601, Range::Limited, 8, [81, 90, 240]), [254, 0, 0]);
        assert_eq!(one_pixel(Matrix::Bt709, Range::Limited, 8, [63, 102, 240]), [255, 1, 0]);
    }

    #[test]
    fn grey_and_gbr_pictures_are_taken_plane_by_plane() {
        let mut gbr = picture(Sampling::Gbr, 8, (1, 1), |plane| [20, 30, 10][plane]);
        gbr.range = Range::Full;
        assert_eq!(converted(&gbr, whole(&gbr)), [10, 20, 30]);
        let mut grey = picture(Sampling::Grey, 8, (2, 1), |at| [7, 9][at]);
        grey.range = Range::Full;
        assert_eq!(converted(&grey, whole(&grey)), [7, 7, 7, 9, 9, 9]);
    }

    proptest! {
        #[test]
        fn fast_and_plain_are_at_most_a_level_apart(
            width in 1u32..40, height in 1u32..20, salt: u64, x in 0u32..40, y in 0u32..20, full: bool,
            bits in prop::sample::select(vec![8u8, 10, 12, 16]),
            colour in prop::sample::select(vec![
                Sampling::Yuv420, Sampling::Yuv422, Sampling::Yuv411, Sampling::Yuv410, Sampling::Yuv444,
                Sampling::Gbr, Sampling::Grey,
            ]),
            matrix in prop::sample::select(vec![Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020]),
        ) {
            let noise = |at: usize| ((at as u64).wrapping_add(salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as u16;
            let mut picture = picture(colour, bits, (width, height), noise);
            (picture.matrix, picture.range) = (matrix, if full { Range::Full } else { Range::Limited });
            let (x, y) = (x % width, y % height);
            let window = Window { x, y, width: width - x, height: height - y };
            let (fast, plain) = (converted(&picture, window), convert_plain(&picture, window).pixels);
            let mut unvectorised = Lines::default();
            convert_lines(&picture, window, &mut unvectorised);
            prop_assert_eq!(&unvectorised.to_rgb().pixels, &fast);
            prop_assert_eq!(fast.len(), plain.len());
            for (a, b) in fast.iter().zip(&plain) {
                prop_assert!(a.abs_diff(*b) <= 1);
            }
        }
    }
}
