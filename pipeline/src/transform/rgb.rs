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

use super::{RgbFrame, crop::Window, lines::Lines, simd};
use crate::picture::{Matrix, Picture, Range, Sampling};

/// The weights of a colour rule: levels (of 255) a sample value, and the values of black and no colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    pub luma: f64,
    pub black: f64,
    pub neutral: f64,
    pub red_of_cr: f64,
    pub green_of_cb: f64,
    pub green_of_cr: f64,
    pub blue_of_cb: f64,
}

impl Weights {
    pub fn of(picture: &Picture) -> Self {
        let (kr, kb) = match picture.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
            Matrix::Smpte240m => (0.212, 0.087),
            Matrix::Fcc => (0.30, 0.11),
        };
        let kg = 1.0 - kr - kb;
        let step = f64::from(1u32 << (picture.layout.bits.clamp(8, 16) - 8));
        let highest = 256.0 * step - 1.0;
        let (luma, chroma, black) = match picture.range {
            Range::Limited => (255.0 / (219.0 * step), 255.0 / (224.0 * step), 16.0 * step),
            Range::Full => (255.0 / highest, 255.0 / highest, 0.0),
        };
        Self {
            luma,
            black,
            neutral: 128.0 * step,
            red_of_cr: 2.0 * (1.0 - kr) * chroma,
            green_of_cb: -2.0 * kb * (1.0 - kb) / kg * chroma,
            green_of_cr: -2.0 * kr * (1.0 - kr) / kg * chroma,
            blue_of_cb: 2.0 * (1.0 - kb) * chroma,
        }
    }
}

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

/// Fraction bits of the weights for samples of so many bytes: the error of a weight grows with the sample.
/// The largest sum, below 600 levels, fits in 31 bits either way.
const fn fraction_bits(sample_bytes: usize) -> u32 {
    if sample_bytes == 1 { 16 } else { 20 }
}

/// The weights in integers.
struct Fixed<const BYTES: usize> {
    luma: i32,
    /// Half a level for rounding, less black.
    offset: i32,
    neutral: i32,
    highest: i32,
    red_of_cr: i32,
    green_of_cb: i32,
    green_of_cr: i32,
    blue_of_cb: i32,
}

impl<const BYTES: usize> Fixed<BYTES> {
    fn of(picture: &Picture) -> Self {
        let weights = Weights::of(picture);
        let bits = fraction_bits(BYTES);
        let fixed = |weight: f64| (weight * f64::from(1 << bits)).round() as i32;
        Self {
            luma: fixed(weights.luma),
            // Rounded once as a whole, so that luma's part of the error does not grow with the offset.
            offset: (1 << (bits - 1)) - fixed(weights.luma * weights.black),
            neutral: weights.neutral as i32,
            highest: ((1u32 << picture.layout.bits.clamp(8, 16)) - 1) as i32,
            red_of_cr: fixed(weights.red_of_cr),
            green_of_cb: fixed(weights.green_of_cb),
            green_of_cr: fixed(weights.green_of_cr),
            blue_of_cb: fixed(weights.blue_of_cb),
        }
    }

    /// A sample's value; bits above the declared depth, which only a broken stream has, saturate.
    #[inline(always)]
    fn value(&self, sample: &[u8; BYTES]) -> i32 {
        match BYTES {
            1 => i32::from(sample[0]),
            _ => i32::from(u16::from_le_bytes([sample[0], sample[BYTES - 1]])).min(self.highest),
        }
    }

    #[inline(always)]
    fn level(sum: i32) -> u8 {
        (sum >> fraction_bits(BYTES)).clamp(0, 255) as u8
    }
}

/// The fast version, one row after the other; compiled for several processors by [`simd`].
#[inline(always)]
pub(super) fn convert_lines(picture: &Picture, window: Window, to: &mut Lines) {
    let (across, _) = picture.layout.colour.chroma_shift();
    match (picture.sample_bytes(), across) {
        (1, 0) => convert_rows::<1, 1>(picture, window, to),
        (1, 1) => convert_rows::<1, 2>(picture, window, to),
        (1, _) => convert_rows::<1, 4>(picture, window, to),
        (_, 0) => convert_rows::<2, 1>(picture, window, to),
        (_, 1) => convert_rows::<2, 2>(picture, window, to),
        (_, _) => convert_rows::<2, 4>(picture, window, to),
    }
}

/// `BYTES` a sample, `ACROSS` luma columns a chroma sample.
#[inline(always)]
fn convert_rows<const BYTES: usize, const ACROSS: usize>(picture: &Picture, window: Window, to: &mut Lines) {
    let fixed = Fixed::<BYTES>::of(picture);
    let (left, width) = (window.x as usize, window.width as usize);
    to.reshape(width, window.height as usize);
    let planes: [_; 3] = std::array::from_fn(|plane| match plane < picture.layout.colour.planes() {
        true => (picture.plane(plane).as_chunks::<BYTES>().0, picture.plane_size(plane).0),
        false => (&[][..], 0),
    });
    let line = |plane: usize, y: usize| {
        let (samples, columns) = planes[plane];
        &samples[y * columns..][..columns]
    };
    let has_chroma = !matches!(picture.layout.colour, Sampling::Grey | Sampling::Gbr);
    let down = picture.layout.colour.chroma_shift().1;
    // What chroma adds to each colour of a row, reckoned once for all the rows that share it.
    let chroma = left / ACROSS..(left + width).div_ceil(ACROSS);
    let mut added = [const { Vec::new() }; 3].map(|_: Vec<i32>| vec![0; chroma.len() * ACROSS]);
    let mut added_for = None;
    for (y, row) in (window.y as usize..).zip(to.samples_mut().chunks_exact_mut((width * 3).max(1))) {
        let (red, rest) = row.split_at_mut(width);
        let (green, blue) = rest.split_at_mut(width);
        if picture.layout.colour == Sampling::Gbr {
            for (plane, out) in [green, blue, red].into_iter().enumerate() {
                for (out, sample) in out.iter_mut().zip(&line(plane, y)[left..]) {
                    *out = Fixed::<BYTES>::level(fixed.luma * fixed.value(sample) + fixed.offset);
                }
            }
            continue;
        }
        if has_chroma && added_for != Some(y >> down) {
            added_for = Some(y >> down);
            let (cbs, crs) = (&line(1, y >> down)[chroma.clone()], &line(2, y >> down)[chroma.clone()]);
            let [reds, greens, blues] = added.each_mut().map(|added| added.as_chunks_mut::<ACROSS>().0);
            for (((cb, cr), red), (green, blue)) in
                cbs.iter().zip(crs).zip(reds).zip(greens.iter_mut().zip(blues))
            {
                let (cb, cr) = (fixed.value(cb) - fixed.neutral, fixed.value(cr) - fixed.neutral);
                *red = [fixed.red_of_cr * cr + fixed.offset; ACROSS];
                *green = [fixed.green_of_cb * cb + fixed.green_of_cr * cr + fixed.offset; ACROSS];
                *blue = [fixed.blue_of_cb * cb + fixed.offset; ACROSS];
            }
        } else if !has_chroma && added_for.is_none() {
            added_for = Some(0);
            added.iter_mut().for_each(|added| added.fill(fixed.offset));
        }
        // Zipped rather than indexed: a bounds check in the loop would leave its end unvectorised.
        let [reds, greens, blues] = added.each_ref().map(|added| &added[left % ACROSS..][..width]);
        let outs = red.iter_mut().zip(green).zip(blue);
        let adds = reds.iter().zip(greens).zip(blues);
        for ((luma, ((red, green), blue)), ((more_red, more_green), more_blue)) in
            line(0, y)[left..][..width].iter().zip(outs).zip(adds)
        {
            let luma = fixed.luma * fixed.value(luma);
            *red = Fixed::<BYTES>::level(luma + more_red);
            *green = Fixed::<BYTES>::level(luma + more_green);
            *blue = Fixed::<BYTES>::level(luma + more_blue);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::picture::Layout;

    fn picture(colour: Sampling, bits: u8, size: (u32, u32), value: impl Fn(usize) -> u16) -> Picture {
        let layout = Layout { colour, bits };
        let (matrix, range) = (Matrix::Bt601, Range::Limited);
        let mut picture =
            Picture { layout, width: size.0, height: size.1, matrix, range, planes: Vec::new() };
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
