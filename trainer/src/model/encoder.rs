//! The encoder: visible cubes to encoded tokens.
//!
//! Only cubes that are seen are embedded. Each gets the position of its own place in the clip, so the
//! encoder may be given any selection of tokens in any order.
//!
//! Shapes: B clips, V visible tokens, C values of a cube, E encoder width.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{
    block::{Affine, Block},
    drop_path::DropPath,
    patch_embedding::PatchEmbedding,
    sizes::ModelShape,
    stages::Stage,
};
use crate::weights::Weights;

/// The way from normalised cubes `[B, V, C]` to tokens `[B, V, E]` behind the last block, before any norm: the
/// embedding, then the blocks. `prefix` begins the names of a model in pre-training (`encoder.`) and is empty for a
/// classifier; `positions` are those of the tokens of some of the clips, `[B or 1, V, E]`.
#[doc(alias = "forward_encoder")]
pub(super) fn stages<'a>(
    prefix: &'static str,
    shape: &ModelShape,
    positions: impl Fn(Range<usize>) -> Tensor<3> + 'a,
    drop_path: &DropPath,
) -> Vec<Stage<'a>> {
    let (stack, epsilon) = (shape.encoder, shape.epsilons.blocks);
    let mut stages: Vec<Stage<'a>> = vec![Box::new(move |weights, cubes, clips| {
        PatchEmbedding::of(weights, prefix).forward(cubes, positions(clips))
    })];
    stages.extend((0..stack.depth).map(|number| -> Stage<'a> {
        let drop_path = drop_path.clone();
        Box::new(move |weights, tokens, clips| {
            Block::of(weights, prefix, number, stack, epsilon).forward(tokens, &drop_path.of(clips), number)
        })
    }));
    stages
}

/// The norm behind the encoder in pre-training, where there is one: `encoder.norm`.
pub(super) fn last_norm(weights: &Weights, shape: &ModelShape, tokens: Tensor<3>) -> Tensor<3> {
    if !shape.encoder_norm {
        return tokens;
    }
    Affine::of(weights, "encoder.norm").forward(tokens, shape.epsilons.blocks)
}
