//! Stochastic depth: in training, a block's branch is left out for some clips.
//!
//! A branch is kept with probability 1 − r and then divided by 1 − r; r grows from 0 at the first block
//! to the set rate at the last, for encoder and decoder separately. Whether clip c keeps branch b is
//! drawn from (seed, stack, epoch of c, number of c, b), so it does not depend on how clips are put
//! into batches.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};

use crate::{batch::masked::ClipIdentity, random::Draws};

/// What happens to branches.
#[doc(alias = "stochastic depth")]
#[derive(Clone, Debug)]
pub enum DropPath {
    /// Every branch is kept: validation, and all published pre-training.
    Never,
    /// Branches are left out at random.
    Drawn {
        /// Seed of the run.
        seed: u64,
        /// What is drawn for ([`crate::random::purpose`]): two stacks draw separately.
        purpose: &'static str,
        /// Rate at the last block, 0 to below 1.
        rate: f64,
        /// Blocks of the stack.
        depth: usize,
        /// The clips of the batch, in its order.
        clips: Vec<ClipIdentity>,
    },
    /// What is left out is known already: recorded by another program, to be compared with.
    Given {
        /// Rate at the last block.
        rate: f64,
        /// Blocks of the stack.
        depth: usize,
        /// Which clips keep a branch: a row for each branch with a rate above 0, in order.
        keep: Vec<Vec<bool>>,
    },
}

impl DropPath {
    /// Rate at block `number` of `depth`: evenly spaced from 0 to `rate`.
    pub fn rate_at(rate: f64, number: usize, depth: usize) -> f64 {
        if depth < 2 { 0.0 } else { rate * number as f64 / (depth - 1) as f64 }
    }

    /// What happens to branches of some of the clips.
    pub(super) fn of(&self, part: Range<usize>) -> Self {
        match *self {
            Self::Never => Self::Never,
            Self::Drawn { seed, purpose, rate, depth, ref clips } => {
                Self::Drawn { seed, purpose, rate, depth, clips: clips[part].to_vec() }
            }
            Self::Given { rate, depth, ref keep } => {
                let keep = keep.iter().map(|clips| clips[part.clone()].to_vec()).collect();
                Self::Given { rate, depth, keep }
            }
        }
    }

    /// Whether every clip keeps both branches of this block.
    pub(super) fn keeps_all_of(&self, block: usize) -> bool {
        [0, 1].into_iter().all(|branch| self.kept(2 * block + branch).is_none())
    }

    /// Leaves `branch` (`[B, N, D]`) out for some clips and enlarges it for the others. Branches are
    /// numbered through the stack, two a block.
    pub(super) fn apply(&self, branch: Tensor<3>, number: usize) -> Tensor<3> {
        let Some((rate, kept)) = self.kept(number) else { return branch };
        let factor = |kept: &bool| if *kept { (1.0 / (1.0 - rate)) as f32 } else { 0.0 };
        let factors: Vec<f32> = kept.iter().map(factor).collect();
        let shape = [factors.len(), 1, 1];
        branch.clone() * Tensor::from_data(TensorData::new(factors, shape), &branch.device())
    }

    /// The rate of branch `number` and which clips keep it; none where every clip does.
    fn kept(&self, number: usize) -> Option<(f64, Vec<bool>)> {
        let at = |rate: f64, depth| Some(Self::rate_at(rate, number / 2, depth)).filter(|rate| *rate > 0.0);
        match self {
            Self::Never => None,
            Self::Drawn { seed, purpose, rate, depth, clips } => {
                let rate = at(*rate, *depth)?;
                let kept = |clip: &ClipIdentity| {
                    let key = [clip.epoch, clip.number, number as u64];
                    Draws::keyed(*seed, purpose, &key).unit() >= rate
                };
                Some((rate, clips.iter().map(kept).collect()))
            }
            Self::Given { rate: last, depth, keep } => {
                let rate = at(*last, *depth)?;
                let before = (0..number).filter(|before| Self::rate_at(*last, before / 2, *depth) > 0.0);
                Some((rate, keep.get(before.count())?.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{random::purpose, weights::floats};

    #[test]
    fn rates_grow_evenly_from_zero() {
        let rates: Vec<f64> = (0..12).map(|number| DropPath::rate_at(0.1, number, 12)).collect();
        assert_eq!(rates[0], 0.0);
        assert!((rates[1] - 0.009_091).abs() < 1e-6 && (rates[2] - 0.018_182).abs() < 1e-6);
        assert!((rates[11] - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_branch_keeps_its_mean_and_a_clip_its_draw_in_any_batch() {
        let clips: Vec<_> = (0..4000).map(|number| ClipIdentity { epoch: 1, number }).collect();
        let drop = |clips: &[ClipIdentity]| DropPath::Drawn {
            seed: 7,
            purpose: purpose::DROP_PATH_OF_ENCODER,
            rate: 0.3,
            depth: 2,
            clips: clips.to_vec(),
        };
        let ones = |clips: usize| Tensor::<3>::ones([clips, 1, 1], &Device::flex());
        let all = floats(drop(&clips).apply(ones(4000), 3));
        let mean = all.iter().sum::<f32>() / 4000.0;
        assert!((mean - 1.0).abs() < 0.05, "mean {mean}");
        assert_eq!(floats(drop(&clips[1000..1010]).apply(ones(10), 3)), all[1000..1010]);
        assert!(floats(drop(&clips).apply(ones(4000), 1)).iter().all(|kept| *kept == 1.0));
    }
}
