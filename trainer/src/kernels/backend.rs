//! The interface between operations and the devices that bring kernels for them.
//!
//! [`Kernels`] is what such a device brings; the rest is what it is told. The files of the operations and those of the
//! devices import this one, and none of each other's.

use burn::{
    backend::{Backend, tensor::FloatTensor},
    tensor::Tensor,
};
use serde::{Deserialize, Serialize};

use super::precision::Precision;

/// Gradients of values, weight and bias of a linear layer; none for those that nobody wants.
pub(super) type LinearGradients<B> = [Option<FloatTensor<B>>; 3];

/// Which tokens of each clip ask: `count` from token `first` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queries {
    pub(super) first: usize,
    pub(super) count: usize,
}

/// What a device brings. Shapes as in the functions of this folder; rows are folded to two dimensions.
///
/// In bf16 a device may hand tensors of bf16 from one of these to the next ([`Kernels::lowered`], and results
/// of which `result` says so); gradients of weights and whatever leaves an operation are f32.
pub(super) trait Kernels: Backend {
    /// A factor of products in `precision`, in the form in which this device wants it.
    fn lowered(factor: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self>;
    /// `qkv` to what the queries gather, `[B, count, D]`, and the logarithms of the sums.
    fn attention_forward(
        qkv: FloatTensor<Self>,
        heads: usize,
        queries: Queries,
        precision: Precision,
    ) -> [FloatTensor<Self>; 2];
    /// From the output's gradient and `[qkv, gathered, logarithms]`, the gradient of `qkv`.
    fn attention_gradient(
        gradient: FloatTensor<Self>,
        saved: [FloatTensor<Self>; 3],
        heads: usize,
        queries: Queries,
        precision: Precision,
    ) -> FloatTensor<Self>;
    /// GELU.
    fn gelu_forward(values: FloatTensor<Self>) -> FloatTensor<Self>;
    /// From the output's gradient and the input, the input's gradient.
    fn gelu_gradient(gradient: FloatTensor<Self>, values: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Values, weight and bias to normed values, lowered, and means and scales of the rows.
    fn norm_forward(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
        precision: Precision,
    ) -> [FloatTensor<Self>; 3];
    /// The lowered normed values again, from `[values, weight, bias, means, scales]`.
    fn norm_again(saved: [FloatTensor<Self>; 5], epsilon: f64, precision: Precision) -> FloatTensor<Self>;
    /// From the output's gradient and `[values, weight, means, scales]`, the gradients of values, weight
    /// and bias. That of the values is added to `onto`.
    fn norm_gradient(
        gradient: FloatTensor<Self>,
        saved: [FloatTensor<Self>; 4],
        onto: Option<FloatTensor<Self>>,
    ) -> [FloatTensor<Self>; 3];
    /// `onto + values · weightᵀ + bias`, of lowered values and weight.
    fn linear_forward(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        onto: Option<FloatTensor<Self>>,
        precision: Precision,
        result: Precision,
    ) -> FloatTensor<Self>;
    /// From the output's gradient, values and weight, all lowered, those gradients that are wanted.
    fn linear_gradient(
        gradient: FloatTensor<Self>,
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        wanted: [bool; 3],
        precision: Precision,
        result: Precision,
    ) -> LinearGradients<Self>;
}

/// The numbers of one update; they do not depend on the tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamwStep {
    /// Learning rate.
    pub rate: f64,
    /// Weight decay: 0 for tensors that are left alone.
    pub decay: f64,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε.
    pub epsilon: f64,
    /// t.
    pub time: u64,
}

/// A tensor before an update.
#[derive(Clone, Debug)]
pub struct Learning {
    /// Its value.
    pub value: Tensor<1>,
    /// Its gradient.
    pub gradient: Tensor<1>,
    /// Its moments.
    pub moments: [Tensor<1>; 2],
    /// The numbers of its update.
    pub step: AdamwStep,
}

/// Value and moments of a tensor after an update.
pub type Learnt = (Tensor<1>, [Tensor<1>; 2]);

/// What a cube's target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Each colour of a cube minus its mean, divided by its standard deviation (VideoMAE).
    Normalised,
    /// Pixels in [0, 1].
    Raw,
}

/// Levels of a picture's bytes: 255 is 1.
pub(crate) const LEVELS: f64 = 255.0;

/// Added to the standard deviation of pixels in [0, 1]; official engine for pre-training.
pub(crate) const EPSILON: f64 = 1e-6;

/// What a prediction is measured by; it does not depend on the cube.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measure {
    /// What a cube's target is.
    pub(super) target: Target,
    /// What each squared error counts: one over the number of values that count.
    pub(super) share: f64,
}

/// `[B, T, C]` times `[1]`.
pub(super) fn multiplied<B: Backend>(values: FloatTensor<B>, factor: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(values, B::float_reshape(factor, [1, 1, 1].into()))
}
