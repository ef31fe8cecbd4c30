//! The pass over columns for shuffles: 8 or 16 outputs of a row at once.
//!
//! Their inputs lie close together, so one shuffle brings each output two of its taps, for an instruction that
//! multiplies pairs and adds them:
//!
//! ```text
//! input      s0 s1 s2 s3 s4 s5 s6 s7        outputs 0 1 2 3, taps 0 and 1 of each
//! shuffled   s0 s1 | s1 s2 | s3 s4 | s4 s5
//! ```
//!
//! It serves ratios up to about 2; where more is shrunk, the plain way runs (`across.rs`).

use crate::transform::planes::taps::Taps;

/// Steps of a group at most: six taps, more than a ratio of 2 has.
const MOST_STEPS: usize = 3;

/// How a processor brings outputs their taps: `GROUP` outputs a step, in parts of `PART` outputs whose
/// inputs lie within `2·PART` samples of each other.
///
/// AVX2 shuffles within halves of a register of eight outputs, AVX-512 in the whole of one of sixteen.
#[derive(Clone, Debug)]
pub struct Steps<const GROUP: usize, const PART: usize> {
    /// Group after group, each with the same number of steps.
    pub steps: Vec<Step<GROUP>>,
    /// Steps of a group, 1 to 3.
    pub of_group: usize,
    /// The furthest sample that a step reads, counted from the row's first.
    pub reach: usize,
}

/// Two taps of each output of a group.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Step<const GROUP: usize> {
    /// For each output the places of its two inputs, relative to its part's first input; the same place
    /// twice, without weight, for an output that has none.
    pub places: [[u16; 2]; GROUP],
    /// Their weights.
    pub weights: [[i16; 2]; GROUP],
    /// First input of each part; there are at most two.
    pub first: [u32; 2],
}

impl<const GROUP: usize, const PART: usize> Steps<GROUP, PART> {
    /// The steps of a pass, if its inputs lie close enough together.
    pub fn of(taps: &[Taps]) -> Option<Self> {
        let of_group = taps.iter().map(|tap| tap.weights.len().div_ceil(2)).max()?.max(1);
        if of_group > MOST_STEPS {
            return None;
        }
        let groups = taps.chunks(GROUP);
        let step = |group, pair| Self::step(group, 2 * pair);
        let steps: Option<Vec<Step<GROUP>>> =
            groups.flat_map(|group| (0..of_group).map(move |pair| step(group, pair))).collect();
        let steps = steps?;
        let reach = steps.iter().flat_map(|step| step.first).max()? as usize + 2 * PART;
        Some(Self { steps, of_group, reach })
    }

    /// Taps `at` and `at + 1` of a group.
    fn step(group: &[Taps], at: usize) -> Option<Step<GROUP>> {
        let mut step = Step { places: [[0; 2]; GROUP], weights: [[0; 2]; GROUP], first: [0; 2] };
        for (part, outputs) in group.chunks(PART).enumerate() {
            let used = || outputs.iter().enumerate().filter(|(_, tap)| at < tap.weights.len());
            let first = used().map(|(_, tap)| tap.first + at).min().unwrap_or(0);
            step.first[part] = u32::try_from(first).ok()?;
            for (output, tap) in used() {
                let lane = part * PART + output;
                let place = tap.first + at - first;
                let weight = |at: usize| tap.weights.get(at).copied().unwrap_or(0);
                step.weights[lane] = [weight(at), weight(at + 1)];
                let second = if step.weights[lane][1] == 0 { place } else { place + 1 };
                if second >= 2 * PART {
                    return None;
                }
                step.places[lane] = [place as u16, second as u16];
            }
        }
        Some(step)
    }
}
