//! What the loops of pre-training and fine-tuning have in common: everything behind the gradients of a step.
//!
//! ```text
//! stop here if the loss or the gradient norm is not finite        (weights untouched)
//! clip; update; count
//! every N steps: write a line of metrics;   every M steps, or when asked to stop: write a checkpoint
//! ```

use std::{
    io,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use schemas::{clip_batch::ClipBatchError, metrics::MetricsLine};

use super::{
    forward_backward::Gradients,
    metrics::Metrics,
    run_folder::{RunFolder, RunFolderError},
    state::TrainState,
    stopwatch::Stopwatch,
};
use crate::{
    batch::{labelled::LabelledClipsError, masked::ClipsError},
    optimiser::adamw,
    recipe::{Recipe, RecipeError},
    weights::Misfit,
};

/// How many steps there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Steps of an epoch: videos, times clips per video, over clips of an update, rounded down.
    pub per_epoch: u64,
    /// Steps over which the learning rate is laid out.
    pub schedule: u64,
    /// The training ends when this many have been made, counted from its very beginning.
    pub until: u64,
}

/// How a training ended; a checkpoint was written in every case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All steps were made.
    Done {
        /// The last checkpoint.
        checkpoint: PathBuf,
    },
    /// It was asked to stop.
    Stopped {
        /// The last checkpoint.
        checkpoint: PathBuf,
        /// Steps made so far.
        step: u64,
    },
    /// There were no more batches.
    OutOfData {
        /// The last checkpoint.
        checkpoint: PathBuf,
        /// Steps made so far.
        step: u64,
    },
}

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
    #[error("{path}: {cause}", path = path.display())]
    Metrics {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
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
    #[error("{path} holds no fine-tuning: {why}", path = path.display())]
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
    /// The loss or the gradients went out of range; the weights were not touched.
    #[error("step {step} was not made: loss {loss}, gradient norm {gradient_norm}")]
    NotFinite {
        /// Steps made before it.
        step: u64,
        /// Its loss.
        loss: f64,
        /// Norm of its gradients.
        gradient_norm: f64,
    },
}

/// The state after following these gradients, their loss, and their norm before clipping.
pub(crate) fn optimiser_step(
    training: TrainState,
    gradients: Gradients,
    rate: f64,
    recipe: &Recipe,
) -> Result<(TrainState, f64, f64), TrainError> {
    let gradient_norm = adamw::global_norm(&gradients.tensors);
    let loss = gradients.loss();
    if !loss.is_finite() || !gradient_norm.is_finite() {
        return Err(TrainError::NotFinite { step: training.step, loss, gradient_norm });
    }
    let gradients = match recipe.optimiser.clip_norm {
        0.0 => gradients.tensors,
        limit => adamw::clip(gradients.tensors, gradient_norm, limit),
    };
    Ok((training.step(gradients, rate, recipe.optimiser.ema), loss, gradient_norm))
}

/// What a run writes down as it goes on.
pub(crate) struct RunLog<'a> {
    recipe: &'a Recipe,
    run: &'a RunFolder,
    metrics: Metrics,
    pub(crate) stopwatch: Stopwatch,
    saved: Option<(u64, PathBuf)>,
}

impl<'a> RunLog<'a> {
    /// Goes on after step `step`.
    pub(crate) fn open(recipe: &'a Recipe, run: &'a RunFolder, step: u64) -> Result<Self, TrainError> {
        let path = run.metrics_path();
        let metrics = Metrics::open_at(&path, step).map_err(|cause| TrainError::Metrics { path, cause })?;
        Ok(Self { recipe, run, metrics, stopwatch: Stopwatch::start(), saved: None })
    }

    /// The line of a step, written down if it is one that is logged. `report` sees it before, and may add
    /// what a trainer does not know.
    pub(crate) fn line(
        &mut self,
        fill: impl FnOnce(MetricsLine) -> MetricsLine,
        report: impl FnOnce(&mut MetricsLine),
    ) -> Result<(), TrainError> {
        let mut line = self.stopwatch.line(self.recipe.optimiser.batch, fill);
        report(&mut line);
        if line.step % self.recipe.run.log_every == 0 {
            let path = self.run.metrics_path();
            self.metrics.add(&line).map_err(|cause| TrainError::Metrics { path, cause })?;
            self.stopwatch.next_line();
        }
        Ok(())
    }

    /// Writes a checkpoint if this step is one that has one.
    pub(crate) fn save_when_due(&mut self, training: &TrainState) -> Result<(), TrainError> {
        if training.step % self.recipe.run.checkpoint_every == 0 {
            self.save(training)?;
        }
        Ok(())
    }

    pub(crate) fn asked_to_stop(&self, stop: &AtomicBool) -> bool {
        stop.load(Ordering::Relaxed)
    }

    pub(crate) fn done(&mut self, training: &TrainState) -> Result<Outcome, TrainError> {
        Ok(Outcome::Done { checkpoint: self.save(training)? })
    }

    pub(crate) fn stopped(&mut self, training: &TrainState) -> Result<Outcome, TrainError> {
        Ok(Outcome::Stopped { checkpoint: self.save(training)?, step: training.step })
    }

    /// Batches also end because the pipeline was asked to stop.
    pub(crate) fn out_of_data(
        &mut self,
        training: &TrainState,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        if self.asked_to_stop(stop) {
            return self.stopped(training);
        }
        Ok(Outcome::OutOfData { checkpoint: self.save(training)?, step: training.step })
    }

    /// The checkpoint of this step, which is written once.
    fn save(&mut self, training: &TrainState) -> Result<PathBuf, TrainError> {
        match &self.saved {
            Some((step, path)) if *step == training.step => Ok(path.clone()),
            _ => {
                let checkpoint = training.checkpoint(self.recipe, self.run.data());
                let path = self.run.write_checkpoint(&checkpoint)?;
                self.saved = Some((training.step, path.clone()));
                Ok(path)
            }
        }
    }
}
