//! The pass over columns and the colour matrix, in plain Rust, for eight rows side by side.
//!
//! Rows side by side fill a vector register whatever the ratio: on aarch64 this is the fast way too, for which the compiler
//! takes NEON's multiply-and-add. `simd/steps.rs` has the other way of x86-64; both do the same sums in integers,
//! which have room: weights add up to 2^[`BITS`], and samples are below 2¹⁵.

use super::{
    ROWS, Scratch,
    down::BETWEEN,
    mix::Mix,
    taps::{BITS, Taps},
};
use crate::{
    picture::Picture,
    transform::{lines::Lines, weighted_sum::add_weighted},
};

/// A sum in units of 2⁻¹⁴ of a sample.
#[inline(always)]
fn to_sample(sum: i32) -> i32 {
    sum.wrapping_add(1 << (BITS - 1)) >> BITS
}

/// The plain way for the rows of `to` from `top` on; `taps` are luma's and chroma's.
#[inline(always)]
pub(super) fn filter_columns(
    taps: [&[Taps]; 2],
    mix: &Mix,
    planes: usize,
    top: usize,
    to: &mut Lines,
    scratch: &mut Scratch,
) {
    let (width, rows) = (to.width(), ROWS.min(to.height() - top));
    for (from, lanes) in scratch.rows.iter().zip(&mut scratch.lanes).take(planes) {
        from.beside(rows, lanes);
    }
    let out = &mut to.samples_mut()[top * 3 * width..];
    for at in 0..width {
        let mut samples = [[0i32; ROWS]; 3];
        for (plane, samples) in samples.iter_mut().enumerate().take(planes) {
            let tap = &taps[plane.min(1)][at];
            for (&weight, lanes) in tap.weights.iter().zip(&scratch.lanes[plane][tap.first..]) {
                for (sum, &sample) in samples.iter_mut().zip(lanes) {
                    *sum = add_weighted(*sum, i32::from(weight), i32::from(sample));
                }
            }
            samples.iter_mut().for_each(|sum| *sum = to_sample(*sum));
        }
        for (colour, levels) in mix.levels(&samples).iter().enumerate() {
            for (row, &level) in levels[..rows].iter().enumerate() {
                out[(row * 3 + colour) * width + at] = level;
            }
        }
    }
}

/// The pass over columns back to samples of the picture's depth.
#[inline(always)]
pub(super) fn samples_across(
    picture: &Picture,
    taps: &[Taps],
    rows: usize,
    scratch: &mut Scratch,
    out: &mut [u8],
) {
    let bits = u32::from(picture.layout.bits.clamp(8, 16));
    let (shift, highest) = (BITS + BETWEEN - bits, (1i32 << bits) - 1);
    let (from, lanes) = (&scratch.rows[0], &mut scratch.lanes[0]);
    from.beside(rows, lanes);
    let sample = |sum: i32| (sum.wrapping_add(1 << (shift - 1)) >> shift).min(highest);
    let sums = |tap: &Taps| {
        let mut sums = [0i32; ROWS];
        for (&weight, lanes) in tap.weights.iter().zip(&lanes[tap.first..]) {
            for (sum, &sample) in sums.iter_mut().zip(lanes) {
                *sum = add_weighted(*sum, i32::from(weight), i32::from(sample));
            }
        }
        sums.map(sample)
    };
    for (at, tap) in taps.iter().enumerate() {
        for (row, sample) in sums(tap).into_iter().enumerate().take(rows) {
            let place = row * taps.len() + at;
            match picture.sample_bytes() {
                1 => out[place] = sample as u8,
                _ => out[2 * place..][..2].copy_from_slice(&(sample as u16).to_le_bytes()),
            }
        }
    }
}
