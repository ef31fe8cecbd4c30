//! The two branches of a transformer block, each one operation with its own backward pass.
//!
//! ```text
//! attention branch   tokens + proj(attention(qkv(norm(tokens))))
//! MLP branch         tokens + fc2(gelu(fc1(norm(tokens))))
//! ```
//!
//! As one operation a branch keeps less and passes over memory less often than its parts would: the normed
//! tokens and the hidden values behind GELU are computed again in the backward pass (cheap beside the
//! products that they go into), the addition is part of the last product, and the gradient that runs past
//! the branch is added where the norm's gradient is written. In bf16 everything between the norm and the
//! addition stays in the form that the device multiplies.
//!
//! Shapes: B clips, N tokens, D width of a token, K kept tokens, H hidden width.

#![cfg_attr(feature = "tch", allow(deprecated))] // Burn has announced that its LibTorch backend will go

use std::ops::Range;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, TensorMetadata as _,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::{Shape, Slice, Tensor},
};

#[cfg(feature = "tch")]
use burn::backend::LibTorch;

use super::{
    attention::attention,
    backend::{Kernels, Queries},
    fused::brings_kernels,
    gelu::gelu,
    layer_norm::layer_norm,
    linear::linear,
    precision::{Precision, precision},
};

/// The tensors of an attention branch.
#[derive(Clone, Debug)]
pub struct AttentionTensors {
    /// Stretch of the norm, `[D]`.
    pub norm_weight: Tensor<1>,
    /// Shift of the norm, `[D]`.
    pub norm_bias: Tensor<1>,
    /// Projection to queries, keys and values, `[3D, D]`.
    pub qkv: Tensor<2>,
    /// Bias of the queries, `[D]`; keys have none.
    pub q_bias: Tensor<1>,
    /// Bias of the values, `[D]`.
    pub v_bias: Tensor<1>,
    /// Projection of what was gathered, `[D, D]`.
    pub proj: Tensor<2>,
    /// Its bias, `[D]`.
    pub proj_bias: Tensor<1>,
    /// Heads.
    pub heads: usize,
    /// ε of the norm.
    pub epsilon: f64,
}

/// The tensors of an MLP branch.
#[derive(Clone, Debug)]
pub struct MlpTensors {
    /// Stretch of the norm, `[D]`.
    pub norm_weight: Tensor<1>,
    /// Shift of the norm, `[D]`.
    pub norm_bias: Tensor<1>,
    /// To the hidden values, `[H, D]`.
    pub fc1: Tensor<2>,
    /// Its bias, `[H]`.
    pub fc1_bias: Tensor<1>,
    /// Back to tokens, `[D, H]`.
    pub fc2: Tensor<2>,
    /// Its bias, `[D]`.
    pub fc2_bias: Tensor<1>,
    /// ε of the norm.
    pub epsilon: f64,
}

impl AttentionTensors {
    /// What the branch adds to each token, `[B, N, D]`, by single operations.
    pub fn branch(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = layer_norm(tokens, self.norm_weight.clone(), self.norm_bias.clone(), self.epsilon);
        // Queries and values have a bias, keys have none.
        let no_bias = self.q_bias.zeros_like();
        let bias = Tensor::cat(vec![self.q_bias.clone(), no_bias, self.v_bias.clone()], 0); // 3D
        let qkv = linear(normed, self.qkv.clone(), Some(bias)); // B N 3D
        linear(attention(qkv, self.heads), self.proj.clone(), Some(self.proj_bias.clone()))
    }
}

impl MlpTensors {
    /// What the branch adds to each token, `[B, N, D]`, by single operations.
    pub fn branch(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = layer_norm(tokens, self.norm_weight.clone(), self.norm_bias.clone(), self.epsilon);
        let hidden = gelu(linear(normed, self.fc1.clone(), Some(self.fc1_bias.clone()))); // B N H
        linear(hidden, self.fc2.clone(), Some(self.fc2_bias.clone()))
    }
}

/// Tokens `[B, N, D]` behind an attention branch: those of `kept` alone, `[B, K, D]`. Every token is looked
/// at, but only kept ones look.
pub fn attention_branch(tokens: Tensor<3>, tensors: &AttentionTensors, kept: Range<usize>) -> Tensor<3> {
    let [_, count, _] = tokens.dims();
    if !brings_kernels(&tokens) {
        let whole = tokens.clone() + tensors.branch(tokens);
        return if kept == (0..count) { whole } else { whole.narrow(1, kept.start, kept.len()) };
    }
    let AttentionTensors { norm_weight, norm_bias, qkv, q_bias, v_bias, proj, proj_bias, heads, epsilon } =
        tensors.clone();
    Tensor::from_dispatch(Dispatch::fused_attention_branch(
        tokens.into_dispatch(),
        norm_weight.into_dispatch(),
        norm_bias.into_dispatch(),
        qkv.into_dispatch(),
        q_bias.into_dispatch(),
        v_bias.into_dispatch(),
        proj.into_dispatch(),
        proj_bias.into_dispatch(),
        heads,
        epsilon,
        kept.start,
        kept.len(),
    ))
}

/// Tokens `[B, N, D]` behind an MLP branch, of the same shape.
pub fn mlp_branch(tokens: Tensor<3>, tensors: &MlpTensors) -> Tensor<3> {
    if !brings_kernels(&tokens) {
        return tokens.clone() + tensors.branch(tokens);
    }
    let MlpTensors { norm_weight, norm_bias, fc1, fc1_bias, fc2, fc2_bias, epsilon } = tensors.clone();
    Tensor::from_dispatch(Dispatch::fused_mlp_branch(
        tokens.into_dispatch(),
        norm_weight.into_dispatch(),
        norm_bias.into_dispatch(),
        fc1.into_dispatch(),
        fc1_bias.into_dispatch(),
        fc2.into_dispatch(),
        fc2_bias.into_dispatch(),
        epsilon,
    ))
}

#[backend_extension(Autodiff, Flex, LibTorch: cfg(feature = "tch"))]
#[allow(clippy::too_many_arguments)] // the macro passes tensors on one by one
trait Branches: Backend {
    fn fused_attention_branch(
        tokens: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        qkv: FloatTensor<Self>,
        q_bias: FloatTensor<Self>,
        v_bias: FloatTensor<Self>,
        proj: FloatTensor<Self>,
        proj_bias: FloatTensor<Self>,
        heads: usize,
        epsilon: f64,
        first: usize,
        count: usize,
    ) -> FloatTensor<Self>;

    fn fused_mlp_branch(
        tokens: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        fc1: FloatTensor<Self>,
        fc1_bias: FloatTensor<Self>,
        fc2: FloatTensor<Self>,
        fc2_bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
}

macro_rules! forward_only {
    ($backend:ty) => {
        impl Branches for $backend {
            fn fused_attention_branch(
                tokens: FloatTensor<Self>,
                norm_weight: FloatTensor<Self>,
                norm_bias: FloatTensor<Self>,
                qkv: FloatTensor<Self>,
                q_bias: FloatTensor<Self>,
                v_bias: FloatTensor<Self>,
                proj: FloatTensor<Self>,
                proj_bias: FloatTensor<Self>,
                heads: usize,
                epsilon: f64,
                first: usize,
                count: usize,
            ) -> FloatTensor<Self> {
                let tensors = [tokens, norm_weight, norm_bias, qkv, q_bias, v_bias, proj, proj_bias];
                let branch = AttentionBranch::new(heads, epsilon, Queries { first, count });
                branch.forward::<Self>(tensors).0
            }

            fn fused_mlp_branch(
                tokens: FloatTensor<Self>,
                norm_weight: FloatTensor<Self>,
                norm_bias: FloatTensor<Self>,
                fc1: FloatTensor<Self>,
                fc1_bias: FloatTensor<Self>,
                fc2: FloatTensor<Self>,
                fc2_bias: FloatTensor<Self>,
                epsilon: f64,
            ) -> FloatTensor<Self> {
                let tensors = [tokens, norm_weight, norm_bias, fc1, fc1_bias, fc2, fc2_bias];
                MlpBranch::new(epsilon).forward::<Self>(tensors).0
            }
        }
    };
}

forward_only!(Flex);
#[cfg(feature = "tch")]
forward_only!(LibTorch);

/// What an attention branch is computed with.
#[derive(Clone, Copy, Debug)]
struct AttentionBranch {
    heads: usize,
    epsilon: f64,
    queries: Queries,
    precision: Precision,
}

/// What an MLP branch is computed with.
#[derive(Clone, Copy, Debug)]
struct MlpBranch {
    epsilon: f64,
    precision: Precision,
}

const EVERYTHING: [bool; 3] = [true; 3];

impl AttentionBranch {
    fn new(heads: usize, epsilon: f64, queries: Queries) -> Self {
        Self { heads, epsilon, queries, precision: precision() }
    }

    /// Kept tokens, and `[tokens, norm weight, norm bias, means, scales, qkv, gathered, logarithms, qkv
    /// weight, proj weight]` for the backward pass.
    fn forward<B: Kernels>(self, tensors: [FloatTensor<B>; 8]) -> (FloatTensor<B>, [FloatTensor<B>; 10]) {
        let Self { heads, epsilon, queries, precision } = self;
        let [tokens, norm_weight, norm_bias, weight, q_bias, v_bias, proj, proj_bias] = tensors;
        let [clips, count, dim] = tokens.shape().dims();
        let [weight, proj] = [weight, proj].map(|weight| B::lowered(weight, precision));

        let rows = reshape::<B>(tokens.clone(), [clips * count, dim]);
        let (stretch, shift) = (norm_weight.clone(), norm_bias.clone());
        let [normed, means, scales] = B::norm_forward(rows, stretch, shift, epsilon, precision);
        let no_bias = B::float_mul_scalar(q_bias.clone(), 0.0.into());
        let bias = B::float_cat(vec![q_bias, no_bias, v_bias], 0);
        let qkv = B::linear_forward(normed, weight.clone(), bias, None, precision, precision);
        let qkv = reshape::<B>(qkv, [clips, count, 3 * dim]);
        let [gathered, logs] = B::attention_forward(qkv.clone(), heads, queries, precision);

        let kept = [clips * queries.count, dim];
        let given = reshape::<B>(gathered.clone(), kept);
        let onto = reshape::<B>(self.kept::<B>(tokens.clone()), kept);
        let result = B::linear_forward(given, proj.clone(), proj_bias, Some(onto), precision, Precision::F32);
        let result = reshape::<B>(result, [clips, queries.count, dim]);
        (result, [tokens, norm_weight, norm_bias, means, scales, qkv, gathered, logs, weight, proj])
    }

    /// The gradients of the eight tensors.
    fn backward<B: Kernels>(
        self,
        gradient: FloatTensor<B>,
        saved: [FloatTensor<B>; 10],
    ) -> [FloatTensor<B>; 8] {
        let Self { heads, epsilon, queries, precision } = self;
        let [tokens, norm_weight, norm_bias, means, scales, qkv, gathered, logs, weight, proj] = saved;
        let [clips, count, dim] = tokens.shape().dims();
        let kept = [clips * queries.count, dim];
        let all = [clips * count, dim];

        let lowered = B::lowered(reshape::<B>(gradient.clone(), kept), precision);
        let given = reshape::<B>(gathered.clone(), kept);
        let found = B::linear_gradient(lowered, given, proj, EVERYTHING, precision, precision);
        let [of_gathered, of_proj, of_proj_bias] = found.map(|found| found.expect(WANTED));
        let of_gathered = reshape::<B>(of_gathered, [clips, queries.count, dim]);
        let of_qkv = B::attention_gradient(of_gathered, [qkv, gathered, logs], heads, queries, precision);
        let of_qkv = reshape::<B>(of_qkv, [clips * count, 3 * dim]);

        let rows = reshape::<B>(tokens.clone(), all);
        let normed = [&rows, &norm_weight, &norm_bias, &means, &scales].map(FloatTensor::<B>::clone);
        let normed = B::norm_again(normed, epsilon, precision);
        let found = B::linear_gradient(of_qkv, normed, weight, EVERYTHING, precision, precision);
        let [of_normed, of_weight, of_bias] = found.map(|found| found.expect(WANTED));
        let past = reshape::<B>(self.spread::<B>(gradient, &tokens), all);
        let [of_rows, of_norm_weight, of_norm_bias] =
            B::norm_gradient(of_normed, [rows, norm_weight, means, scales], Some(past));
        let part = |number: usize| {
            let range = Slice::from(number * dim..(number + 1) * dim);
            B::float_slice(of_bias.clone(), &[range])
        };
        let of_tokens = reshape::<B>(of_rows, [clips, count, dim]);
        [of_tokens, of_norm_weight, of_norm_bias, of_weight, part(0), part(2), of_proj, of_proj_bias]
    }

    /// The kept tokens of all.
    fn kept<B: Backend>(self, tokens: FloatTensor<B>) -> FloatTensor<B> {
        let [clips, count, dim] = tokens.shape().dims();
        let Queries { first, count: kept } = self.queries;
        if kept == count {
            return tokens;
        }
        B::float_slice(tokens, &[0..clips, first..first + kept, 0..dim].map(Slice::from))
    }

    /// A gradient of the kept tokens as one of all tokens, like `tokens`.
    fn spread<B: Backend>(self, gradient: FloatTensor<B>, tokens: &FloatTensor<B>) -> FloatTensor<B> {
        let [clips, count, dim] = tokens.shape().dims();
        let Queries { first, count: kept } = self.queries;
        if kept == count {
            return gradient;
        }
        let nothing = B::float_mul_scalar(tokens.clone(), 0.0.into());
        B::float_slice_assign(nothing, &[0..clips, first..first + kept, 0..dim].map(Slice::from), gradient)
    }
}

impl MlpBranch {
    fn new(epsilon: f64) -> Self {
        Self { epsilon, precision: precision() }
    }

    /// Tokens, and `[tokens, norm weight, norm bias, means, scales, before GELU, fc1 weight, fc2 weight]`
    /// for the backward pass.
    fn forward<B: Kernels>(self, tensors: [FloatTensor<B>; 7]) -> (FloatTensor<B>, [FloatTensor<B>; 8]) {
        let Self { epsilon, precision } = self;
        let [tokens, norm_weight, norm_bias, fc1, fc1_bias, fc2, fc2_bias] = tensors;
        let [clips, count, dim] = tokens.shape().dims();
        let [fc1, fc2] = [fc1, fc2].map(|weight| B::lowered(weight, precision));

        let rows = reshape::<B>(tokens.clone(), [clips * count, dim]);
        let (stretch, shift) = (norm_weight.clone(), norm_bias.clone());
        let [normed, means, scales] = B::norm_forward(rows.clone(), stretch, shift, epsilon, precision);
        let before = B::linear_forward(normed, fc1.clone(), fc1_bias, None, precision, precision);
        let hidden = B::gelu_forward(before.clone());
        let result = B::linear_forward(hidden, fc2.clone(), fc2_bias, Some(rows), precision, Precision::F32);
        let result = reshape::<B>(result, [clips, count, dim]);
        (result, [tokens, norm_weight, norm_bias, means, scales, before, fc1, fc2])
    }

    /// The gradients of the seven tensors.
    fn backward<B: Kernels>(
        self,
        gradient: FloatTensor<B>,
        saved: [FloatTensor<B>; 8],
    ) -> [FloatTensor<B>; 7] {
        let Self { epsilon, precision } = self;
        let [tokens, norm_weight, norm_bias, means, scales, before, fc1, fc2] = saved;
        let [clips, count, dim] = tokens.shape().dims();
        let all = [clips * count, dim];

        let gradient = reshape::<B>(gradient, all);
        let lowered = B::lowered(gradient.clone(), precision);
        let hidden = B::gelu_forward(before.clone());
        let found = B::linear_gradient(lowered, hidden, fc2, EVERYTHING, precision, precision);
        let [of_hidden, of_fc2, of_fc2_bias] = found.map(|found| found.expect(WANTED));
        let of_before = B::gelu_gradient(of_hidden, before);

        let rows = reshape::<B>(tokens, all);
        let normed = [&rows, &norm_weight, &norm_bias, &means, &scales].map(FloatTensor::<B>::clone);
        let normed = B::norm_again(normed, epsilon, precision);
        let found = B::linear_gradient(of_before, normed, fc1, EVERYTHING, precision, precision);
        let [of_normed, of_fc1, of_fc1_bias] = found.map(|found| found.expect(WANTED));
        let [of_rows, of_norm_weight, of_norm_bias] =
            B::norm_gradient(of_normed, [rows, norm_weight, means, scales], Some(gradient));
        let of_tokens = reshape::<B>(of_rows, [clips, count, dim]);
        [of_tokens, of_norm_weight, of_norm_bias, of_fc1, of_fc1_bias, of_fc2, of_fc2_bias]
    }
}

const WANTED: &str = "because all three are wanted";

fn reshape<B: Backend>(tensor: FloatTensor<B>, shape: impl Into<Shape>) -> FloatTensor<B> {
    B::float_reshape(tensor, shape.into())
}

impl<B: Kernels> Backward<B, 8> for AttentionBranch {
    type State = [FloatTensor<B>; 10];

    fn backward(self, ops: Ops<Self::State, 8>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let found = AttentionBranch::backward::<B>(self, gradient, ops.state);
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                gradients.register::<B>(parent.id, found);
            }
        }
    }
}

impl<B: Kernels> Backward<B, 7> for MlpBranch {
    type State = [FloatTensor<B>; 8];

    fn backward(self, ops: Ops<Self::State, 7>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let found = MlpBranch::backward::<B>(self, gradient, ops.state);
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                gradients.register::<B>(parent.id, found);
            }
        }
    }
}

impl<B: Kernels + Branches, C: CheckpointStrategy> Branches for Autodiff<B, C> {
    fn fused_attention_branch(
        tokens: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        qkv: FloatTensor<Self>,
        q_bias: FloatTensor<Self>,
        v_bias: FloatTensor<Self>,
        proj: FloatTensor<Self>,
        proj_bias: FloatTensor<Self>,
        heads: usize,
        epsilon: f64,
        first: usize,
        count: usize,
    ) -> FloatTensor<Self> {
        let branch = AttentionBranch::new(heads, epsilon, Queries { first, count });
        let tensors = [tokens, norm_weight, norm_bias, qkv, q_bias, v_bias, proj, proj_bias];
        let nodes = tensors.each_ref().map(|tensor| tensor.node());
        let prepared = Backward::<B, 8>::prepare::<C>(branch, nodes).compute_bound().stateful();
        let (result, saved) = branch.forward::<B>(tensors.map(|tensor| tensor.into_primitive()));
        match prepared {
            OpsKind::Tracked(node) => node.finish(saved, result),
            OpsKind::UnTracked(node) => node.finish(result),
        }
    }

    fn fused_mlp_branch(
        tokens: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        fc1: FloatTensor<Self>,
        fc1_bias: FloatTensor<Self>,
        fc2: FloatTensor<Self>,
        fc2_bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let branch = MlpBranch::new(epsilon);
        let tensors = [tokens, norm_weight, norm_bias, fc1, fc1_bias, fc2, fc2_bias];
        let nodes = tensors.each_ref().map(|tensor| tensor.node());
        let prepared = Backward::<B, 7>::prepare::<C>(branch, nodes).compute_bound().stateful();
        let (result, saved) = branch.forward::<B>(tensors.map(|tensor| tensor.into_primitive()));
        match prepared {
            OpsKind::Tracked(node) => node.finish(saved, result),
            OpsKind::UnTracked(node) => node.finish(result),
        }
    }
}
