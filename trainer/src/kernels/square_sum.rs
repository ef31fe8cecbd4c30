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

/// Sums of squares that together are those of all these tensors: one a tensor, or on GPUs one a stretch.
pub fn square_sums(tensors: &[Tensor<1>]) -> Tensor<1> {
    #[cfg(feature = "tch")]
    if tensors.first().is_some_and(fused::brings_kernels)
        && let Some(sums) = super::libtorch::square_sums(tensors)
    {
        return sums;
    }
    Tensor::cat(tensors.iter().map(|tensor| square_sum(tensor.clone())).collect(), 0)
}

/// The plain version.
pub(super) fn composed(values: Tensor<1>) -> Tensor<1> {
    values.square().sum()
}

#[backend_extension(Flex, LibTorch: cfg(feature = "tch"))]
trait FusedSquareSum: Backend {
    fn fused_square_sum(values: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl FusedSquareSum for Flex {
    fn fused_square_sum(values: FloatTensor<Self>) -> FloatTensor<Self> {
        flex::square_sum(values)
    }
}

#[cfg(feature = "tch")]
impl FusedSquareSum for LibTorch {
    fn fused_square_sum(values: FloatTensor<Self>) -> FloatTensor<Self> {
        FloatTensor::<Self>::new(values.tensor.dot(&values.tensor).unsqueeze(0))
    }
}
