//! The loss of clips and its gradients, and the mean of both over the micro-batches of an update.
//!
//! The loss is a ratio: squared errors over counted targets, or cross entropies over clips. To be exact when
//! micro-batches count different numbers of them, each mean is weighed by what it counted.

use std::ops::Range;

use burn::tensor::Tensor;

use crate::{
    Recipe,
    answer_loss::AnswerLoss,
    block_by_block::{Gradients, block_by_block},
    clips::MaskedClips,
    kernels::{self, Kernels, Precision},
    model::{
        Mode, VideoMae,
        classifier::{Chance, Classifier},
    },
    objective::{self, Target},
    recipe::Freeze,
    weights::{Weights, floats},
};

/// A mean loss with its gradients in the order of the layout. On a card both may still be under way.
pub struct Descent {
    /// Mean over what was counted: squared errors of targets, or cross entropies of clips. `[1]`.
    loss: Tensor<1>,
    /// Its gradients, flat.
    pub gradients: Vec<Tensor<1>>,
    /// How many targets, or clips, were counted.
    pub counted: usize,
}

/// What is kept for the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Everything that it needs.
    Everything,
    /// The input of each block; the block is computed once more when its turn comes, for some of the clips at a
    /// time. Takes a third more work and a fraction of the memory.
    BlockInputs,
}

/// How a descent is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Computation {
    /// What is kept for the backward pass.
    pub memory: Memory,
    /// What the factors of products are rounded to.
    pub precision: Precision,
    /// Whose code computes it.
    pub kernels: Kernels,
}

impl Computation {
    /// What a recipe asks for.
    pub fn of(recipe: &Recipe) -> Self {
        let model = &recipe.model;
        Self { memory: Memory::of(recipe), precision: model.precision, kernels: model.kernels }
    }

    /// Runs forward and backward passes over these weights in this way.
    fn run<R>(self, weights: &Weights, work: impl FnOnce() -> R) -> R {
        if let Some(first) = weights.values().first() {
            kernels::share_threads(&first.device(), self.kernels, self.precision);
        }
        kernels::with_kernels(self.kernels, || kernels::in_precision(self.precision, work))
    }
}

impl From<Memory> for Computation {
    /// In f32 by the device's own kernels.
    fn from(memory: Memory) -> Self {
        Self { memory, precision: Precision::F32, kernels: Kernels::Own }
    }
}

impl Memory {
    /// What a recipe asks for.
    pub fn of(recipe: &Recipe) -> Self {
        if recipe.model.gradient_checkpointing { Self::BlockInputs } else { Self::Everything }
    }
}

/// Forward and backward of one micro-batch.
pub fn descend(
    model: &VideoMae,
    weights: &Weights,
    clips: &MaskedClips,
    target: Target,
    mode: Mode,
    how: impl Into<Computation>,
) -> Descent {
    let how = how.into();
    let loss = |painted, part| objective::distance(painted, clips, part, target);
    let all = 0..clips.len();
    let (loss, gradients) = how.run(weights, || match how.memory {
        Memory::Everything => {
            let tracked = weights.tracked();
            let loss = loss(model.paint(&tracked, clips, mode), all);
            let gradients = tracked.take_gradients(&mut loss.backward());
            (loss.inner(), gradients)
        }
        Memory::BlockInputs => {
            block_by_block(&model.stages(clips, mode), weights, clips.visible_pixels(), loss)
        }
    });
    Descent::of(weights, loss, gradients, clips.counted)
}

/// Forward and backward of one micro-batch of whole clips towards the classes `targets` (`[B, K]`).
/// With the encoder frozen it is only gone through forward.
pub fn descend_to_classes(
    classifier: &Classifier,
    weights: &Weights,
    cubes: Tensor<3>,
    targets: Tensor<2>,
    chance: &Chance,
    freeze: Freeze,
    how: impl Into<Computation>,
) -> Descent {
    descend_to_answers(classifier, weights, cubes, targets, &AnswerLoss::CrossEntropy, chance, freeze, how)
}

/// The same towards targets of any kind of answer.
#[allow(clippy::too_many_arguments)] // what a descent is made of, each once
pub fn descend_to_answers(
    classifier: &Classifier,
    weights: &Weights,
    cubes: Tensor<3>,
    targets: Tensor<2>,
    loss: &AnswerLoss,
    chance: &Chance,
    freeze: Freeze,
    how: impl Into<Computation>,
) -> Descent {
    let how = how.into();
    let [clips, answers] = targets.dims();
    let kind = loss;
    let loss = |logits: Tensor<3>, part: Range<usize>| {
        let share = part.len() as f64 / clips as f64;
        let logits = logits.reshape([part.len(), answers]);
        kind.mean(logits, targets.clone().slice([part])) * share
    };
    let all = 0..clips;
    let stages = classifier.stages(chance);
    let (still, trained) = stages.split_at(match freeze {
        Freeze::Nothing => 0,
        Freeze::Encoder => stages.len() - 1,
    });
    let (loss, gradients) = how.run(weights, || {
        let input = still.iter().fold(cubes, |tokens, stage| stage(weights, tokens, all.clone()));
        match how.memory {
            Memory::Everything => {
                let tracked = weights.tracked();
                let logits = trained.iter().fold(input, |tokens, stage| stage(&tracked, tokens, all.clone()));
                let loss = loss(logits, all.clone());
                let gradients = tracked.take_gradients(&mut loss.backward());
                (loss.inner(), gradients)
            }
            Memory::BlockInputs => block_by_block(trained, weights, input, loss),
        }
    });
    Descent::of(weights, loss, gradients, clips)
}

impl Descent {
    fn of(weights: &Weights, loss: Tensor<1>, gradients: Gradients, counted: usize) -> Self {
        Self { loss, gradients: weights.or_zeros(gradients), counted }
    }

    /// The mean loss. Waits for the device.
    pub fn loss(&self) -> f64 {
        f64::from(floats(self.loss.clone())[0])
    }

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
}
