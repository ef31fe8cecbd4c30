//! The operations that a step spends its time in, as plain functions.
//!
//! The model calls these and does not know which device runs them. A device that brings kernels of its own
//! (`fused.rs`) runs these; every other one runs the composed version that stands in the operation's file:
//! tensor operations that anyone can check by eye, and against which the kernels are tested.
//! [`with_kernels`] runs that version on any device.
//!
//! ```text
//! attention, gelu, layer_norm, linear, branches, masked_loss, adamw, square_sum     what is called
//! fused, backend, precision                                                         how a device is asked
//! flex ─▶ cpu       Burn's flex backend; the loops over slices that it runs on
//! libtorch ─▶ cpu   LibTorch, and its kernels for GPUs; on the CPU some of the same loops
//! ```

mod adamw;
mod attention;
mod backend;
mod branches;
mod cpu;
mod flex;
mod fused;
mod gelu;
mod layer_norm;
#[cfg(feature = "tch")]
mod libtorch;
mod linear;
mod masked_loss;
mod precision;
mod speed;
mod square_sum;
#[cfg(test)]
mod tests;
mod upload;

pub(crate) use self::masked_loss::{targets_of_levels, weighted_loss};
pub use self::{
    adamw::{adamw, adamw_of_all},
    attention::attention,
    backend::{AdamwStep, Learning, Learnt, Target},
    branches::{AttentionTensors, MlpTensors, attention_branch, mlp_branch},
    gelu::gelu,
    layer_norm::layer_norm,
    linear::linear,
    masked_loss::masked_loss,
    precision::{Kernels, Precision, in_precision, with_kernels},
    speed::product_speed,
    square_sum::{square_sum, square_sums},
    upload::{upload_bytes, upload_tokens},
};

/// The instructions by which the CPU's own backend multiplies in bf16, where that gains anything; elsewhere it computes
/// those products in f32.
pub fn cpu_bf16_instructions() -> Option<&'static str> {
    cpu::product::bf16_instructions()
}

/// How the CPU's own backend computes products of this precision, in words: `f32 by private-gemm-x86 with AVX-512`.
pub fn cpu_products(precision: Precision) -> String {
    cpu::product::in_words(precision)
}

/// The same of LibTorch on the CPU, whose memory our own products read and write where they are faster than its own.
pub fn libtorch_cpu_products(precision: Precision) -> String {
    #[cfg(feature = "tch")]
    if precision == Precision::F32 && cpu::product::outdoes_mkl() {
        return format!("{}, on LibTorch", cpu_products(precision));
    }
    format!("{precision} by LibTorch")
}

/// Before a step on `device`: see [`libtorch`]'s threads. Other devices share theirs anyway.
pub(crate) fn share_threads(device: &burn::tensor::Device, kernels: Kernels, precision: Precision) {
    #[cfg(feature = "tch")]
    if libtorch::is_cpu(device) {
        libtorch::share_threads(kernels, precision);
    }
    #[cfg(not(feature = "tch"))]
    let _ = (device, kernels, precision);
}

/// Before tensors are made on LibTorch: see [`crate::allocator`], which its allocator does not ask.
#[cfg(feature = "tch")]
pub(crate) fn keep_libtorch_memory() {
    libtorch::keep_memory();
}
