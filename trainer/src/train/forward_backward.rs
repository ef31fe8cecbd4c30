//! One forward and backward pass: the loss of clips and its gradients, and the mean of both over the micro-batches of
//! an update.
//!
//! The loss is a ratio: squared errors over counted targets, or cross entropies over clips. To be exact when
//! micro-batches count different numbers of them, each mean is weighed by what it counted.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{
    activation_checkpointing::{TensorGradients, with_checkpointing},
    pair_tree::shares,
    set_losses::{ClipLosses, SetLosses},
};
use crate::{
    batch::masked::{ClipIdentity, MaskedClips},
    kernels::{self, Kernels, Precision, Target},
    loss::{answers::AnswerLoss, reconstruction},
    model::{
        Mode, VideoMae,
        classifier::Classifier,
        stages::{Memory, Stage},
    },
    recipe::{Freeze, Recipe},
    weights::{Weights, floats},
};

/// A mean loss with its gradients in the order of the layout. On a GPU both may still be under way.
pub struct Gradients {
    /// Mean over what was counted: squared errors of targets, or cross entropies of clips. `[1]`.
    pub(super) loss: Tensor<1>,
    /// Its gradients, flat.
    pub tensors: Vec<Tensor<1>>,
    /// How many targets, or clips, were counted.
    pub counted: usize,
    /// What the sets of a mixture had of it.
    pub sets: Option<SetLosses>,
}

/// How a forward and backward pass is computed.
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
        Self { memory: recipe.memory(), precision: model.precision, kernels: model.kernels }
    }

    /// Forward and backward passes through `stages` over these weights. `loss` is what the clips of a part add to the
    /// loss, from the output of the last stage.
    fn run(
        self,
        stages: &[Stage<'_>],
        weights: &Weights,
        input: Tensor<3>,
        loss: impl Fn(Tensor<3>, Range<usize>) -> Tensor<1>,
    ) -> (Tensor<1>, TensorGradients) {
        let all = 0..input.dims()[0];
        match self.memory {
            Memory::Everything => {
                let tracked = weights.tracked();
                let forward = |tokens, stage: &Stage<'_>| stage(&tracked, tokens, all.clone());
                let loss = loss(stages.iter().fold(input, forward), all.clone());
                let gradients = tracked.take_gradients(&mut loss.backward());
                (loss.inner(), gradients)
            }
            Memory::BlockInputs => with_checkpointing(stages, weights, input, loss),
        }
    }

    /// Runs `work` over these weights with these kernels and this precision.
    fn with<R>(self, weights: &Weights, work: impl FnOnce() -> R) -> R {
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

/// Forward and backward of one micro-batch of masked clips.
pub fn forward_backward(
    model: &VideoMae,
    weights: &Weights,
    clips: &MaskedClips,
    target: Target,
    mode: Mode,
    how: impl Into<Computation>,
) -> Gradients {
    let how = how.into();
    let of_clips = ClipLosses::of(clips, target);
    let loss = |predicted: Tensor<3>, part: Range<usize>| {
        of_clips.see(&predicted, &part);
        reconstruction::masked_loss(predicted, clips, part, target)
    };
    let (loss, gradients) =
        how.with(weights, || how.run(&model.stages(clips, mode), weights, clips.visible_pixels(), loss));
    Gradients { sets: of_clips.by_set(), ..Gradients::of(weights, loss, gradients, clips.counted) }
}

/// Forward and backward of one micro-batch of whole clips towards `targets` (`[B, K]`). `identities` say which clips
/// they are, for what is drawn in training. With the encoder frozen it is only gone through forward.
#[allow(clippy::too_many_arguments)] // what a pass is made of, each once
pub fn forward_backward_labelled(
    classifier: &Classifier,
    weights: &Weights,
    cubes: Tensor<3>,
    identities: &[ClipIdentity],
    targets: Tensor<2>,
    kind: &AnswerLoss,
    mode: Mode,
    freeze: Freeze,
    how: impl Into<Computation>,
) -> Gradients {
    let how = how.into();
    let [clips, answers] = targets.dims();
    let loss = |logits: Tensor<3>, part: Range<usize>| {
        let share = part.len() as f64 / clips as f64;
        let logits = logits.reshape([part.len(), answers]);
        kind.mean(logits, targets.clone().slice([part])) * share
    };
    let stages = classifier.stages(mode, identities);
    let (still, trained) = stages.split_at(match freeze {
        Freeze::Nothing => 0,
        Freeze::Encoder => stages.len() - 1,
    });
    let (loss, gradients) = how.with(weights, || {
        let input = still.iter().fold(cubes, |tokens, stage| stage(weights, tokens, 0..clips));
        how.run(trained, weights, input, loss)
    });
    Gradients::of(weights, loss, gradients, clips)
}

impl Gradients {
    fn of(weights: &Weights, loss: Tensor<1>, gradients: TensorGradients, counted: usize) -> Self {
        Self { loss, tensors: weights.or_zeros(gradients), counted, sets: None }
    }

    /// The mean loss. Waits for the device.
    pub fn loss(&self) -> f64 {
        f64::from(floats(self.loss.clone())[0])
    }

    /// The two together, weighed by what they counted. The sum over one micro-batch is itself, to the bit.
    pub fn join(self, other: Self) -> Self {
        let counted = self.counted + other.counted;
        let [left, right] = shares(self.counted as u64, other.counted as u64);
        let tensors = self.tensors.into_iter().zip(other.tensors);
        Self {
            loss: self.loss * left + other.loss * right,
            tensors: tensors.map(|(first, second)| first * left + second * right).collect(),
            counted,
            sets: self.sets.zip(other.sets).map(|(first, second)| first.join(second, [left, right])),
        }
    }
}
