//! The pass over columns for shuffles: eight outputs of a row at once.
//!
//! Their inputs lie close together, so one shuffle of 16 bytes brings four outputs their taps, two at a time:
//!
//! ```text
//! input      p0 p1 p2 p3 p4 p5 …                 outputs 0 1 2 3, taps 0 and 1 of each
//! shuffled   p0 0 p1 0 | p1 0 p2 0 | p2 0 p3 0 | p3 0 p4 0        as pairs of 16 bits
//! ```
//!
//! A weight of 23 bits is split in two of 11 and 12, which pairwise multiply-and-add takes; the sum is
//! the same integer. It serves up to 14 columns between the first and the last of four outputs (a ratio
//! of 4.6); a larger ratio goes the plain way (`columns.rs`).

use crate::transform::rgb::taps::Taps;

/// Outputs of one step.
const GROUP: usize = 8;

/// Outputs whose inputs are brought by one shuffle.
const HALF: usize = 4;

/// Lower bits of a weight that are summed by themselves.
pub const LOW_BITS: u32 = 11;

/// Two taps of eight outputs.
pub struct Step {
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
pub struct Steps {
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
