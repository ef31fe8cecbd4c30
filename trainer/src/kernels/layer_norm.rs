//! LayerNorm over the last dimension: mean 0 and variance 1 (of all, biased), then stretch and shift.
//!
//! Shapes: … rows of D values.

use burn::{
    backend::Dispatch,
    tensor::{Tensor, module},
};

use super::fused::{Fused as _, brings_kernels};

/// `(x − mean)/√(variance + epsilon) · weight + bias` for each row of `values` (`[…, D]`).
pub fn layer_norm<const R: usize>(
    values: Tensor<R>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<R> {
    if !brings_kernels(&values) {
        return composed(values, weight, bias, epsilon);
    }
    let shape = values.dims();
    let width = shape[R - 1];
    let rows: Tensor<2> = values.reshape([shape.iter().product::<usize>() / width, width]);
    let [weight, bias] = [weight, bias].map(Tensor::into_dispatch);
    Tensor::<2>::from_dispatch(Dispatch::fused_layer_norm(rows.into_dispatch(), weight, bias, epsilon))
        .reshape(shape)
}

/// The plain version.
pub(super) fn composed<const R: usize>(
    values: Tensor<R>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<R> {
    module::layer_norm(values, weight, Some(bias), epsilon)
}
