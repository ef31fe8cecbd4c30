//! The loss of painted cubes, from the bytes of the wanted ones.
//!
//! As one operation there is no tensor of targets, errors or squares: a cube's mean and deviation, its
//! squared errors and their gradient come out of one pass over its bytes.
//!
//! Shapes: B clips, T targets, C values of a cube.

#![cfg_attr(feature = "tch", allow(deprecated))] // Burn has announced that its LibTorch backend will go

#[cfg(feature = "tch")]
use burn::backend::LibTorch;
use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Int, Tensor},
};

#[cfg(feature = "tch")]
use super::libtorch;
use super::{flex, fused::brings_kernels};
use crate::objective::{self, Target};

/// What a painting is measured by; it does not depend on the cube.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measure {
    /// What a cube's target is.
    pub(super) target: Target,
    /// What each squared error counts: one over the number of values that count.
    pub(super) share: f64,
}

/// Squared errors of `painted` (`[B, T, C]` in target order) to the targets of `cubes` (bytes `[B, T, C]` in the
/// order of the embedding), of those whose weight (`[B, T, 1]`) is 1, or of all; their sum divided by the values of
/// `counted` cubes.
pub fn painting_loss(
    painted: Tensor<3>,
    cubes: Tensor<3, Int>,
    weights: Option<Tensor<3>>,
    counted: usize,
    target: Target,
) -> Tensor<1> {
    if !brings_kernels(&painted) || !is_fused(&painted) {
        return composed(painted, cubes, weights, counted, target);
    }
    let [clips, targets, cube] = painted.dims();
    let weights = weights.unwrap_or_else(|| Tensor::ones([clips, targets, 1], &painted.device().inner()));
    let share = 1.0 / (counted * cube) as f64;
    let (painted, cubes, weights) = (painted.into_dispatch(), cubes.into_dispatch(), weights.into_dispatch());
    Tensor::from_dispatch(Dispatch::fused_painting_loss(painted, weights, cubes, target, share))
}

/// Whether the kernels of the device, which brings some, take these cubes.
#[cfg(feature = "tch")]
fn is_fused(painted: &Tensor<3>) -> bool {
    libtorch::paints(painted)
}

#[cfg(not(feature = "tch"))]
fn is_fused(_: &Tensor<3>) -> bool {
    true
}

/// The plain version.
pub(super) fn composed(
    painted: Tensor<3>,
    cubes: Tensor<3, Int>,
    weights: Option<Tensor<3>>,
    counted: usize,
    target: Target,
) -> Tensor<1> {
    let wanted = objective::of_levels(cubes.float(), target);
    objective::weighted_loss(painted, wanted, weights.as_ref(), counted)
}

#[backend_extension(Autodiff, Flex, LibTorch: cfg(feature = "tch"))]
trait Painting: Backend {
    fn fused_painting_loss(
        painted: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        cubes: IntTensor<Self>,
        target: Target,
        share: f64,
    ) -> FloatTensor<Self>;
}

/// What a device brings.
pub(super) trait PaintingKernels: Backend {
    /// The loss `[1]`, and its gradient.
    fn painting(
        painted: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        cubes: IntTensor<Self>,
        measure: Measure,
    ) -> [FloatTensor<Self>; 2];
    /// A gradient times what comes from behind the loss, `[1]`.
    fn times(gradient: FloatTensor<Self>, factor: FloatTensor<Self>) -> FloatTensor<Self>;
}

macro_rules! by {
    ($backend:ty, $kernels:ident) => {
        impl PaintingKernels for $backend {
            fn painting(
                painted: FloatTensor<Self>,
                weights: FloatTensor<Self>,
                cubes: IntTensor<Self>,
                measure: Measure,
            ) -> [FloatTensor<Self>; 2] {
                $kernels::painting(painted, weights, cubes, measure)
            }

            fn times(gradient: FloatTensor<Self>, factor: FloatTensor<Self>) -> FloatTensor<Self> {
                $kernels::times(gradient, factor)
            }
        }

        impl Painting for $backend {
            fn fused_painting_loss(
                painted: FloatTensor<Self>,
                weights: FloatTensor<Self>,
                cubes: IntTensor<Self>,
                target: Target,
                share: f64,
            ) -> FloatTensor<Self> {
                let [loss, _] = Self::painting(painted, weights, cubes, Measure { target, share });
                loss
            }
        }
    };
}

by!(Flex, flex);
#[cfg(feature = "tch")]
by!(LibTorch, libtorch);

/// `[B, T, C]` times `[1]`.
pub(super) fn multiplied<B: Backend>(values: FloatTensor<B>, factor: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(values, B::float_reshape(factor, [1, 1, 1].into()))
}

#[derive(Debug)]
struct PaintingBackward;

impl<B: PaintingKernels> Backward<B, 1> for PaintingBackward {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        if let [Some(parent)] = ops.parents {
            gradients.register::<B>(parent.id, B::times(ops.state, gradient));
        }
    }
}

impl<B: PaintingKernels + Painting, C: CheckpointStrategy> Painting for Autodiff<B, C> {
    fn fused_painting_loss(
        painted: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        cubes: IntTensor<Self>,
        target: Target,
        share: f64,
    ) -> FloatTensor<Self> {
        match PaintingBackward.prepare::<C>([painted.node()]).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let (painted, weights) = (painted.into_primitive(), weights.into_primitive());
                let [loss, gradient] = B::painting(painted, weights, cubes, Measure { target, share });
                node.finish(gradient, loss)
            }
            OpsKind::UnTracked(node) => node.finish(B::fused_painting_loss(
                painted.into_primitive(),
                weights.into_primitive(),
                cubes,
                target,
                share,
            )),
        }
    }
}
