//! The decoder: encoded tokens and mask tokens to the cubes at the hidden places.
//!
//! ```text
//! [ visible tokens + positions ; mask token + positions of counted places ; of context places ]
//!                                └─────── predicted ────────┘
//! ```
//!
//! Every hidden place is the same learned token; its position alone says where it is. Context places
//! take part in attention and are not predicted (VideoMAE V2), so the head runs over counted places only, and
//! so does the last block but for its keys and values.
//!
//! Shapes: B clips, V visible tokens, M mask tokens, T of them predicted, D decoder width, C values of a
//! cube.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{
    block::{Affine, Block, Linear},
    drop_path::DropPath,
    sizes::ModelShape,
    stages::Stage,
};
use crate::{kernels, weights::Weights};

/// Where the decoder's tokens are.
pub(super) struct Places {
    /// Positions of the visible tokens, `[B, V, D]`.
    pub(super) visible: Tensor<3>,
    /// Positions of the mask tokens, `[B, M, D]`.
    pub(super) masked: Tensor<3>,
    /// How many mask tokens, from the first, are wanted as cubes.
    pub(super) predicted: usize,
}

/// The way from encoded tokens `[B, V, E]` to cubes `[B, T, C]`: the tokens join the mask tokens, then come the blocks,
/// then the head. `places` are those of some of the clips.
#[doc(alias = "forward_decoder")]
pub(super) fn stages<'a>(
    shape: &'a ModelShape,
    places: impl Fn(Range<usize>) -> Places + Clone + 'a,
    drop_path: &DropPath,
) -> Vec<Stage<'a>> {
    let (stack, epsilon) = (shape.decoder, shape.epsilons.blocks);
    let of = places.clone();
    let mut stages: Vec<Stage<'a>> =
        vec![Box::new(move |weights, encoded, clips| begin(weights, encoded, &of(clips)))];
    stages.extend((0..stack.depth).map(|number| -> Stage<'a> {
        let (drop_path, of) = (drop_path.clone(), places.clone());
        Box::new(move |weights, tokens, clips| {
            let is_last = number + 1 == stack.depth;
            let kept = if is_last { of(clips.clone()).of_predicted() } else { 0..tokens.dims()[1] };
            let block = Block::of(weights, "decoder.", number, stack, epsilon);
            block.forward_kept(tokens, kept, &drop_path.of(clips), number)
        })
    }));
    stages.push(Box::new(move |weights, tokens, clips| {
        finish(weights, tokens, &places(clips), shape.epsilons.last)
    }));
    stages
}

/// Encoded tokens `[B, V, E]` with their positions `[B, V, D]`, then mask tokens at theirs `[B, M, D]`:
/// `[B, V + M, D]`.
fn begin(weights: &Weights, encoded: Tensor<3>, places: &Places) -> Tensor<3> {
    let narrow = weights.matrix("encoder_to_decoder.weight");
    let known = kernels::linear(encoded, narrow, None) + places.visible.clone(); // B V D
    let unknown = weights.vector("mask_token").unsqueeze::<3>() + places.masked.clone(); // B M D
    Tensor::cat(vec![known, unknown], 1)
}

/// Tokens behind the last block to the cubes of the predicted ones, `[B, T, C]`. The last block has left the others
/// out already; a decoder without blocks has not.
fn finish(weights: &Weights, tokens: Tensor<3>, places: &Places, epsilon: f64) -> Tensor<3> {
    let predicted = match tokens.dims()[1] == places.predicted {
        true => tokens,
        false => tokens.narrow(1, places.of_predicted().start, places.predicted), // B T D
    };
    let normed = Affine::of(weights, "decoder.norm").forward(predicted, epsilon);
    Linear::of(weights, "decoder.head").forward(normed) // B T C
}

impl Places {
    /// The predicted tokens among all.
    fn of_predicted(&self) -> Range<usize> {
        let [_, visible, _] = self.visible.dims();
        visible..visible + self.predicted
    }
}
