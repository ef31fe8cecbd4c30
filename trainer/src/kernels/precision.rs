//! In which numbers products are computed, and whether a device's own kernels are used at all.
//!
//! Both hold for the calling thread while a function runs, as PyTorch's autocast does: the model's code does
//! not pass them on, and an operation remembers for its backward pass what held in its forward pass.
//!
//! In bf16 the factors of matrix products (linear layers, attention) are rounded to 8 bits of mantissa and
//! their sums are kept in f32. Weights, norms, shares of attention, loss, gradients of weights and the
//! optimiser stay f32.

use std::{cell::Cell, fmt};

use serde::{Deserialize, Serialize};

/// Numbers that the factors of a product are rounded to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits of mantissa.
    #[default]
    F32,
    /// 8 bits of mantissa, the exponents of f32.
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

/// Which code computes an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernels {
    /// The device's own kernels, where it brings them.
    #[default]
    Own,
    /// The plain compositions that own kernels are tested against.
    Plain,
}

thread_local! {
    static PRECISION: Cell<Precision> = const { Cell::new(Precision::F32) };
    static KERNELS: Cell<Kernels> = const { Cell::new(Kernels::Own) };
}

/// Runs `work` with products in `precision`, on devices that bring kernels for it.
pub fn in_precision<R>(precision: Precision, work: impl FnOnce() -> R) -> R {
    let _restored = Restored(&PRECISION, PRECISION.replace(precision));
    work()
}

/// Runs `work` with these kernels.
pub fn with_kernels<R>(kernels: Kernels, work: impl FnOnce() -> R) -> R {
    let _restored = Restored(&KERNELS, KERNELS.replace(kernels));
    work()
}

/// What holds on this thread.
pub(super) fn precision() -> Precision {
    PRECISION.get()
}

/// What holds on this thread.
pub(super) fn kernels() -> Kernels {
    KERNELS.get()
}

/// Puts the old value back, also when the work panics.
struct Restored<T: Copy + 'static>(&'static std::thread::LocalKey<Cell<T>>, T);

impl<T: Copy> Drop for Restored<T> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_holds_only_inside() {
        in_precision(Precision::Bf16, || {
            assert_eq!(precision(), Precision::Bf16);
            in_precision(Precision::F32, || assert_eq!(precision(), Precision::F32));
            assert_eq!(precision(), Precision::Bf16);
        });
        assert_eq!(precision(), Precision::F32);
    }
}
