//! The settings of `schemas/` alone.

pub mod settings;
