//! The operations that a step spends its time in, as plain functions.
//!
//! The model calls these and does not know which device runs them. A device that brings kernels of its own
//! ([`fused`]) runs these; every other one runs the composed version that stands in the operation's file:
//! tensor operations that anyone can check by eye, and against which the kernels are tested.

mod adamw;
mod attention;
mod flex;
mod fused;
mod gelu;
mod layer_norm;
#[cfg(feature = "tch")]
mod libtorch;
mod linear;
#[cfg(test)]
mod tests;

pub use self::{
    adamw::{AdamwStep, adamw},
    attention::attention,
    gelu::gelu,
    layer_norm::layer_norm,
    linear::linear,
};
