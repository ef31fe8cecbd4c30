//! The sum of the squares of a gradient, in one pass without a tensor of squares.

#![cfg_attr(feature = "tch", allow(deprecated))] // Burn has announced that its LibTorch backend will go

#[cfg(feature = "tch")]
use burn::backend::LibTorch;
use burn::{
    backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor},
    tensor::Tensor,
};

use super::{flex, fused};

/// The sum of all squares, `[1]`.
pub fn square_sum(values: Tensor<1>) -> Tensor<1> {
    if !fused::brings_kernels(&values) {
        return composed(values);
    }
    Tensor::from_dispatch(Dispatch::fused_square_sum(values.into_dispatch()))
}

/// The plain version.
pub(super) fn composed(values: Tensor<1>) -> Tensor<1> {
    values.square().sum()
}

#[backend_extension(Flex, LibTorch: cfg(feature = "tch"))]
trait Length: Backend {
    fn fused_square_sum(values: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Length for Flex {
    fn fused_square_sum(values: FloatTensor<Self>) -> FloatTensor<Self> {
        flex::square_sum(values)
    }
}

#[cfg(feature = "tch")]
impl Length for LibTorch {
    fn fused_square_sum(values: FloatTensor<Self>) -> FloatTensor<Self> {
        FloatTensor::<Self>::new(super::libtorch::square_sum(&values.tensor))
    }
}
