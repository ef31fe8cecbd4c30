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

/// What is kept for the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Everything that it needs.
    Everything,
    /// The input of each block; the block is computed once more when its turn comes. Takes a third more
    /// work and a fraction of the memory.
    BlockInputs,
}

/// Forward and backward of one micro-batch.
pub fn descend(
    model: &VideoMae,
    weights: &Weights,
    clips: &MaskedClips,
    target: Target,
    mode: Mode,
    memory: Memory,
) -> Descent {
    let targets = objective::targets(clips, target);
    let (loss, gradients) = match memory {
        Memory::Everything => all_at_once(model, weights, clips, targets, mode),
        Memory::BlockInputs => block_by_block(model, weights, clips, targets, mode),
    };
    let gradients = weights.or_zeros(gradients);
    Descent { loss: f64::from(floats(loss)[0]), gradients, counted: clips.counted }
}

type Gradients = Vec<Option<Tensor<1>>>;

fn all_at_once(
    model: &VideoMae,
    weights: &Weights,
    clips: &MaskedClips,
    targets: Tensor<3>,
    mode: Mode,
) -> (Tensor<1>, Gradients) {
    let tracked = weights.tracked();
    let loss = objective::loss(model.paint(&tracked, clips, mode), targets, clips);
    let gradients = tracked.take_gradients(&mut loss.backward());
    (loss.inner(), gradients)
}

/// Goes forward without a graph and keeps what each stage was given; then, from the last stage to the
/// first, computes the stage again with a graph of its own and hands its input's gradient on.
fn block_by_block(
    model: &VideoMae,
    weights: &Weights,
    clips: &MaskedClips,
    targets: Tensor<3>,
    mode: Mode,
) -> (Tensor<1>, Gradients) {
    let stages = model.stages(clips, mode);
    let mut tokens = clips.visible_pixels();
    let mut inputs = Vec::with_capacity(stages.len());
    for stage in &stages {
        inputs.push(tokens.clone());
        tokens = stage(weights, tokens);
    }

    let painted = tokens.autodiff().require_grad();
    let loss = objective::loss(painted.clone(), targets, clips);
    let because = "because a stage's output depends on its input";
    let mut onward = painted.grad_remove(&mut loss.backward()).expect(because);
    let tracked = weights.tracked();
    let mut gradients: Gradients = vec![None; weights.values().len()];
    for (stage, input) in stages.iter().zip(inputs).rev() {
        let input = input.autodiff().require_grad();
        let output = stage(&tracked, input.clone());
        let mut found = (output * onward).sum().backward();
        onward = input.grad_remove(&mut found).expect(because);
        // Every tensor belongs to one stage.
        let found = tracked.take_gradients(&mut found);
        gradients.iter_mut().zip(found).for_each(|(gradient, found)| *gradient = found.or(gradient.take()));
    }
    (loss.inner(), gradients)
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
