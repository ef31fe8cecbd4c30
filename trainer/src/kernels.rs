//! The operations that a step spends its time in, as plain functions.
//!
//! The model calls these and does not know which device runs them. Each file begins with the composed
//! version: tensor operations that anyone can check by eye and that every device can run.

pub mod adamw;
mod attention;
mod gelu;
mod layer_norm;
mod linear;

pub use self::{
    adamw::{AdamwStep, adamw},
    attention::attention,
    gelu::gelu,
    layer_norm::layer_norm,
    linear::linear,
};
