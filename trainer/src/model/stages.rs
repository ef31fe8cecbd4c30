//! A model cut into stages, and how many clips go through one at once.
//!
//! A model is the fold of its stages over the pixels. Where memory is scarce only what goes into each stage is kept,
//! and each is computed once more for the backward pass, for some of the clips at a time.

use std::ops::Range;

use burn::tensor::Tensor;

use crate::weights::Weights;

/// A part of the way from pixels to a model's output, as a function of the weights, of the tokens of some clips and of
/// the places of these clips in the batch.
pub(crate) type Stage<'a> = Box<dyn Fn(&Weights, Tensor<3>, Range<usize>) -> Tensor<3> + 'a>;

/// What the stages make of `input`, which belongs to `clips` clips.
pub(super) fn forward(stages: &[Stage<'_>], weights: &Weights, input: Tensor<3>, clips: usize) -> Tensor<3> {
    stages.iter().fold(input, |tokens, stage| stage(weights, tokens, 0..clips))
}

/// What is kept for the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias("activation checkpointing", "gradient checkpointing"))]
pub enum Memory {
    /// Everything that it needs.
    Everything,
    /// The input of each block; the block is computed once more when its turn comes, for some of the clips at a
    /// time. Takes a third more work and a fraction of the memory.
    BlockInputs,
}

/// Tokens that go through a stage at once.
const TOKENS_AT_ONCE: usize = 2048;

/// How many clips of so many tokens each go through a stage at once, at most.
pub(crate) fn clips_at_once(clips: usize, tokens: usize) -> usize {
    clips.div_ceil(number_of_parts(clips, tokens))
}

/// In how many parts of about the same size clips go through a stage.
pub(crate) fn number_of_parts(clips: usize, tokens: usize) -> usize {
    (clips * tokens).div_ceil(TOKENS_AT_ONCE).clamp(1, clips.max(1))
}
