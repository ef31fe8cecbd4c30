//! The decoder: what the encoder knows, and places to paint, to the cubes at these places.
//!
//! ```text
//! [ visible tokens + positions ; mask token + positions of counted places ; of context places ]
//!                                └──────── painted ─────────┘
//! ```
//!
//! Every place to paint is the same learned token; its position alone says where it is. Context places
//! take part in attention and are not painted (VideoMAE V2), so the head runs over counted places only.
//!
//! Shapes: B clips, V visible tokens, M mask tokens, T of them painted, D decoder width, C values of a
//! cube.

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

    /// Encoded tokens `[B, V, E]`, their positions `[B, V, D]` and the positions of the mask tokens
    /// `[B, M, D]`, of which the first `painted` are wanted, to cubes `[B, painted, C]`.
    pub(super) fn forward(
        &self,
        encoded: Tensor<3>,
        visible_positions: Tensor<3>,
        mask_positions: Tensor<3>,
        painted: usize,
        drop_path: &DropPath,
    ) -> Tensor<3> {
        let [_, visible, _] = encoded.dims();
        let known = kernels::linear(encoded, self.narrow.clone(), None) + visible_positions; // B V D
        let unknown = self.mask_token.clone().unsqueeze::<3>() + mask_positions; // B M D
        let tokens = Tensor::cat(vec![known, unknown], 1); // B V+M D
        let tokens = self
            .blocks
            .iter()
            .enumerate()
            .fold(tokens, |tokens, (number, block)| block.forward(tokens, drop_path, number));
        let wanted = tokens.narrow(1, visible, painted); // B T D
        self.head.forward(self.norm.forward(wanted, self.epsilon)) // B T C
    }
}
