//! The operations that a step spends its time in, as plain functions.
//!
//! The model calls these and does not know which device runs them. A device that brings kernels of its own
//! ([`fused`]) runs these; every other one runs the composed version that stands in the operation's file:
//! tensor operations that anyone can check by eye, and against which the kernels are tested.
//! [`with_kernels`] runs that version on any device.

mod adamw;
mod attention;
mod branches;
mod flex;
mod fused;
mod gelu;
mod kept_memory;
mod layer_norm;
mod length;
#[cfg(feature = "tch")]
mod libtorch;
mod linear;
mod painting;
mod precision;
#[cfg(test)]
mod tests;
mod upload;

pub use self::{
    adamw::{AdamwStep, Learning, Learnt, adamw, adamw_of_all},
    attention::attention,
    branches::{AttentionTensors, MlpTensors, attention_branch, mlp_branch},
    gelu::gelu,
    kept_memory::KeptMemory,
    layer_norm::layer_norm,
    length::{square_sum, square_sums},
    linear::linear,
    painting::painting_loss,
    precision::{Kernels, Precision, in_precision, with_kernels},
    upload::{upload_bytes, upload_tokens},
};

/// Whether the processor's own backend gains anything by products in bf16; elsewhere it computes them in f32.
pub fn processor_has_bf16() -> bool {
    flex::has_bf16()
}

/// Before a step on `device`: see [`libtorch`]'s threads. Other devices share theirs anyway.
pub(crate) fn share_threads(device: &burn::tensor::Device, kernels: Kernels, precision: Precision) {
    #[cfg(feature = "tch")]
    if libtorch::is_processor(device) {
        libtorch::share_threads(kernels, precision);
    }
    #[cfg(not(feature = "tch"))]
    let _ = (device, kernels, precision);
}

/// Before tensors are made on LibTorch: see [`KeptMemory`], which its allocator does not ask.
#[cfg(feature = "tch")]
pub(crate) fn keep_libtorch_memory() {
    libtorch::keep_memory();
}
