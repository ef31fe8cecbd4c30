//! The decoder: what the encoder knows, and places to paint, to the cubes at these places.
//!
//! ```text
//! [ visible tokens + positions ; mask token + positions of counted places ; of context places ]
//!                                └──────── painted ─────────┘
//! ```
//!
//! Every place to paint is the same learned token; its position alone says where it is. Context places
//! take part in attention and are not painted (VideoMAE V2), so the head runs over counted places only, and
//! so does the last block but for its keys and values.
//!
//! Shapes: B clips, V visible tokens, M mask tokens, T of them painted, D decoder width, C values of a
//! cube.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{
    block::{Affine, Block, Linear},
    drop_path::DropPath,
    sizes::ModelShape,
};
use crate::{kernels, weights::Weights};

/// The decoder's tensors.
pub(super) struct Decoder {
    narrow: Tensor<2>,
    mask_token: Tensor<1>,
    blocks: Vec<Block>,
    norm: Affine,
    head: Linear,
    epsilon: f64,
}

/// Where the decoder's tokens are.
pub(super) struct Places {
    /// Positions of the visible tokens, `[B, V, D]`.
    pub(super) visible: Tensor<3>,
    /// Positions of the mask tokens, `[B, M, D]`.
    pub(super) masked: Tensor<3>,
    /// How many mask tokens, from the first, are wanted as cubes.
    pub(super) painted: usize,
}

impl Decoder {
    pub(super) fn of(weights: &Weights, shape: &ModelShape) -> Self {
        Self {
            narrow: weights.matrix("encoder_to_decoder.weight"),
            mask_token: weights.vector("mask_token"),
            blocks: Block::stack(weights, "decoder.", shape.decoder, shape.epsilons.blocks),
            norm: Affine::of(weights, "decoder.norm"),
            head: Linear::of(weights, "decoder.head"),
            epsilon: shape.epsilons.last,
        }
    }

    /// Encoded tokens `[B, V, E]` with their positions `[B, V, D]`, then mask tokens at theirs
    /// `[B, M, D]`: `[B, V + M, D]`.
    pub(super) fn begin(&self, encoded: Tensor<3>, places: &Places) -> Tensor<3> {
        let known = kernels::linear(encoded, self.narrow.clone(), None) + places.visible.clone(); // B V D
        let unknown = self.mask_token.clone().unsqueeze::<3>() + places.masked.clone(); // B M D
        Tensor::cat(vec![known, unknown], 1)
    }

    /// Tokens behind the last block to the cubes of the painted ones, `[B, painted, C]`. The last block has
    /// left the others out already; a decoder without blocks has not.
    pub(super) fn finish(&self, tokens: Tensor<3>, places: &Places) -> Tensor<3> {
        let painted = match tokens.dims()[1] == places.painted {
            true => tokens,
            false => tokens.narrow(1, places.of_painted().start, places.painted), // B T D
        };
        self.head.forward(self.norm.forward(painted, self.epsilon)) // B T C
    }

    /// Encoded tokens to cubes.
    pub(super) fn forward(&self, encoded: Tensor<3>, places: &Places, drop_path: &DropPath) -> Tensor<3> {
        let begun = self.begin(encoded, places); // B V+M D
        let tokens = self.blocks.iter().enumerate().fold(begun, |tokens, (number, block)| {
            let is_last = number + 1 == self.blocks.len();
            let kept = if is_last { places.of_painted() } else { 0..tokens.dims()[1] };
            block.forward_kept(tokens, kept, drop_path, number)
        });
        self.finish(tokens, places)
    }
}

impl Places {
    /// The painted tokens among all.
    pub(super) fn of_painted(&self) -> Range<usize> {
        let [_, visible, _] = self.visible.dims();
        visible..visible + self.painted
    }
}
