//! A model as a file holds it, whatever the format: what it is, its lengths, its tensors on the host.

use std::collections::BTreeMap;

use schemas::ProblemType;
use serde::{Deserialize, Serialize};

use super::{PixelScale, about::About};
use crate::{
    model::{
        ModelShape, Stack,
        layout::{self, LastNorm},
    },
    weights::{HostTensor, Layout},
};

/// Which part of VideoMAE it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Kind {
    /// Encoder and decoder.
    Pretraining,
    /// The encoder, the norm of its mean token and a linear head.
    Classifier {
        /// Classes of the head.
        classes: usize,
    },
    /// The encoder alone.
    Encoder {
        /// Whether the norm behind the last block is part of it.
        last_norm: LastNorm,
    },
}

/// A model on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedModel {
    /// Which part of VideoMAE it is.
    pub kind: Kind,
    /// Its lengths, heads and epsilons. Where there is no decoder its lengths are 0 ([`SavedModel::NO_DECODER`]).
    pub shape: ModelShape,
    /// Names of a classifier's classes; empty where the file has none.
    pub labels: Vec<String>,
    /// The grid of tokens (time, height, width) that its positions are stretched from; none where the table
    /// is that of its own grid, as in every published model.
    pub stretched_from: Option<[usize; 3]>,
    /// How pixels are scaled for it.
    pub pixels: PixelScale,
    /// What kind of answer a classifier gives.
    pub problem_type: ProblemType,
    /// Its tensors under official names (a classifier's and an encoder's without `encoder.`).
    pub weights: BTreeMap<String, HostTensor>,
    /// Where it comes from.
    pub about: About,
    /// What the file does not say and was taken for granted, in words. Not written.
    pub assumed: Vec<String>,
    /// What a person should know of how the file was read, a sentence each. Not written.
    pub notes: Vec<String>,
}

impl Kind {
    /// Names and shapes of its tensors at these lengths.
    pub fn layout(self, shape: &ModelShape) -> Layout {
        match self {
            Self::Pretraining => layout::pretraining(shape),
            Self::Classifier { classes } => layout::classifier(shape, classes),
            Self::Encoder { last_norm } => layout::encoder(shape, last_norm),
        }
    }
}

impl SavedModel {
    /// Stands for the decoder of a model that has none.
    pub const NO_DECODER: Stack = Stack { dim: 0, depth: 0, heads: 0, hidden: 0 };

    /// Names and shapes of its tensors, in the order of the official file.
    pub fn layout(&self) -> Layout {
        self.kind.layout(&self.shape)
    }
}
