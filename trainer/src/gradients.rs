//! The loss of clips and its gradients, and the mean of both over the micro-batches of an update.
//!
//! The loss is a ratio: squared errors over counted targets, or cross entropies over clips. To be exact when
//! micro-batches count different numbers of them, each mean is weighed by what it counted.

use burn::tensor::Tensor;

use crate::{
    Recipe,
    clips::MaskedClips,
    kernels::{self, Kernels, Precision},
    mixing::soft_target_loss,
    model::{
        Mode, Stage, VideoMae,
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
    /// The input of each block; the block is computed once more when its turn comes. Takes a third more
    /// work and a fraction of the memory.
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
    let loss = |painted| objective::distance(painted, clips, target);
    let (loss, gradients) = how.run(weights, || match how.memory {
        Memory::Everything => {
            let tracked = weights.tracked();
            let loss = loss(model.paint(&tracked, clips, mode));
            let gradients = tracked.take_gradients(&mut loss.backward());
            (loss.inner(), gradients)
        }
        Memory::BlockInputs => {
            block_by_block(&model.stages(clips, mode), weights, clips.visible_pixels(), loss)
        }
    });
    Descent::of(weights, loss, gradients, clips.counted)
}

/// Forward and backward of one micro-batch of whole clips towards `targets` (`[B, K]`, each row sums to 1).
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
    let how = how.into();
    let [clips, classes] = targets.dims();
    let loss = |logits: Tensor<3>| soft_target_loss(logits.reshape([clips, classes]), targets);
    let stages = classifier.stages(chance);
    let (still, trained) = stages.split_at(match freeze {
        Freeze::Nothing => 0,
        Freeze::Encoder => stages.len() - 1,
    });
    let (loss, gradients) = how.run(weights, || {
        let input = still.iter().fold(cubes, |tokens, stage| stage(weights, tokens));
        match how.memory {
            Memory::Everything => {
                let tracked = weights.tracked();
                let loss = loss(trained.iter().fold(input, |tokens, stage| stage(&tracked, tokens)));
                let gradients = tracked.take_gradients(&mut loss.backward());
                (loss.inner(), gradients)
            }
            Memory::BlockInputs => block_by_block(trained, weights, input, loss),
        }
    });
    Descent::of(weights, loss, gradients, clips)
}

type Gradients = Vec<Option<Tensor<1>>>;

/// Goes forward without a graph and keeps what each stage was given; then, from the last stage to the
/// first, computes the stage with a graph of its own and hands its input's gradient on. The last stage is
/// gone through once, with the loss behind it.
fn block_by_block(
    stages: &[Stage<'_>],
    weights: &Weights,
    mut tokens: Tensor<3>,
    loss: impl FnOnce(Tensor<3>) -> Tensor<1>,
) -> (Tensor<1>, Gradients) {
    let (last, others) = stages.split_last().expect("because there is a stage behind the blocks");
    let mut inputs = Vec::with_capacity(others.len());
    for stage in others {
        inputs.push(tokens.clone());
        tokens = stage(weights, tokens);
    }

    let tracked = weights.tracked();
    let mut gradients: Gradients = vec![None; weights.values().len()];
    let mut keep = |found: &mut burn::tensor::Gradients| {
        // Every tensor belongs to one stage.
        let found = tracked.take_gradients(found);
        gradients.iter_mut().zip(found).for_each(|(gradient, found)| *gradient = found.or(gradient.take()));
    };
    // Nobody asks for the gradient of what went in at the very beginning.
    let begin = |tokens: Tensor<3>, stage: usize| match stage {
        0 => tokens.autodiff(),
        _ => tokens.autodiff().require_grad(),
    };
    let input = begin(tokens, others.len());
    let loss = loss(last(&tracked, input.clone()));
    let mut found = loss.backward();
    keep(&mut found);
    let mut onward = input.grad_remove(&mut found);
    drop((input, found));
    for (number, (stage, input)) in others.iter().zip(inputs).enumerate().rev() {
        let input = begin(input, number);
        let downhill = onward.take().expect("because a stage's output depends on its input");
        let mut found = (stage(&tracked, input.clone()) * downhill).sum().backward();
        keep(&mut found);
        onward = input.grad_remove(&mut found);
    }
    (loss.inner(), gradients)
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
