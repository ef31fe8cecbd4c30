//! The operations on the CPU as plain loops over slices: vectorised Rust on all threads.
//!
//! They know no tensors. Burn's flex backend hands its tensors to them ([`super::flex`]), and so does LibTorch where
//! they are faster than its own.
//!
//! Work is cut into pieces that do not depend on the number of threads, and partial sums are added in the
//! order of the pieces, so one thread and many give the same bits. Sums and exponentials are written
//! without fused multiply-adds, so that they also do not depend on the CPU.

pub(super) mod adamw;
pub(super) mod attention;
#[cfg(target_arch = "x86_64")]
mod bf16;
pub(super) mod buffer;
#[cfg(target_arch = "x86_64")]
mod cpu_maker;
pub(super) mod gelu;
pub(super) mod layer_norm;
pub(super) mod linear;
pub(super) mod masked_loss;
mod matrix;
pub(super) mod product;
mod product_f32;
pub(super) mod square_sum;
mod vector;
