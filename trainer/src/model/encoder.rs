//! The encoder: visible cubes to what the model knows of them.
//!
//! Only cubes that are seen are embedded. Each gets the position of its own place in the clip, so the
//! encoder may be given any selection of tokens in any order.
//!
//! Shapes: B clips, V visible tokens, C values of a cube, E encoder width.

use burn::tensor::Tensor;

use super::{
    block::{Affine, Block, Linear},
    drop_path::DropPath,
    sizes::ModelShape,
};
use crate::weights::Weights;

/// The embedding and the blocks, under names that begin with a prefix.
pub(super) struct Encoder {
    embedding: Linear,
    blocks: Vec<Block>,
}

impl Encoder {
    /// The encoder of a model in pre-training (`encoder.`) or of a classifier (no prefix).
    pub(super) fn of(weights: &Weights, prefix: &str, shape: &ModelShape) -> Self {
        Self {
            // With kernel and stride equal, the published convolution is this product: the cube's bytes
            // are in the order of the kernel's weights.
            embedding: Linear::of(weights, &format!("{prefix}patch_embed.proj")),
            blocks: Block::stack(weights, prefix, shape.encoder, shape.epsilons.blocks),
        }
    }

    /// Normalised cubes `[B, V, C]` at `positions` `[B or 1, V, E]` to tokens `[B, V, E]`.
    pub(super) fn embed(&self, cubes: Tensor<3>, positions: Tensor<3>) -> Tensor<3> {
        self.embedding.forward(cubes) + positions
    }

    /// Cubes at positions to tokens behind the last block, before any norm.
    pub(super) fn forward(&self, cubes: Tensor<3>, positions: Tensor<3>, drop_path: &DropPath) -> Tensor<3> {
        let tokens = self.embed(cubes, positions);
        self.blocks
            .iter()
            .enumerate()
            .fold(tokens, |tokens, (number, block)| block.forward(tokens, drop_path, number))
    }
}

/// The norm behind the encoder in pre-training, where there is one: `encoder.norm`.
pub(super) fn last_norm(weights: &Weights, shape: &ModelShape, tokens: Tensor<3>) -> Tensor<3> {
    if !shape.encoder_norm {
        return tokens;
    }
    Affine::of(weights, "encoder.norm").forward(tokens, shape.epsilons.blocks)
}
