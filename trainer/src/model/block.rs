//! One transformer block: attention, then an MLP, each after a norm and added to its input.
//!
//! Shapes: B clips, N tokens, D width of a token, H hidden width.

use burn::tensor::Tensor;

use super::{drop_path::DropPath, sizes::Stack};
use crate::{kernels, weights::Weights};

/// A block's tensors, and where it stands in its stack.
pub(super) struct Block {
    norm1: Affine,
    attention: Attention,
    norm2: Affine,
    fc1: Linear,
    fc2: Linear,
    epsilon: f64,
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

struct Attention {
    qkv: Tensor<2>,
    q_bias: Tensor<1>,
    v_bias: Tensor<1>,
    proj: Linear,
    heads: usize,
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

impl Attention {
    fn of(weights: &Weights, name: &str, heads: usize) -> Self {
        Self {
            qkv: weights.matrix(&format!("{name}.qkv.weight")),
            q_bias: weights.vector(&format!("{name}.q_bias")),
            v_bias: weights.vector(&format!("{name}.v_bias")),
            proj: Linear::of(weights, &format!("{name}.proj")),
            heads,
        }
    }

    fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        // Queries and values have a bias, keys have none.
        let no_bias = self.q_bias.zeros_like();
        let bias = Tensor::cat(vec![self.q_bias.clone(), no_bias, self.v_bias.clone()], 0); // 3D
        let qkv = kernels::linear(tokens, self.qkv.clone(), Some(bias)); // B N 3D
        self.proj.forward(kernels::attention(qkv, self.heads)) // B N D
    }
}

impl Block {
    /// Block `number` of the stack whose names begin with `prefix`.
    pub(super) fn of(weights: &Weights, prefix: &str, number: usize, stack: Stack, epsilon: f64) -> Self {
        let name = format!("{prefix}blocks.{number}");
        Self {
            norm1: Affine::of(weights, &format!("{name}.norm1")),
            attention: Attention::of(weights, &format!("{name}.attn"), stack.heads),
            norm2: Affine::of(weights, &format!("{name}.norm2")),
            fc1: Linear::of(weights, &format!("{name}.mlp.fc1")),
            fc2: Linear::of(weights, &format!("{name}.mlp.fc2")),
            epsilon,
        }
    }

    /// All blocks of a stack.
    pub(super) fn stack(weights: &Weights, prefix: &str, stack: Stack, epsilon: f64) -> Vec<Self> {
        (0..stack.depth).map(|number| Self::of(weights, prefix, number, stack, epsilon)).collect()
    }

    /// Tokens `[B, N, D]` to tokens of the same shape.
    pub(super) fn forward(&self, tokens: Tensor<3>, drop_path: &DropPath, number: usize) -> Tensor<3> {
        let attended = self.attention.forward(self.norm1.forward(tokens.clone(), self.epsilon));
        let tokens = tokens + drop_path.apply(attended, 2 * number);
        let hidden = kernels::gelu(self.fc1.forward(self.norm2.forward(tokens.clone(), self.epsilon))); // B N H
        tokens + drop_path.apply(self.fc2.forward(hidden), 2 * number + 1)
    }
}
