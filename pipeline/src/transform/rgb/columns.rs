//! The resize's pass over columns: every row becomes wider or narrower.
//!
//! The plain way takes eight rows side by side, so that what is next in memory is the same column of the
//! next row. The vector way takes eight outputs of a row at once: their inputs lie close together, so one
//! shuffle of 16 bytes brings four outputs their taps, two at a time:
//!
//! ```text
//! input      p0 p1 p2 p3 p4 p5 …                 outputs 0 1 2 3, taps 0 and 1 of each
//! shuffled   p0 0 p1 0 | p1 0 p2 0 | p2 0 p3 0 | p3 0 p4 0        as pairs of 16 bits
//! ```
//!
//! A weight of 23 bits is split in two of 11 and 12, which pairwise multiply-and-add takes; the sum is
//! the same integer. It serves up to 14 columns between the first and the last of four outputs (a ratio
//! of 4.6); a larger ratio goes the plain way.

use super::taps::{BITS, Taps, to_byte};
use crate::transform::lines::Lines;

/// Outputs of one step.
const GROUP: usize = 8;

/// Outputs whose inputs are brought by one shuffle.
const HALF: usize = 4;

/// Lower bits of a weight that are summed by themselves.
pub(super) const LOW_BITS: u32 = 11;

/// Two taps of eight outputs.
pub(super) struct Step {
    /// First input of the lower and of the upper four outputs.
    pub first: [u32; 2],
    /// For each output, the places of its two inputs as 16-bit lanes, relative to `first`.
    pub shuffle: [u8; 32],
    /// Upper bits of the weights, two an output.
    pub high: [i16; 16],
    /// Lower bits of the weights.
    pub low: [i16; 16],
}

/// The steps of every group of eight outputs.
pub(super) struct Steps {
    /// Group after group, each with the same number of steps.
    pub steps: Vec<Step>,
    /// Steps of a group.
    pub of_group: usize,
}

impl Steps {
    /// The steps of a pass, if its inputs lie close enough together.
    pub fn of(taps: &[Taps]) -> Option<Self> {
        let of_group = taps.iter().map(|tap| tap.weights.len().div_ceil(2)).max()?.max(1);
        let groups = taps.chunks(GROUP);
        let step = |group, pair| Self::step(group, 2 * pair);
        let steps: Option<Vec<Step>> =
            groups.flat_map(|group| (0..of_group).map(move |pair| step(group, pair))).collect();
        Some(Self { steps: steps?, of_group })
    }

    /// Taps `at` and `at + 1` of a group.
    fn step(group: &[Taps], at: usize) -> Option<Step> {
        let mut step = Step { first: [0; 2], shuffle: [0x80; 32], high: [0; 16], low: [0; 16] };
        for (half, outputs) in group.chunks(HALF).enumerate() {
            let used = || outputs.iter().enumerate().filter(|(_, tap)| at < tap.weights.len());
            let first = used().map(|(_, tap)| tap.first + at).min().unwrap_or(0);
            step.first[half] = u32::try_from(first).ok()?;
            for (output, tap) in used() {
                let lane = half * HALF + output;
                let place = tap.first + at - first;
                if place > 14 {
                    return None;
                }
                for next in 0..2 {
                    let weight = tap.weights.get(at + next).copied().unwrap_or(0);
                    step.shuffle[lane * 4 + next * 2] = (place + next) as u8;
                    step.high[lane * 2 + next] = (weight >> LOW_BITS) as i16;
                    step.low[lane * 2 + next] = (weight & ((1 << LOW_BITS) - 1)) as i16;
                }
            }
        }
        Some(step)
    }
}

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
                        *sum += weight * i32::from(sample);
                    }
                }
                for (row, &sum) in sums[..rows].iter().enumerate() {
                    to.samples_mut()[((top + row) * 3 + colour) * wanted + at] = to_byte(sum);
                }
            }
        }
    }
}
