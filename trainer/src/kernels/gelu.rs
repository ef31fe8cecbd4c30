//! GELU with the error function: `x · Φ(x)`. The tanh form is further than 1e-5 away from it.

use burn::tensor::{Tensor, activation};

/// GELU of every element.
pub fn gelu<const R: usize>(values: Tensor<R>) -> Tensor<R> {
    activation::gelu(values)
}
