//! A model as a file holds it, whatever the format: what it is, its lengths, its tensors on the host.

use std::{collections::BTreeMap, path::Path};

use schemas::{ClipGeometry, ProblemType};
use serde::{Deserialize, Serialize};

use super::{CheckpointError, Description, Hints, PixelScale, native::About, tensor_table::TensorTable};
use crate::{
    model::{
        ModelShape, Stack,
        layout::{self, LastNorm},
    },
    weights::{HostTensor, Layout},
};

/// Longest width, hidden width or number of classes that is believed; the giant model's is 6144.
const LONGEST: usize = 1 << 20;
/// Most blocks that are believed; the giant model has 40.
const DEEPEST: usize = 1 << 10;

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

/// What a file says of its model, before its tensors are read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claims {
    pub(super) kind: Kind,
    pub(super) shape: ModelShape,
    pub(super) labels: Vec<String>,
    pub(super) stretched_from: Option<[usize; 3]>,
    pub(super) pixels: PixelScale,
    pub(super) problem_type: ProblemType,
    pub(super) about: About,
    pub(super) assumed: Vec<String>,
    pub(super) notes: Vec<String>,
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

    /// What it is, without its weights.
    pub fn description(&self) -> Description {
        Description::of(self)
    }

    /// BLAKE3 of what it is and of its weights: two models with the same digest say the same.
    pub fn digest(&self) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(self.description().to_json().as_bytes());
        for (name, tensor) in &self.weights {
            hash.update(name.as_bytes());
            tensor.values.chunks(1 << 14).for_each(|values| {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                hash.update(&bytes);
            });
        }
        hash.finalize().to_hex().to_string()
    }

    /// Names and shapes of its tensors, in the order of the official file.
    pub fn layout(&self) -> Layout {
        self.kind.layout(&self.shape)
    }
}

impl Claims {
    /// The model that `table` holds: exactly what is claimed, or an error that lists what differs.
    /// `take` reads the tensors of the layout that it is given.
    pub(super) fn fulfil(
        self,
        table: TensorTable,
        take: impl FnOnce(TensorTable, Layout) -> Result<BTreeMap<String, HostTensor>, CheckpointError>,
    ) -> Result<SavedModel, CheckpointError> {
        self.believe().map_err(|why| CheckpointError::NoModel { path: table.path().to_owned(), why })?;
        let weights = take(table, self.kind.layout(&self.shape))?;
        let Self { kind, shape, labels, stretched_from, pixels, problem_type, about, assumed, notes } = self;
        Ok(SavedModel {
            kind,
            shape,
            labels,
            stretched_from,
            pixels,
            problem_type,
            weights,
            about,
            assumed,
            notes,
        })
    }

    /// Lengths come from files: absurd ones are refused before a layout is made of them.
    fn believe(&self) -> Result<(), String> {
        let mut stacks = vec![("encoder", self.shape.encoder)];
        if self.kind == Kind::Pretraining {
            stacks.push(("decoder", self.shape.decoder));
        }
        for (name, Stack { dim, depth, heads, hidden }) in stacks {
            let widths = [dim, hidden].iter().all(|length| (1..=LONGEST).contains(length));
            if !widths || !(1..=DEEPEST).contains(&depth) {
                return Err(format!(
                    "its {name} would be {dim} wide with {depth} blocks and {hidden} hidden values"
                ));
            }
            if heads == 0 || dim % heads != 0 {
                return Err(format!("{heads} heads do not divide the width {dim} of its {name}"));
            }
        }
        // An epsilon of 0 divides by 0 where a token is flat; one from 1 up is a slip.
        for epsilon in [self.shape.epsilons.blocks, self.shape.epsilons.last] {
            if !(epsilon > 0.0 && epsilon < 1.0) {
                return Err(format!("its norms would add {epsilon:e} to the variance"));
            }
        }
        if !self.pixels.is_usable() {
            return Err(format!("its pixels would be scaled by {:?}", self.pixels));
        }
        match (self.kind, self.labels.len()) {
            (Kind::Classifier { classes }, _) if !(1..=LONGEST).contains(&classes) => {
                Err(format!("it would have {classes} classes"))
            }
            (Kind::Classifier { classes }, names) if names != 0 && names != classes => {
                Err(format!("it has {classes} classes and names {names}"))
            }
            _ => Ok(()),
        }
    }
}

/// The clips that a model looks at: what a person says goes before what the file says.
pub(super) fn geometry(
    path: &Path,
    hints: Hints,
    frames: usize,
    [height, width]: [usize; 2],
    tubelet: usize,
    patch: usize,
) -> Result<ClipGeometry, CheckpointError> {
    let [height, width] = hints.sides.unwrap_or([height, width]);
    ClipGeometry::new(hints.frames.unwrap_or(frames), height, width, tubelet, patch)
        .map_err(|cause| CheckpointError::Geometry { path: path.to_owned(), cause })
}
