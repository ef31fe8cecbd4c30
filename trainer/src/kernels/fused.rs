//! How an operation with its own backward pass is put into Burn's graph.
//!
//! [`Kernels`] is what a device brings: forward passes that also return what the backward pass needs, and
//! backward passes. [`Fused`] is what Burn dispatches to a device; under differentiation it records one
//! node for the whole operation. A device that brings no kernels is never asked: see [`brings_kernels`].

#![cfg_attr(feature = "tch", allow(deprecated))] // Burn has announced that its LibTorch backend will go

use burn::{
    backend::{
        Autodiff, Backend, DispatchDevice, Flex, TensorMetadata as _,
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

use super::{
    backend::{Kernels, Queries},
    precision::{self, Precision},
};

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

/// Whether the device of a tensor brings kernels of its own and they are wanted; otherwise operations are
/// composed.
pub(super) fn brings_kernels<const R: usize>(tensor: &Tensor<R>) -> bool {
    if precision::kernels() == precision::Kernels::Plain {
        return false;
    }
    match tensor.device().inner().as_dispatch() {
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "tch")]
        DispatchDevice::LibTorch(_) => true,
        _ => false,
    }
}

fn everyone<B: Backend>(qkv: &FloatTensor<B>) -> Queries {
    Queries { first: 0, count: qkv.shape().dims::<3>()[1] }
}

macro_rules! forward_only {
    ($backend:ty) => {
        impl Fused for $backend {
            fn fused_attention(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
                let (queries, precision) = (everyone::<Self>(&qkv), precision::precision());
                let [gathered, _] = Self::attention_forward(qkv, heads, queries, precision);
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
                let [normed, _, _] = Self::norm_forward(values, weight, bias, epsilon, Precision::F32);
                normed
            }

            fn fused_linear(
                values: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                let precision = precision::precision();
                let [values, weight] = [values, weight].map(|factor| Self::lowered(factor, precision));
                Self::linear_forward(values, weight, bias, None, precision, Precision::F32)
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
    queries: Queries,
    precision: Precision,
}

impl<B: Kernels> Backward<B, 1> for AttentionBackward {
    type State = [FloatTensor<B>; 3];

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        if let [Some(parent)] = ops.parents {
            let found = B::attention_gradient(gradient, ops.state, self.heads, self.queries, self.precision);
            gradients.register::<B>(parent.id, found);
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
        let found = B::norm_gradient(gradient, ops.state, None);
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                gradients.register::<B>(parent.id, found);
            }
        }
    }
}

#[derive(Debug)]
struct LinearBackward {
    precision: Precision,
}

impl<B: Kernels> Backward<B, 3> for LinearBackward {
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = B::lowered(gradients.consume::<B>(&ops.node), self.precision);
        let [values, weight] = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = B::linear_gradient(gradient, values, weight, wanted, self.precision, Precision::F32);
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(found)) = (parent, found) {
                gradients.register::<B>(parent.id, found);
            }
        }
    }
}

impl<B: Kernels + Fused, C: CheckpointStrategy> Fused for Autodiff<B, C> {
    fn fused_attention(qkv: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
        let (queries, precision) = (everyone::<Self>(&qkv), precision::precision());
        let operation = AttentionBackward { heads, queries, precision };
        match operation.prepare::<C>([qkv.node()]).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let qkv = qkv.into_primitive();
                let [gathered, logs] = B::attention_forward(qkv.clone(), heads, queries, precision);
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
                let (rows, own) = (values.clone(), weight.clone());
                let [normed, means, scales] = B::norm_forward(rows, own, bias, epsilon, Precision::F32);
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
        let precision = precision::precision();
        let nodes = [values.node(), weight.node(), bias.node()];
        let prepared = LinearBackward { precision }.prepare::<C>(nodes).compute_bound().stateful();
        let [values, weight, bias] = [values, weight, bias].map(|tensor| tensor.into_primitive());
        match prepared {
            OpsKind::Tracked(node) => {
                let [values, weight] = [values, weight].map(|factor| B::lowered(factor, precision));
                let (given, own) = (values.clone(), weight.clone());
                let result = B::linear_forward(given, own, bias, None, precision, Precision::F32);
                node.finish([values, weight], result)
            }
            OpsKind::UnTracked(node) => node.finish(B::fused_linear(values, weight, bias)),
        }
    }
}
