//! Training or inference: what is random in a forward pass.

use super::{drop_path::DropPath, dropout::Dropout};
use crate::batch::masked::ClipIdentity;

/// What is random in a forward pass of either model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Nothing: validation and inference (PyTorch's `eval()`).
    Fixed,
    /// Branches and features are left out, drawn under `seed` (PyTorch's `train()`).
    Training {
        /// Seed of the run.
        seed: u64,
        /// Rate of branches that are left out at the last block of each stack.
        drop_path: f64,
        /// Rate of features that are left out before a classifier's head.
        dropout: f64,
    },
}

impl Mode {
    /// What happens to branches of the `depth` blocks of a stack, for these clips.
    pub(super) fn drop_path(self, purpose: &'static str, depth: usize, clips: &[ClipIdentity]) -> DropPath {
        match self {
            Self::Training { seed, drop_path: rate, .. } if rate > 0.0 => {
                DropPath::Drawn { seed, purpose, rate, depth, clips: clips.to_vec() }
            }
            Self::Training { .. } | Self::Fixed => DropPath::Never,
        }
    }

    /// What happens to features of these clips.
    pub(super) fn dropout(self, clips: &[ClipIdentity]) -> Dropout {
        match self {
            Self::Training { seed, dropout: rate, .. } if rate > 0.0 => {
                Dropout::Drawn { seed, rate, clips: clips.to_vec() }
            }
            Self::Training { .. } | Self::Fixed => Dropout::Never,
        }
    }
}
