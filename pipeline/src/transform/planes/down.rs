//! The pass over rows: each row that comes out is a weighted sum of a few rows of samples.
//!
//! It comes first, since neighbours in memory are then neighbours in a vector register whatever the ratio.

use super::{
    Rows,
    taps::{BITS, Taps},
};
use crate::{picture::Picture, transform::weighted_sum::add_weighted};

/// Bits of a sample between the passes; the value 2^(bits of the picture) would be 2¹⁵.
pub(super) const BETWEEN: u32 = 15;

/// The samples of a plane that a window needs.
pub(super) struct Part<'a> {
    /// The whole plane.
    pub samples: &'a [u8],
    /// Samples of a row of it.
    pub stride: usize,
    /// First column of the part.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Columns.
    pub width: usize,
}

/// Makes a row of `to` for each of `taps`, whose inputs are counted from the part's first row.
#[inline(always)]
pub(super) fn filter_rows(picture: &Picture, part: &Part<'_>, taps: &[Taps], to: &mut Rows) {
    to.reshape(part.width);
    // Of depths between, samples have two bytes, of which a broken stream may use more bits than it says.
    let bits = u32::from(picture.layout.bits.clamp(8, 16));
    match picture.sample_bytes() {
        1 => rows::<1>(part, taps, 8, to),
        _ => rows::<2>(part, taps, bits, to),
    }
}

#[inline(always)]
fn rows<const BYTES: usize>(part: &Part<'_>, taps: &[Taps], bits: u32, to: &mut Rows) {
    let samples = part.samples.as_chunks::<BYTES>().0;
    let sum_to_sample = Rounding { shift: BITS + bits - BETWEEN, highest: ((1u32 << bits) - 1) as i32 };
    for (row, tap) in taps.iter().enumerate() {
        let first = (part.top + tap.first) * part.stride + part.left;
        let inputs = Inputs { samples: &samples[first..], stride: part.stride };
        let out = to.row_mut(row);
        match tap.weights[..] {
            [a] => weigh(inputs, [a], sum_to_sample, out),
            [a, b] => weigh(inputs, [a, b], sum_to_sample, out),
            [a, b, c] => weigh(inputs, [a, b, c], sum_to_sample, out),
            [a, b, c, d] => weigh(inputs, [a, b, c, d], sum_to_sample, out),
            ref weights => weigh_many(inputs, weights, sum_to_sample, out),
        }
    }
}

/// How a sum of products becomes a sample.
#[derive(Clone, Copy)]
struct Rounding {
    shift: u32,
    highest: i32,
}

impl Rounding {
    #[inline(always)]
    fn value<const BYTES: usize>(self, sample: [u8; BYTES]) -> i32 {
        match BYTES {
            1 => i32::from(sample[0]),
            _ => i32::from(u16::from_le_bytes([sample[0], sample[BYTES - 1]])).min(self.highest),
        }
    }

    /// `sum + weight × sample`. It fits, since weights add up to 2^[`BITS`].
    #[inline(always)]
    fn add<const BYTES: usize>(self, sum: i32, weight: i16, sample: [u8; BYTES]) -> i32 {
        add_weighted(sum, i32::from(weight), self.value(sample))
    }

    /// Only a sample of 16 bits can round up to 2¹⁵.
    #[inline(always)]
    fn sample<const BYTES: usize>(self, sum: i32) -> i16 {
        match BYTES {
            1 => (sum.wrapping_add(1 << (BITS + 8 - BETWEEN - 1)) >> (BITS + 8 - BETWEEN)) as i16,
            _ => (sum.wrapping_add(1 << (self.shift - 1)) >> self.shift).min(i16::MAX.into()) as i16,
        }
    }
}

/// Rows of samples from the first tap's on.
#[derive(Clone, Copy)]
struct Inputs<'a, const BYTES: usize> {
    samples: &'a [[u8; BYTES]],
    stride: usize,
}

/// Samples whose sums are kept in registers together.
const CHUNK: usize = 32;

/// The weighted sum of `N` rows, chunk by chunk: lengths known when compiled vectorise.
#[inline(always)]
fn weigh<const BYTES: usize, const N: usize>(
    inputs: Inputs<'_, BYTES>,
    weights: [i16; N],
    rounding: Rounding,
    out: &mut [i16],
) {
    let length = out.len();
    let rows: [&[[u8; BYTES]]; N] =
        std::array::from_fn(|row| &inputs.samples[row * inputs.stride..][..length]);
    let sum = |samples: [[u8; BYTES]; N]| {
        let weighed = samples.into_iter().zip(weights);
        let sum = weighed.fold(0, |sum, (sample, weight)| rounding.add(sum, weight, sample));
        rounding.sample::<BYTES>(sum)
    };
    let (chunks, rest) = out.as_chunks_mut::<CHUNK>();
    let whole = chunks.len();
    for (at, out) in chunks.iter_mut().enumerate() {
        let inputs: [&[[u8; BYTES]; CHUNK]; N] = std::array::from_fn(|row| &rows[row].as_chunks().0[at]);
        for (place, out) in out.iter_mut().enumerate() {
            *out = sum(std::array::from_fn(|row| inputs[row][place]));
        }
    }
    for (at, out) in (whole * CHUNK..).zip(rest) {
        *out = sum(std::array::from_fn(|row| rows[row][at]));
    }
}

/// The same for any number of rows.
#[inline(always)]
fn weigh_many<const BYTES: usize>(
    inputs: Inputs<'_, BYTES>,
    weights: &[i16],
    rounding: Rounding,
    out: &mut [i16],
) {
    for (chunk, out) in out.chunks_mut(CHUNK).enumerate() {
        let mut sums = [0i32; CHUNK];
        for (row, &weight) in weights.iter().enumerate() {
            let samples = &inputs.samples[row * inputs.stride + chunk * CHUNK..][..out.len()];
            for (sum, &sample) in sums.iter_mut().zip(samples) {
                *sum = rounding.add(*sum, weight, sample);
            }
        }
        for (out, &sum) in out.iter_mut().zip(&sums) {
            *out = rounding.sample::<BYTES>(sum);
        }
    }
}
