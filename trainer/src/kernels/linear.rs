//! A linear layer with the weight as checkpoints have it.
//!
//! Shapes: … rows of I values in, O values out.

use burn::tensor::{Tensor, module};

/// `values · weightᵀ + bias`: `[…, I]` with weight `[O, I]` to `[…, O]`.
pub fn linear<const R: usize>(values: Tensor<R>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<R> {
    module::linear(values, weight.transpose(), bias)
}
