//! What pre-training and fine-tuning do alike once they have gradients: the optimiser step, the log, the checkpoints.
//!
//! ```text
//! stop here if the loss or the gradient norm is not finite        (weights untouched)
//! clip; update; count
//! every N steps: write a line of metrics;   every M steps, or when asked to stop: write a checkpoint
//! ```

use std::{io, ops::Range, path::PathBuf};

use schemas::metrics::{MetricsLine, ProbeLine, ValidationLine};
use serde::Serialize;

use super::{
    asked::Asked,
    error::TrainError,
    event_file::EventFile,
    forward_backward::Gradients,
    look::{self, Look},
    metrics::Metrics,
    run_folder::{RunFolder, RunFolderError},
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

impl Steps {
    /// Micro-batches that a process takes which has made `step` steps and computes `parts` of each update.
    pub(crate) fn micro_batches(self, step: u64, parts: usize) -> usize {
        let steps = usize::try_from(self.until.saturating_sub(step)).unwrap_or(usize::MAX);
        steps.saturating_mul(parts)
    }
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
    events: Option<EventFile>,
    pub(crate) stopwatch: Stopwatch,
    saved: Option<(u64, PathBuf)>,
    /// The best score of a probe so far.
    best: Option<f64>,
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
        let at = |cause| TrainError::Metrics { path: path.clone(), cause };
        let mut log = Self {
            recipe,
            run,
            metrics: None,
            events: None,
            stopwatch: Stopwatch::start(),
            saved: None,
            best: None,
        };
        if place.writes() {
            log.metrics = Some(Metrics::open_at(&path, step).map_err(at)?);
            log.best = look::best_of(&path).map_err(at)?;
            let events = recipe.run.tensorboard.then(|| EventFile::rewrite(run.path(), step)).transpose();
            log.events = events.map_err(|cause| events_failed(run, cause))?;
        }
        Ok(log)
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
        if is_written(&line, self.recipe) {
            let path = self.run.metrics_path();
            let added = self.metrics.as_mut().map_or(Ok(()), |metrics| metrics.add(&line));
            added.map_err(|cause| TrainError::Metrics { path, cause })?;
            self.add_events("", &line)?;
            self.stopwatch.next_line();
        }
        Ok(())
    }

    /// What `look` sees of the weights. The best ones are kept, and the clock stands still meanwhile.
    pub(crate) fn look(
        &mut self,
        look: Option<&mut Look<'_>>,
        state: &TrainState,
    ) -> Result<Option<ProbeLine>, TrainError> {
        let Some(look) = look else { return Ok(None) };
        let looked = self.stopwatch.standing(|| look(state));
        let looked = looked.map_err(|cause| TrainError::Look { step: state.step, cause })?;
        if let (Some(events), Some(png)) = (&mut self.events, looked.picture) {
            events.add_picture(state.step, &png).map_err(|cause| events_failed(self.run, cause))?;
        }
        let score = looked.probe.as_ref().map(ProbeLine::score);
        if score > self.best {
            let checkpoint = state.checkpoint(self.recipe, self.run.data());
            checkpoint.write(&self.run.best_path()).map_err(RunFolderError::from)?;
            self.best = score;
        }
        Ok(looked.probe)
    }

    /// What a validation found, for TensorBoard; its line is written already.
    pub(crate) fn validated(&mut self, line: &ValidationLine) -> Result<(), TrainError> {
        self.add_events("validation/", line)
    }

    fn add_events(&mut self, prefix: &str, line: &impl Serialize) -> Result<(), TrainError> {
        let Some(events) = &mut self.events else { return Ok(()) };
        events.add(prefix, line).map_err(|cause| events_failed(self.run, cause))
    }

    /// Writes a checkpoint if this step is one that has one, or one is asked for.
    pub(crate) fn save_when_due(&mut self, state: &TrainState, asked: Asked<'_>) -> Result<(), TrainError> {
        if asked.for_a_checkpoint() || self.recipe.run.has_checkpoint(state.step) {
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

    fn write_checkpoint(&self, state: &TrainState) -> Result<PathBuf, TrainError> {
        let path = self.run.write_checkpoint(&state.checkpoint(self.recipe, self.run.data()))?;
        self.run.prune(&self.recipe.run)?;
        Ok(path)
    }

    /// The checkpoint of this step, which is written once.
    fn save(&mut self, state: &TrainState) -> Result<PathBuf, TrainError> {
        match &self.saved {
            Some((step, path)) if *step == state.step => Ok(path.clone()),
            _ => {
                let path = match self.metrics {
                    Some(_) => self.write_checkpoint(state)?,
                    None => run_checkpoints::path_of(self.run.path(), state.step),
                };
                self.saved = Some((state.step, path.clone()));
                Ok(path)
            }
        }
    }
}

/// Whether a line is written down: one of so many, and whatever a probe found.
pub fn is_written(line: &MetricsLine, recipe: &Recipe) -> bool {
    line.step.is_multiple_of(recipe.run.log_every) || line.probe.is_some()
}

fn events_failed(run: &RunFolder, cause: io::Error) -> TrainError {
    TrainError::Events { path: run.path().to_owned(), cause }
}
