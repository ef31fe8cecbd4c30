//! Files of weights.

pub mod native;
