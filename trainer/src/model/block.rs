//! One transformer block: attention, then an MLP, each after a norm and added to its input.
//!
//! Shapes: B clips, N tokens, D width of a token, H hidden width.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{drop_path::DropPath, sizes::Stack};
use crate::{
    kernels::{self, AttentionTensors, MlpTensors},
    weights::Weights,
};

/// A block's tensors, and where it stands in its stack.
pub(super) struct Block {
    attention: AttentionTensors,
    mlp: MlpTensors,
}

/// The stretch and shift of a LayerNorm, each `[D]`.
pub(super) struct Affine {
    weight: Tensor<1>,
    bias: Tensor<1>,
}

/// A weight `[output, input]` and a bias `[output]`.
pub(super) struct Linear {
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl Affine {
    pub(super) fn of(weights: &Weights, name: &str) -> Self {
        let part = |part| weights.vector(&format!("{name}.{part}"));
        Self { weight: part("weight"), bias: part("bias") }
    }

    pub(super) fn forward<const R: usize>(&self, tokens: Tensor<R>, epsilon: f64) -> Tensor<R> {
        kernels::layer_norm(tokens, self.weight.clone(), self.bias.clone(), epsilon)
    }
}

impl Linear {
    pub(super) fn of(weights: &Weights, name: &str) -> Self {
        Self {
            weight: weights.matrix(&format!("{name}.weight")),
            bias: weights.vector(&format!("{name}.bias")),
        }
    }

    pub(super) fn forward<const R: usize>(&self, tokens: Tensor<R>) -> Tensor<R> {
        kernels::linear(tokens, self.weight.clone(), Some(self.bias.clone()))
    }
}

impl Block {
    /// Block `number` of the stack whose names begin with `prefix`.
    pub(super) fn of(weights: &Weights, prefix: &str, number: usize, stack: Stack, epsilon: f64) -> Self {
        let matrix = |part| weights.matrix(&format!("{prefix}blocks.{number}.{part}"));
        let vector = |part| weights.vector(&format!("{prefix}blocks.{number}.{part}"));
        Self {
            attention: AttentionTensors {
                norm_weight: vector("norm1.weight"),
                norm_bias: vector("norm1.bias"),
                qkv: matrix("attn.qkv.weight"),
                q_bias: vector("attn.q_bias"),
                v_bias: vector("attn.v_bias"),
                proj: matrix("attn.proj.weight"),
                proj_bias: vector("attn.proj.bias"),
                heads: stack.heads,
                epsilon,
            },
            mlp: MlpTensors {
                norm_weight: vector("norm2.weight"),
                norm_bias: vector("norm2.bias"),
                fc1: matrix("mlp.fc1.weight"),
                fc1_bias: vector("mlp.fc1.bias"),
                fc2: matrix("mlp.fc2.weight"),
                fc2_bias: vector("mlp.fc2.bias"),
                epsilon,
            },
        }
    }

    /// Tokens `[B, N, D]` to tokens of the same shape.
    pub(super) fn forward(&self, tokens: Tensor<3>, drop_path: &DropPath, number: usize) -> Tensor<3> {
        let [_, all, _] = tokens.dims();
        self.forward_kept(tokens, 0..all, drop_path, number)
    }

    /// Tokens `[B, N, D]` to those of `kept` alone, `[B, K, D]`: of the others only keys and values are
    /// computed.
    pub(super) fn forward_kept(
        &self,
        tokens: Tensor<3>,
        kept: Range<usize>,
        drop_path: &DropPath,
        number: usize,
    ) -> Tensor<3> {
        if drop_path.keeps_all_of(number) {
            return kernels::mlp_branch(kernels::attention_branch(tokens, &self.attention, kept), &self.mlp);
        }
        let attended = self.attention.branch(tokens.clone());
        let tokens = tokens + drop_path.apply(attended, 2 * number);
        let tokens = tokens.narrow(1, kept.start, kept.len());
        let hidden = self.mlp.branch(tokens.clone());
        tokens + drop_path.apply(hidden, 2 * number + 1)
    }
}
