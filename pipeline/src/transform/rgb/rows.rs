//! The resize's pass over rows: every column becomes taller or shorter.

use super::taps::{BITS, Taps, to_byte};
use crate::transform::{lines::Lines, weighted_sum::add_weighted};

/// The pass over rows: every output row is a weighted sum of a few input rows.
#[inline(always)]
pub(super) fn resize_rows(taps: &[Taps], from: &Lines, to: &mut Lines) {
    to.reshape(from.width(), taps.len());
    let row_bytes = from.width() * 3;
    let mut sums = vec![0i32; row_bytes];
    for (out, tap) in to.samples_mut().chunks_exact_mut(row_bytes).zip(taps) {
        let rows = &from.samples()[tap.first * row_bytes..];
        match tap.weights[..] {
            [a] => weigh(rows, [a], out),
            [a, b] => weigh(rows, [a, b], out),
            [a, b, c] => weigh(rows, [a, b, c], out),
            [a, b, c, d] => weigh(rows, [a, b, c, d], out),
            ref weights => {
                sums.fill(1 << (BITS - 1));
                for (weight, row) in weights.iter().zip(rows.chunks_exact(row_bytes)) {
                    for (sum, &sample) in sums.iter_mut().zip(row) {
                        *sum = add(*sum, *weight, sample);
                    }
                }
                for (out, &sum) in out.iter_mut().zip(&sums) {
                    *out = to_byte(sum);
                }
            }
        }
    }
}

/// `sum + weight × sample`. It fits, since weights add up to 2^[`BITS`] and samples are below 2⁸.
#[inline(always)]
fn add(sum: i32, weight: i32, sample: u8) -> i32 {
    add_weighted(sum, weight, i32::from(sample))
}

/// Samples whose sums are kept in registers together.
const CHUNK: usize = 32;

/// The weighted sum of the first `N` of `rows`, chunk by chunk: lengths known when compiled vectorise.
#[inline(always)]
fn weigh<const N: usize>(rows: &[u8], weights: [i32; N], out: &mut [u8]) {
    let length = out.len();
    let rows: [&[u8]; N] = std::array::from_fn(|row| &rows[row * length..][..length]);
    let sum = |samples: [u8; N]| {
        let half = 1 << (BITS - 1);
        to_byte(samples.into_iter().zip(weights).fold(half, |sum, (sample, weight)| add(sum, weight, sample)))
    };
    let (chunks, rest) = out.as_chunks_mut::<CHUNK>();
    let whole = chunks.len();
    for (at, out) in chunks.iter_mut().enumerate() {
        let inputs: [&[u8; CHUNK]; N] = std::array::from_fn(|row| &rows[row].as_chunks().0[at]);
        for (place, out) in out.iter_mut().enumerate() {
            *out = sum(std::array::from_fn(|row| inputs[row][place]));
        }
    }
    for (at, out) in (whole * CHUNK..).zip(rest) {
        *out = sum(std::array::from_fn(|row| rows[row][at]));
    }
}
