//! A linear layer with the weight as checkpoints have it.
//!
//! Shapes: … rows of I values in, O values out.

use burn::{
    backend::Dispatch,
    tensor::{Tensor, module},
};

use super::fused::{Fused as _, brings_kernels};

/// `values · weightᵀ + bias`: `[…, I]` with weight `[O, I]` to `[…, O]`.
pub fn linear<const R: usize>(values: Tensor<R>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<R> {
    if !brings_kernels(&values) {
        return composed(values, weight, bias);
    }
    let mut shape = values.dims();
    let [outputs, inputs] = weight.dims();
    let rows: Tensor<2> = values.reshape([shape.iter().product::<usize>() / inputs, inputs]);
    // Without gradient, so that a layer without bias has none to compute.
    let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], &rows.device().inner()));
    shape[R - 1] = outputs;
    let result = Dispatch::fused_linear(rows.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::<2>::from_dispatch(result).reshape(shape)
}

/// The plain version.
pub(super) fn composed<const R: usize>(
    values: Tensor<R>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<R> {
    module::linear(values, weight.transpose(), bias)
}
