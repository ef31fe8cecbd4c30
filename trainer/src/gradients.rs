//! The loss of clips and its gradients, and the mean of both over the micro-batches of an update.
//!
//! The loss is a ratio: squared errors over counted targets. To be exact when micro-batches count
//! different numbers of targets, each mean is weighed by what it counted.

use burn::tensor::Tensor;

use crate::{
    clips::MaskedClips,
    model::{Mode, VideoMae},
    objective::{self, Target},
    weights::{Weights, floats},
};

/// A mean loss with its gradients in the order of the layout.
pub struct Descent {
    /// Mean squared error over the counted targets.
    pub loss: f64,
    /// Its gradients, flat.
    pub gradients: Vec<Tensor<1>>,
    /// How many targets counted.
    pub counted: usize,
}

/// Forward and backward of one micro-batch.
pub fn descend(
    model: &VideoMae,
    weights: &Weights,
    clips: &MaskedClips,
    target: Target,
    mode: Mode,
) -> Descent {
    let tracked = weights.tracked();
    let painted = model.paint(&tracked, clips, mode);
    let loss = objective::loss(painted, objective::targets(clips, target), clips);
    let gradients = tracked.take_gradients(&mut loss.backward());
    Descent { loss: f64::from(floats(loss.inner())[0]), gradients, counted: clips.counted }
}

impl Descent {
    /// The two together, weighed by what they counted. The sum over one micro-batch is itself, to the bit.
    pub fn join(self, other: Self) -> Self {
        let counted = self.counted + other.counted;
        let [left, right] = [self.counted, other.counted].map(|part| part as f64 / counted as f64);
        let gradients = self.gradients.into_iter().zip(other.gradients);
        Self {
            loss: self.loss * left + other.loss * right,
            gradients: gradients.map(|(first, second)| first * left + second * right).collect(),
            counted,
        }
    }

    /// Whether it may be followed: neither the loss nor `norm` is infinite or no number.
    pub fn is_finite(&self, norm: f64) -> bool {
        self.loss.is_finite() && norm.is_finite()
    }
}
