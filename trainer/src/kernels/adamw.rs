//! One update of a tensor by AdamW.
//!
//! ```text
//! p ← p·(1 − rate·decay)
//! m ← β₁m + (1 − β₁)g        v ← β₂v + (1 − β₂)g²
//! p ← p − rate/(1 − β₁ᵗ) · m/(√v/√(1 − β₂ᵗ) + ε)          t counts from 1
//! ```

#![cfg_attr(feature = "tch", allow(deprecated))] // Burn has announced that its LibTorch backend will go

#[cfg(feature = "tch")]
use burn::backend::LibTorch;
use burn::{
    backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor},
    tensor::Tensor,
};

#[cfg(feature = "tch")]
use super::libtorch;
use super::{
    backend::{AdamwStep, Learning, Learnt},
    flex, fused,
};

/// Value, gradient and moments of a tensor before an update to value and moments after it.
pub fn adamw(
    value: Tensor<1>,
    gradient: Tensor<1>,
    [first, second]: [Tensor<1>; 2],
    step: AdamwStep,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    if !fused::brings_kernels(&value) {
        return composed(value, gradient, [first, second], step);
    }
    let [value, gradient, first, second] = [value, gradient, first, second].map(Tensor::into_dispatch);
    let AdamwStep { rate, decay, beta1, beta2, epsilon, time } = step;
    let (value, first, second) =
        Dispatch::adamw(value, gradient, first, second, rate, decay, beta1, beta2, epsilon, time);
    (Tensor::from_dispatch(value), [first, second].map(Tensor::from_dispatch))
}

/// The update of all tensors of a model; on GPUs in one launch.
pub fn adamw_of_all(tensors: Vec<Learning>) -> Vec<Learnt> {
    #[cfg(feature = "tch")]
    if tensors.first().is_some_and(|first| fused::brings_kernels(&first.value)) && libtorch::updates(&tensors)
    {
        return libtorch::adamw_of_all(tensors);
    }
    let update = |Learning { value, gradient, moments, step }| adamw(value, gradient, moments, step);
    tensors.into_iter().map(update).collect()
}

/// What Burn dispatches; the numbers are those of [`AdamwStep`].
#[backend_extension(Flex, LibTorch: cfg(feature = "tch"))]
#[allow(clippy::too_many_arguments)] // the macro passes numbers on one by one
trait OnePass: Backend {
    fn adamw(
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        rate: f64,
        decay: f64,
        beta1: f64,
        beta2: f64,
        epsilon: f64,
        time: u64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

macro_rules! by {
    ($backend:ty, $kernels:ident) => {
        impl OnePass for $backend {
            fn adamw(
                value: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
                first: FloatTensor<Self>,
                second: FloatTensor<Self>,
                rate: f64,
                decay: f64,
                beta1: f64,
                beta2: f64,
                epsilon: f64,
                time: u64,
            ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
                let step = AdamwStep { rate, decay, beta1, beta2, epsilon, time };
                $kernels::adamw(value, gradient, [first, second], step)
            }
        }
    };
}

by!(Flex, flex);
#[cfg(feature = "tch")]
by!(LibTorch, libtorch);

/// The plain version.
pub(super) fn composed(
    value: Tensor<1>,
    gradient: Tensor<1>,
    [first, second]: [Tensor<1>; 2],
    step: AdamwStep,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let AdamwStep { rate, decay, beta1, beta2, epsilon, time } = step;
    let [bias1, bias2] = [beta1, beta2].map(|beta| 1.0 - beta.powf(time as f64));
    let first = first * beta1 + gradient.clone() * (1.0 - beta1);
    let second = second * beta2 + gradient.square() * (1.0 - beta2);
    let spread = second.clone().sqrt() / bias2.sqrt() + epsilon;
    let value = value * (1.0 - rate * decay) - first.clone() / spread * (rate / bias1);
    (value, [first, second])
}
