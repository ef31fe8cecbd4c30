//! GELU with the error function: `x · Φ(x)`. The tanh form is further than 1e-5 away from it.

use burn::{
    backend::Dispatch,
    tensor::{Tensor, activation},
};

use super::fused::{Fused as _, brings_kernels};

/// GELU of every element.
pub fn gelu<const R: usize>(values: Tensor<R>) -> Tensor<R> {
    if brings_kernels(&values) {
        Tensor::from_dispatch(Dispatch::fused_gelu(values.into_dispatch()))
    } else {
        composed(values)
    }
}

/// The plain version.
pub(super) fn composed<const R: usize>(values: Tensor<R>) -> Tensor<R> {
    activation::gelu(values)
}
