//! The loss of predicted cubes, computed from the bytes of the hidden ones.
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
use schemas::geometry::CHANNELS;

#[cfg(feature = "tch")]
use super::libtorch;
use super::{
    backend::{EPSILON, LEVELS, Measure, Target},
    flex,
    fused::brings_kernels,
};

/// Squared errors of `predicted` (`[B, T, C]` in target order) to the targets of `cubes` (bytes `[B, T, C]` in the
/// order of the embedding), of those whose weight (`[B, T, 1]`) is 1, or of all; their sum divided by the values of
/// `counted` cubes.
#[doc(alias = "forward_loss")]
pub fn masked_loss(
    predicted: Tensor<3>,
    cubes: Tensor<3, Int>,
    weights: Option<Tensor<3>>,
    counted: usize,
    target: Target,
) -> Tensor<1> {
    if !brings_kernels(&predicted) || !is_fused(&predicted) {
        return composed(predicted, cubes, weights, counted, target);
    }
    let [clips, targets, cube] = predicted.dims();
    let weights = weights.unwrap_or_else(|| Tensor::ones([clips, targets, 1], &predicted.device().inner()));
    let share = 1.0 / (counted * cube) as f64;
    let (predicted, cubes, weights) =
        (predicted.into_dispatch(), cubes.into_dispatch(), weights.into_dispatch());
    Tensor::from_dispatch(Dispatch::fused_masked_loss(predicted, weights, cubes, target, share))
}

/// Whether the kernels of the device, which brings some, take these cubes.
#[cfg(feature = "tch")]
fn is_fused(predicted: &Tensor<3>) -> bool {
    libtorch::takes_cubes(predicted)
}

#[cfg(not(feature = "tch"))]
fn is_fused(_: &Tensor<3>) -> bool {
    true
}

/// The targets of cubes of these levels.
pub(crate) fn targets_of_levels(levels: Tensor<3>, target: Target) -> Tensor<3> {
    let [batch, tokens, cube] = levels.dims();
    let pixels = cube / CHANNELS;
    let levels = levels.reshape([batch, tokens, CHANNELS, pixels]);
    let values = match target {
        Target::Raw => levels / LEVELS,
        Target::Normalised => {
            let sums = levels.clone().sum_dim(3); // B T 3 1
            let deviations = (levels * pixels as f64 - sums) / pixels as f64; // B T 3 n
            let variance = deviations.clone().square().sum_dim(3) / (pixels as f64 - 1.0);
            deviations / (variance.sqrt() + EPSILON * LEVELS)
        }
    };
    // Colour after colour becomes pixel after pixel.
    values.swap_dims(2, 3).reshape([batch, tokens, cube])
}

/// Squared errors of `predicted` to what is wanted, of those whose weight is 1, or of all; their sum divided by the
/// values of `counted` cubes.
pub(crate) fn weighted_loss(
    predicted: Tensor<3>,
    wanted: Tensor<3>,
    weights: Option<&Tensor<3>>,
    counted: usize,
) -> Tensor<1> {
    let [_, _, cube] = wanted.dims();
    let errors = (predicted - wanted).square(); // B T C
    let errors = match weights {
        None => errors,
        Some(weights) => errors * weights.clone(),
    };
    errors.sum() / (counted * cube) as f64
}

/// The plain version.
pub(super) fn composed(
    predicted: Tensor<3>,
    cubes: Tensor<3, Int>,
    weights: Option<Tensor<3>>,
    counted: usize,
    target: Target,
) -> Tensor<1> {
    let wanted = targets_of_levels(cubes.float(), target);
    weighted_loss(predicted, wanted, weights.as_ref(), counted)
}

#[backend_extension(Autodiff, Flex, LibTorch: cfg(feature = "tch"))]
trait FusedMaskedLoss: Backend {
    fn fused_masked_loss(
        predicted: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        cubes: IntTensor<Self>,
        target: Target,
        share: f64,
    ) -> FloatTensor<Self>;
}

/// What a device brings.
pub(super) trait MaskedLossKernels: Backend {
    /// The loss `[1]`, and its gradient.
    fn masked_loss(
        predicted: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        cubes: IntTensor<Self>,
        measure: Measure,
    ) -> [FloatTensor<Self>; 2];
    /// A gradient times what comes from behind the loss, `[1]`.
    fn times(gradient: FloatTensor<Self>, factor: FloatTensor<Self>) -> FloatTensor<Self>;
}

macro_rules! by {
    ($backend:ty, $kernels:ident) => {
        impl MaskedLossKernels for $backend {
            fn masked_loss(
                predicted: FloatTensor<Self>,
                weights: FloatTensor<Self>,
                cubes: IntTensor<Self>,
                measure: Measure,
            ) -> [FloatTensor<Self>; 2] {
                $kernels::masked_loss(predicted, weights, cubes, measure)
            }

            fn times(gradient: FloatTensor<Self>, factor: FloatTensor<Self>) -> FloatTensor<Self> {
                $kernels::times(gradient, factor)
            }
        }

        impl FusedMaskedLoss for $backend {
            fn fused_masked_loss(
                predicted: FloatTensor<Self>,
                weights: FloatTensor<Self>,
                cubes: IntTensor<Self>,
                target: Target,
                share: f64,
            ) -> FloatTensor<Self> {
                let [loss, _] = Self::masked_loss(predicted, weights, cubes, Measure { target, share });
                loss
            }
        }
    };
}

by!(Flex, flex);
#[cfg(feature = "tch")]
by!(LibTorch, libtorch);

#[derive(Debug)]
struct MaskedLossBackward;

impl<B: MaskedLossKernels> Backward<B, 1> for MaskedLossBackward {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        if let [Some(parent)] = ops.parents {
            gradients.register::<B>(parent.id, B::times(ops.state, gradient));
        }
    }
}

impl<B: MaskedLossKernels + FusedMaskedLoss, C: CheckpointStrategy> FusedMaskedLoss for Autodiff<B, C> {
    fn fused_masked_loss(
        predicted: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        cubes: IntTensor<Self>,
        target: Target,
        share: f64,
    ) -> FloatTensor<Self> {
        match MaskedLossBackward.prepare::<C>([predicted.node()]).compute_bound().stateful() {
            OpsKind::Tracked(node) => {
                let (predicted, weights) = (predicted.into_primitive(), weights.into_primitive());
                let [loss, gradient] = B::masked_loss(predicted, weights, cubes, Measure { target, share });
                node.finish(gradient, loss)
            }
            OpsKind::UnTracked(node) => node.finish(B::fused_masked_loss(
                predicted.into_primitive(),
                weights.into_primitive(),
                cubes,
                target,
                share,
            )),
        }
    }
}
