//! What a file says of its model before its tensors are read, and what of that is believed.

use std::{collections::BTreeMap, path::Path};

use schemas::{ClipGeometry, ProblemType};

use super::{
    CheckpointError, Hints, PixelScale,
    about::About,
    saved_model::{Kind, SavedModel},
    tensor_table::TensorTable,
};
use crate::{
    model::{ModelShape, Stack},
    weights::{HostTensor, Layout},
};

/// Frames and side where nothing says others: those of every published model (official `run_mae_pretraining.py`).
pub(super) const PUBLISHED_CLIP: (usize, usize) = (16, 224);

/// Longest width, hidden width or number of classes that is believed; the giant model's is 6144.
const LONGEST: usize = 1 << 20;
/// Most blocks that are believed; the giant model has 40.
const DEEPEST: usize = 1 << 10;

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
