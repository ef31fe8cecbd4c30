//! Why a training failed.

use std::{io, path::PathBuf};

use schemas::{clip_batch::ClipBatchError, names::shown};

use super::{run_folder::RunFolderError, world::WorldError};
use crate::{
    batch::{labelled::LabelledClipsError, masked::ClipsError},
    recipe::RecipeError,
    weights::Misfit,
};

/// Why a training failed. The last checkpoint that was written stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The recipe is wrong.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The run's folder cannot be used.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// A line of metrics could not be written.
    #[error("{path}: {cause}", path = shown(path))]
    Metrics {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The events for TensorBoard could not be written.
    #[error("events for TensorBoard cannot be written in {path}: {cause}", path = shown(path))]
    Events {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The weights of a step could not be probed or drawn.
    #[error("the weights of step {step} cannot be looked at: {cause}")]
    Look {
        /// Updates of the weights so far.
        step: u64,
        /// What went wrong.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The checkpoint that it should go on from is of another model.
    #[error("the run's checkpoint is of another model than its recipe: {0}")]
    Misfit(#[from] Misfit),
    /// Where the batches come from has failed.
    #[error("no batch for step {step}: {cause}")]
    Data {
        /// Steps made so far.
        step: u64,
        /// What went wrong there.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What came is no batch of clips.
    #[error(transparent)]
    Batch(#[from] ClipBatchError),
    /// The batch's clips cannot be trained on.
    #[error(transparent)]
    Clips(#[from] ClipsError),
    /// The batch's clips cannot be learnt from.
    #[error(transparent)]
    Labelled(#[from] LabelledClipsError),
    /// The weights of a step could not be validated.
    #[error("the weights of step {step} cannot be validated: {cause}")]
    Validation {
        /// Updates of the weights so far.
        step: u64,
        /// What went wrong.
        cause: LabelledClipsError,
    },
    /// The run has no checkpoint of a classifier to go on from.
    #[error("{path} does not contain a fine-tuning: {why}", path = shown(path))]
    NoClassifier {
        /// Which folder.
        path: PathBuf,
        /// What is there instead.
        why: String,
    },
    /// A batch has another number of clips than a micro-batch.
    #[error("a batch of {found} clips came, a micro-batch has {wanted}")]
    BatchSize {
        /// Clips that came.
        found: usize,
        /// Clips of a micro-batch.
        wanted: usize,
    },
    /// The processes of the training cannot go on together.
    #[error(transparent)]
    World(#[from] WorldError),
    /// An update cannot be shared out among the processes.
    #[error("{processes} processes cannot share out the {parts} micro-batches of an update")]
    Shares {
        /// Processes.
        processes: usize,
        /// Micro-batches of an update.
        parts: usize,
    },
    /// The loss or the gradients went out of range; the weights were not touched.
    #[error(
        "step {step} was not applied, because it is not finite: loss {loss}, gradient norm {gradient_norm}"
    )]
    NotFinite {
        /// Steps made before it.
        step: u64,
        /// Its loss.
        loss: f64,
        /// Norm of its gradients.
        gradient_norm: f64,
    },
}
