//! The resize's pass over columns: every row becomes wider or narrower.
//!
//! This is the plain way, which takes eight rows side by side, so that what is next in memory is the same column of the
//! next row. It is also the fast one where registers are not AVX2's: eight sums fill two registers of NEON.
//! `simd/steps.rs` has the other way of x86-64.

use super::taps::{BITS, Taps, to_byte};
use crate::transform::{lines::Lines, weighted_sum::add_weighted};

/// Rows that are filtered together: their sums fill vector registers, one weight serves them all.
const ROWS: usize = 8;

/// The pass in plain Rust; `to` becomes `taps.len()` columns wide.
#[inline(always)]
pub(super) fn resize_columns(taps: &[Taps], from: &Lines, to: &mut Lines) {
    let (width, height, wanted) = (from.width(), from.height(), taps.len());
    to.reshape(wanted, height);
    let mut together = vec![[0u8; ROWS]; width];
    for colour in 0..3 {
        for top in (0..height).step_by(ROWS) {
            let rows = ROWS.min(height - top);
            for row in 0..rows {
                let line = &from.samples()[((top + row) * 3 + colour) * width..][..width];
                for (lanes, &sample) in together.iter_mut().zip(line) {
                    lanes[row] = sample;
                }
            }
            for (at, tap) in taps.iter().enumerate() {
                let mut sums = [1i32 << (BITS - 1); ROWS];
                for (weight, lanes) in tap.weights.iter().zip(&together[tap.first..]) {
                    for (sum, &sample) in sums.iter_mut().zip(lanes) {
                        // It fits, since weights add up to 2^BITS and samples are below 2⁸.
                        *sum = add_weighted(*sum, *weight, i32::from(sample));
                    }
                }
                for (row, &sum) in sums[..rows].iter().enumerate() {
                    to.samples_mut()[((top + row) * 3 + colour) * wanted + at] = to_byte(sum);
                }
            }
        }
    }
}
