//! How an operation with its own backward pass is put into Burn's graph.
//!
//! [`Kernels`] is what a device brings: forward passes that also return what the backward pass needs, and
//! backward passes. [`Fused`] is what Burn dispatches to a device; under differentiation it records one
//! node for the whole operation. A device that brings no kernels is never asked: see [`brings_kernels`].

#![cfg_attr(feature = "tch", allow(deprecated))] // Burn has announced that its LibTorch backend will go

use burn::{
    backend::{
        Autodiff, Backend, DispatchDevice, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};

#[cfg(feature = "tch")]
use burn::backend::LibTorch;

/// Gradients of values, weight and bias of a linear layer; none for those that nobody wants.
pub(super) type LinearGradients<B> = [Option<FloatTensor<B>>; 3];

/// What a device brings. Shapes as in the functions of this folder; rows are folded to two dimensions.
pub(super) trait Kernels: Backend {
    /// `qkv` to what is gathered, and the logarithms of the sums.
    fn attention_forward(qkv: FloatTensor<Self>, heads: usize) -> [FloatTensor<Self>; 2];
    /// From the output's gradient and `[qkv, gathered, logarithms]`, the gradient of `qkv`.
    fn attention_gradient(
        gradient: FloatTensor<Self>,
        saved: [FloatTensor<Self>; 3],
        heads: usize,
    ) -> FloatTensor<Self>;
    /// GELU.
    fn gelu_forward(values: FloatTensor<Self>) -> FloatTensor<Self>;
    /// From the output's gradient and the input, the input's gradient.
    fn gelu_gradient(gradient: FloatTensor<Self>, values: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Values, weight and bias to normed values, means and scales of the rows.
    fn norm_forward(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> [FloatTensor<Self>; 3];
    /// From the output's gradient and `[values, weight, means, scales]`, the gradients of values, weight
    /// and bias.
    fn norm_gradient(gradient: FloatTensor<Self>, saved: [FloatTensor<Self>; 4]) -> [FloatTensor<Self>; 3];
    /// `values · weightᵀ + bias`.
    fn linear_forward(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    /// From the output's gradient, values and weight, those gradients that are wanted.
    fn linear_gradient(
        gradient: FloatTensor<Self>,
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        wanted: [bool; 3],
    ) -> LinearGradients<Self>;
}

#[backend_extension(Autodiff, Flex, LibTorch: cfg(feature = "tch"))]
pub(super) trait Fused: Backend {
    fn fused_attention(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self>;
    fn fused_gelu(values: FloatTensor<Self>) -> FloatTensor<Self>;
    fn fused_layer_norm(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
    fn fused_linear(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// Whether the device of a tensor brings kernels of its own; otherwise operations are composed.
pub(super) fn brings_kernels<const R: usize>(tensor: &Tensor<R>) -> bool {
    match tensor.device().inner().as_dispatch() {
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "tch")]
        DispatchDevice::LibTorch(_) => true,
        _ => false,
    }
}

/// Whether a tensor lives on the flex backend.
pub(super) fn is_flex<const R: usize>(tensor: &Tensor<R>) -> bool {
    matches!(tensor.device().inner().as_dispatch(), DispatchDevice::Flex(_))
}

macro_rules! forward_only {
    ($backend:ty) => {
        impl Fused for $backend {
            fn fused_attention(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
                let [gathered, _] = Self::attention_forward(qkv, heads);
                gathered
            }

            fn fused_gelu(values: FloatTensor<Self>) -> FloatTensor<Self> {
                Self::gelu_forward(values)
            }

            fn fused_layer_norm(
                values: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                epsilon: f64,
            ) -> FloatTensor<Self> {
                let [normed, _, _] = Self::norm_forward(values, weight, bias, epsilon);
                normed
            }

            fn fused_linear(
                values: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                Self::linear_forward(values, weight, bias)
            }
        }
    };
}

forward_only!(Flex);
#[cfg(feature = "tch")]
forward_only!(LibTorch);

#[derive(Debug)]
struct AttentionBackward {
    heads: usize,
}

impl<B: Kernels> Backward<B, 1> for AttentionBackward {
    type State = [FloatTensor<B>; 3];

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        if let [Some(parent)] = ops.parents {
            gradients.register::<B>(parent.id, B::attention_gradient(gradient, ops.state, self.heads));
        }
    }
}

#[derive(Debug)]
struct GeluBackward;

impl<B: Kernels> Backward<B, 1> for GeluBackward {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        if let [Some(parent)] = ops.parents {
            gradients.register::<B>(parent.id, B::gelu_gradient(gradient, ops.state));
        }
    }
}

#[derive(Debug)]
struct NormBackward;

impl<B: Kernels> Backward<B, 3> for NormBackward {
    type State = [FloatTensor<B>; 4];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let found = B::norm_gradient(gradient, ops.state);
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                gradients.register::<B>(parent.id, found);
            }
        }
    }
}

#[derive(Debug)]
struct LinearBackward;

impl<B: Kernels> Backward<B, 3> for LinearBackward {
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [values, weight] = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = B::linear_gradient(gradient, values, weight, wanted);
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(found)) = (parent, found) {
                gradients.register::<B>(parent.id, found);
            }
        }
    }
}

impl<B: Kernels + Fused, C: CheckpointStrategy> Fused for Autodiff<B, C> {
    fn fused_attention(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
        let operation = AttentionBackward { heads };
        match operation.prepare::<C>([qkv.node()]).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let qkv = qkv.into_primitive();
                let [gathered, logs] = B::attention_forward(qkv.clone(), heads);
                node.finish([qkv, gathered.clone(), logs], gathered)
            }
            OpsKind::UnTracked(node) => node.finish(B::fused_attention(qkv.into_primitive(), heads)),
        }
    }

    fn fused_gelu(values: FloatTensor<Self>) -> FloatTensor<Self> {
        match GeluBackward.prepare::<C>([values.node()]).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let values = values.into_primitive();
                node.finish(values.clone(), B::gelu_forward(values))
            }
            OpsKind::UnTracked(node) => node.finish(B::fused_gelu(values.into_primitive())),
        }
    }

    fn fused_layer_norm(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let nodes = [values.node(), weight.node(), bias.node()];
        let prepared = NormBackward.prepare::<C>(nodes).compute_bound().stateful();
        let [values, weight, bias] = [values, weight, bias].map(|tensor| tensor.into_primitive());
        match prepared {
            OpsKind::Tracked(node) => {
                let [normed, means, scales] = B::norm_forward(values.clone(), weight.clone(), bias, epsilon);
                node.finish([values, weight, means, scales], normed)
            }
            OpsKind::UnTracked(node) => node.finish(B::fused_layer_norm(values, weight, bias, epsilon)),
        }
    }

    fn fused_linear(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [values.node(), weight.node(), bias.node()];
        let prepared = LinearBackward.prepare::<C>(nodes).compute_bound().stateful();
        let [values, weight, bias] = [values, weight, bias].map(|tensor| tensor.into_primitive());
        match prepared {
            OpsKind::Tracked(node) => {
                let result = B::linear_forward(values.clone(), weight.clone(), bias);
                node.finish([values, weight], result)
            }
            OpsKind::UnTracked(node) => node.finish(B::fused_linear(values, weight, bias)),
        }
    }
}
