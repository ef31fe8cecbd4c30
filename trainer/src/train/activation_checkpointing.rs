//! Activation checkpointing (gradient checkpointing): gradients with little memory, a block at a time, of some of the
//! clips at a time.
//!
//! Forward without a graph, keeping what each stage was given; then, from the last stage to the first, the stage
//! is computed once more with a graph of its own and hands the gradient of its input on. Clips do not look at each
//! other, so a stage takes no more of them at once than keep its products fast.

use std::ops::Range;

use burn::tensor::Tensor;

use crate::{
    model::stages::{Stage, number_of_parts},
    weights::Weights,
};

/// Gradients in the order of the layout; none where the loss does not depend on a tensor.
pub(crate) type TensorGradients = Vec<Option<Tensor<1>>>;

/// The loss and its gradients. `loss` is what the clips of a part add to it, from the output of the last stage.
#[doc(alias("gradient checkpointing", "activation checkpointing"))]
pub(crate) fn with_checkpointing(
    stages: &[Stage<'_>],
    weights: &Weights,
    mut tokens: Tensor<3>,
    loss: impl Fn(Tensor<3>, Range<usize>) -> Tensor<1>,
) -> (Tensor<1>, TensorGradients) {
    let (last, others) = stages.split_last().expect("because there is a stage behind the blocks");
    let mut inputs = Vec::with_capacity(others.len());
    for stage in others {
        let outputs = parts(&tokens).map(|part| stage(weights, of(&tokens, &part), part)).collect();
        inputs.push(std::mem::replace(&mut tokens, joined(outputs)));
    }

    let mut sums = Sums { tracked: weights.tracked(), gradients: vec![None; weights.values().len()] };
    let (mut losses, mut of_input) = (Vec::new(), Vec::new());
    for part in parts(&tokens) {
        let at_end = |weights: &Weights, tokens| loss(last(weights, tokens, part.clone()), part.clone());
        let (loss, gradient) = sums.add(of(&tokens, &part), !others.is_empty(), at_end);
        losses.push(loss);
        of_input.extend(gradient);
    }
    let loss = losses.into_iter().reduce(|sum, loss| sum + loss).expect("because there is a clip");
    drop(tokens);
    for (number, (stage, input)) in others.iter().zip(inputs).enumerate().rev() {
        let behind = joined(std::mem::take(&mut of_input));
        for part in parts(&input) {
            let along = of(&behind, &part).autodiff();
            let at_end = |weights: &Weights, tokens| (stage(weights, tokens, part.clone()) * along).sum();
            // Nobody asks for the gradient of what went in at the very beginning.
            let (_, gradient) = sums.add(of(&input, &part), number > 0, at_end);
            of_input.extend(gradient);
        }
    }
    (loss, sums.gradients)
}

/// What the weights' gradients add up to.
struct Sums {
    tracked: Weights,
    gradients: TensorGradients,
}

impl Sums {
    /// Adds the gradients of `end`; its value, and the gradient of the tokens if it is `wanted`.
    fn add(
        &mut self,
        tokens: Tensor<3>,
        wanted: bool,
        end: impl FnOnce(&Weights, Tensor<3>) -> Tensor<1>,
    ) -> (Tensor<1>, Option<Tensor<3>>) {
        let tokens = if wanted { tokens.autodiff().require_grad() } else { tokens.autodiff() };
        let end = end(&self.tracked, tokens.clone());
        let mut found = end.backward();
        for (sum, found) in self.gradients.iter_mut().zip(self.tracked.take_gradients(&mut found)) {
            *sum = match (sum.take(), found) {
                (Some(sum), Some(found)) => Some(sum + found),
                (sum, found) => sum.or(found),
            };
        }
        (end.inner(), tokens.grad_remove(&mut found))
    }
}

/// The clips of tokens `[clips, n, dim]` in parts of about the same size.
fn parts(tokens: &Tensor<3>) -> impl Iterator<Item = Range<usize>> + use<> {
    let [clips, count, _] = tokens.dims();
    let parts = number_of_parts(clips, count);
    (0..parts).map(move |part| part * clips / parts..(part + 1) * clips / parts)
}

/// The tokens of the clips of a part.
fn of(tokens: &Tensor<3>, part: &Range<usize>) -> Tensor<3> {
    if part.len() == tokens.dims()[0] { tokens.clone() } else { tokens.clone().slice([part.clone()]) }
}

/// All parts behind each other.
fn joined(mut parts: Vec<Tensor<3>>) -> Tensor<3> {
    if parts.len() == 1 { parts.swap_remove(0) } else { Tensor::cat(parts, 0) }
}
