//! LayerNorm over the last dimension: mean 0 and variance 1 (of all, biased), then stretch and shift.
//!
//! Shapes: … rows of D values.

use burn::tensor::{Tensor, module};

/// `(x − mean)/√(variance + epsilon) · weight + bias` for each row of `values` (`[…, D]`).
pub fn layer_norm<const R: usize>(
    values: Tensor<R>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<R> {
    module::layer_norm(values, weight, Some(bias), epsilon)
}
