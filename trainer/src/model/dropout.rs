//! Dropout before the head: features are left out in training.
//!
//! A feature is kept with probability 1 − r and then divided by 1 − r. What clip c keeps is drawn from (seed,
//! epoch of c, number of c), so it does not depend on how clips are put into batches, and a block that is
//! computed again for the backward pass keeps the same.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};

use crate::{
    batch::masked::ClipIdentity,
    random::{Draws, purpose},
};

/// What happens to features.
#[derive(Clone, Debug)]
pub enum Dropout {
    /// All are kept.
    Never,
    /// Some are left out at random.
    Drawn {
        /// Seed of the run.
        seed: u64,
        /// Share of features that are left out, 0 to below 1.
        rate: f64,
        /// The clips of the batch, in its order.
        clips: Vec<ClipIdentity>,
    },
}

impl Dropout {
    /// What happens to features of some of the clips.
    pub(super) fn of(&self, part: Range<usize>) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::Drawn { seed, rate, clips } => {
                Self::Drawn { seed: *seed, rate: *rate, clips: clips[part].to_vec() }
            }
        }
    }

    /// Leaves some of the features `[B, E]` out and enlarges the others.
    pub(super) fn apply(&self, features: Tensor<2>) -> Tensor<2> {
        let Self::Drawn { seed, rate, clips } = self else { return features };
        let [_, width] = features.dims();
        let factors: Vec<f32> = clips
            .iter()
            .flat_map(|clip| {
                let mut draws = Draws::keyed(*seed, purpose::DROPOUT, &[clip.epoch, clip.number]);
                (0..width).map(move |_| if draws.unit() >= *rate { (1.0 / (1.0 - rate)) as f32 } else { 0.0 })
            })
            .collect();
        let factors = TensorData::new(factors, [clips.len(), width]);
        features.clone() * Tensor::from_data(factors, &features.device())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::weights::floats;

    #[test]
    fn features_keep_their_mean_and_a_clip_its_draw_in_any_batch() {
        let clips: Vec<_> = (0..200).map(|number| ClipIdentity { epoch: 2, number }).collect();
        let drop = |clips: &[ClipIdentity]| {
            let ones = Tensor::<2>::ones([clips.len(), 50], &Device::flex());
            floats(Dropout::Drawn { seed: 1, rate: 0.4, clips: clips.to_vec() }.apply(ones))
        };
        let all = drop(&clips);
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        assert!((mean - 1.0).abs() < 0.03, "mean {mean}");
        assert_eq!(drop(&clips[7..9]), all[7 * 50..9 * 50]);
    }
}
