//! What pre-training and fine-tuning do alike once they have gradients: the optimiser step, the log, the checkpoints.
//!
//! ```text
//! stop here if the loss or the gradient norm is not finite        (weights untouched)
//! clip; update; count
//! every N steps: write a line of metrics;   every M steps, or when asked to stop: write a checkpoint
//! ```

use std::{ops::Range, path::PathBuf};

use schemas::metrics::MetricsLine;

use super::{
    asked::Asked,
    error::TrainError,
    forward_backward::Gradients,
    metrics::Metrics,
    run_folder::RunFolder,
    state::TrainState,
    stopwatch::Stopwatch,
    world::{Machines, Place, Raised},
};
use crate::{checkpoint::run_checkpoints, optimiser::adamw, recipe::Recipe};

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

/// What all processes of a training go on with.
pub(crate) enum Next {
    /// An update: its epoch, loss and gradients.
    Update(u64, Gradients),
    /// One of them was asked to stop.
    Stop,
    /// One of them has no more batches.
    OutOfData,
}

/// Decides with all processes how the training goes on. `compute` gives epoch and gradients of this process's
/// micro-batches, none when the batches end before they are whole.
pub(crate) fn next_update(
    machines: Machines<'_>,
    asked: Asked<'_>,
    stopwatch: &mut Stopwatch,
    compute: impl FnOnce(&mut Stopwatch) -> Result<Option<(u64, Gradients)>, TrainError>,
) -> Result<Next, TrainError> {
    let stop = asked.to_stop();
    let mine = if stop { None } else { compute(stopwatch)? };
    let out_of_data = mine.is_none() && !stop;
    let go_on = || {
        let raised = machines.world.meet(Raised { stop, out_of_data, ..Raised::NOTHING })?;
        match mine {
            _ if raised.stop => Ok(Next::Stop),
            Some((epoch, gradients)) if !raised.out_of_data => {
                Ok(Next::Update(epoch, gradients.over(machines.world)?))
            }
            _ => Ok(Next::OutOfData),
        }
    };
    if machines.world.place().size == 1 { go_on() } else { stopwatch.summing(go_on) }
}

/// The micro-batches of an update that this process computes, and the clips of each.
pub(crate) fn share(recipe: &Recipe, place: Place) -> Result<(usize, Range<usize>), TrainError> {
    let (micro_batch, parts) = recipe.accumulation()?;
    let share = recipe.share(place.rank, place.size)?;
    Ok((micro_batch, share.ok_or(TrainError::Shares { processes: place.size, parts })?))
}

/// Applies one optimiser step; returns the new state, the loss, and the norm of the gradients before clipping.
pub(crate) fn optimiser_step(
    state: TrainState,
    gradients: Gradients,
    rate: f64,
    recipe: &Recipe,
) -> Result<(TrainState, f64, f64), TrainError> {
    let gradient_norm = adamw::global_norm(&gradients.tensors);
    let loss = gradients.loss();
    if !loss.is_finite() || !gradient_norm.is_finite() {
        return Err(TrainError::NotFinite { step: state.step, loss, gradient_norm });
    }
    let gradients = match recipe.optimiser.clip_norm {
        0.0 => gradients.tensors,
        limit => adamw::clip(gradients.tensors, gradient_norm, limit),
    };
    Ok((state.step(gradients, rate, recipe.optimiser.ema), loss, gradient_norm))
}

/// What a run writes down as it goes on: lines of metrics, checkpoints. Of several processes the first writes.
pub(crate) struct RunLog<'a> {
    recipe: &'a Recipe,
    run: &'a RunFolder,
    /// None in a process that does not write.
    metrics: Option<Metrics>,
    pub(crate) stopwatch: Stopwatch,
    saved: Option<(u64, PathBuf)>,
}

impl<'a> RunLog<'a> {
    /// Goes on after step `step`.
    pub(crate) fn open(
        recipe: &'a Recipe,
        run: &'a RunFolder,
        step: u64,
        place: Place,
    ) -> Result<Self, TrainError> {
        let path = run.metrics_path();
        let metrics = place.writes().then(|| Metrics::open_at(&path, step)).transpose();
        let metrics = metrics.map_err(|cause| TrainError::Metrics { path, cause })?;
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
            let added = self.metrics.as_mut().map_or(Ok(()), |metrics| metrics.add(&line));
            added.map_err(|cause| TrainError::Metrics { path, cause })?;
            self.stopwatch.next_line();
        }
        Ok(())
    }

    /// Writes a checkpoint if this step is one that has one, or one is asked for.
    pub(crate) fn save_when_due(&mut self, state: &TrainState, asked: Asked<'_>) -> Result<(), TrainError> {
        if asked.for_a_checkpoint() || state.step % self.recipe.run.checkpoint_every == 0 {
            self.save(state)?;
        }
        Ok(())
    }

    pub(crate) fn done(&mut self, state: &TrainState) -> Result<Outcome, TrainError> {
        Ok(Outcome::Done { checkpoint: self.save(state)? })
    }

    pub(crate) fn stopped(&mut self, state: &TrainState) -> Result<Outcome, TrainError> {
        Ok(Outcome::Stopped { checkpoint: self.save(state)?, step: state.step })
    }

    /// Batches also end because the pipeline was asked to stop.
    pub(crate) fn out_of_data(
        &mut self,
        state: &TrainState,
        asked: Asked<'_>,
    ) -> Result<Outcome, TrainError> {
        if asked.to_stop() {
            return self.stopped(state);
        }
        Ok(Outcome::OutOfData { checkpoint: self.save(state)?, step: state.step })
    }

    /// The checkpoint of this step, which is written once.
    fn save(&mut self, state: &TrainState) -> Result<PathBuf, TrainError> {
        match &self.saved {
            Some((step, path)) if *step == state.step => Ok(path.clone()),
            _ => {
                let path = match self.metrics {
                    Some(_) => self.run.write_checkpoint(&state.checkpoint(self.recipe, self.run.data()))?,
                    None => run_checkpoints::path_of(self.run.path(), state.step),
                };
                self.saved = Some((state.step, path.clone()));
                Ok(path)
            }
        }
    }
}
