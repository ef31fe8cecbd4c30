//! The pre-training loop.
//!
//! ```text
//! for clip batches, from where the last run ended:
//!     set the learning rate of this step
//!     loss, gradients  ←  forward and backward of each micro-batch, averaged
//!     stop here if the loss or the gradient norm is not finite        (weights untouched)
//!     clip; update; count
//!     every N steps: write a line of metrics;   every M steps, or when asked to stop: write a checkpoint
//! ```

use std::{
    io,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use arrow::array::RecordBatch;
use schemas::{ClipBatch, clip_batch::ClipBatchError, metrics::MetricsLine};

use crate::{
    Device, Recipe, RecipeError,
    clips::{ClipsError, MaskedClips},
    gradients::{Descent, Memory, descend},
    metrics::Metrics,
    model::{Mode, VideoMae},
    optimiser,
    run_folder::{RunFolder, RunFolderError},
    stopwatch::Stopwatch,
    training::Training,
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

/// Trains from where `run` ends until `steps.until`. Each of `batches` is one micro-batch; they go on from
/// [`RunFolder::resume_point`]. `stop` is looked at between steps. `report` sees every step.
///
/// # Errors
/// When anything but a request to stop keeps it from its last step.
pub fn pretrain<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    recipe: &Recipe,
    device: &Device,
    batches: impl Iterator<Item = Result<RecordBatch, E>>,
    run: &RunFolder,
    steps: Steps,
    stop: &AtomicBool,
    mut report: impl FnMut(&MetricsLine),
) -> Result<Outcome, TrainError> {
    recipe.check()?;
    let (mut training, model) = begin_or_resume(recipe, device, run)?;
    let learning_rate = recipe.learning_rate(steps.per_epoch, steps.schedule);
    let mut metrics = open_metrics(run, training.step)?;
    let mut stopwatch = Stopwatch::start();
    let mut batches = batches.fuse();
    let mut saved = None;

    while training.step < steps.until {
        if stop.load(Ordering::Relaxed) {
            let checkpoint = save(&training, recipe, run)?;
            return Ok(Outcome::Stopped { checkpoint, step: training.step });
        }
        let rate = learning_rate.at(training.step);
        let Some((epoch, descent)) =
            next_descent(recipe, device, &model, &training, || stopwatch.waiting(|| batches.next()))?
        else {
            return out_of_data(&training, recipe, run, stop);
        };

        let gradient_norm = optimiser::global_norm(&descent.gradients);
        if !descent.is_finite(gradient_norm) {
            let (step, loss) = (training.step, descent.loss);
            return Err(TrainError::NotFinite { step, loss, gradient_norm });
        }
        let gradients = match recipe.optimiser.clip_norm {
            0.0 => descent.gradients,
            limit => optimiser::clip(descent.gradients, gradient_norm, limit),
        };
        training = training.step(gradients, rate, recipe.optimiser.ema);

        let line = stopwatch.line(recipe.optimiser.batch, |line| MetricsLine {
            step: training.step,
            epoch,
            loss: descent.loss,
            lr: rate,
            gradient_norm,
            ..line
        });
        report(&line);
        if training.step % recipe.run.log_every == 0 {
            metrics.add(&line).map_err(|cause| TrainError::Metrics { path: run.metrics_path(), cause })?;
            stopwatch.next_line();
        }
        saved = None;
        if training.step % recipe.run.checkpoint_every == 0 {
            saved = Some(save(&training, recipe, run)?);
        }
    }
    let checkpoint = saved.map_or_else(|| save(&training, recipe, run), Ok)?;
    Ok(Outcome::Done { checkpoint })
}

/// Seconds that each of `steps` whole steps takes on the same micro-batch, with freshly drawn weights. The
/// first ones are slower: memory is new to the process, and some devices compile.
///
/// # Errors
/// When the recipe or the batch is wrong.
pub fn time_steps(
    recipe: &Recipe,
    device: &Device,
    batch: RecordBatch,
    steps: usize,
) -> Result<Vec<f64>, TrainError> {
    recipe.check()?;
    let model = VideoMae::new(recipe.model_shape()?, device);
    let mut training = Training::begin(recipe, model.shape(), device);
    let batch = ClipBatch::try_from(batch)?;
    let mut seconds = Vec::with_capacity(steps);
    for _ in 0..steps {
        let start = Instant::now();
        let clips = MaskedClips::upload(&batch, model.shape().geometry, device)?;
        let descent =
            descend(&model, &training.weights, &clips, recipe.model.target, mode(recipe), memory(recipe));
        // The norm is read from the device in every real step, so it belongs to the time.
        let norm = optimiser::global_norm(&descent.gradients);
        let gradients = optimiser::clip(descent.gradients, norm, f64::INFINITY);
        training = training.step(gradients, recipe.optimiser.floor_lr, recipe.optimiser.ema);
        device.finish();
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

fn begin_or_resume(
    recipe: &Recipe,
    device: &Device,
    run: &RunFolder,
) -> Result<(Training, VideoMae), TrainError> {
    let model = VideoMae::new(recipe.model_shape()?, device);
    let training = match run.resume_point()? {
        Some(_) => Training::resume(recipe, model.shape(), run.last_checkpoint()?, device)?,
        None => Training::begin(recipe, model.shape(), device),
    };
    Ok((training, model))
}

fn open_metrics(run: &RunFolder, step: u64) -> Result<Metrics, TrainError> {
    let path = run.metrics_path();
    Metrics::open_at(&path, step).map_err(|cause| TrainError::Metrics { path, cause })
}

/// Epoch, loss and gradients of the next update's micro-batches; none when the batches end before it is
/// whole.
fn next_descent<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    recipe: &Recipe,
    device: &Device,
    model: &VideoMae,
    training: &Training,
    mut next: impl FnMut() -> Option<Result<RecordBatch, E>>,
) -> Result<Option<(u64, Descent)>, TrainError> {
    let (micro_batch, parts) = recipe.accumulation()?;
    let mut whole: Option<(u64, Descent)> = None;
    for _ in 0..parts {
        let Some(batch) = next() else { return Ok(None) };
        let batch = batch.map_err(|cause| TrainError::Data { step: training.step, cause: cause.into() })?;
        let clips = MaskedClips::upload(&ClipBatch::try_from(batch)?, model.shape().geometry, device)?;
        if clips.len() != micro_batch {
            return Err(TrainError::BatchSize { found: clips.len(), wanted: micro_batch });
        }
        let part =
            descend(model, &training.weights, &clips, recipe.model.target, mode(recipe), memory(recipe));
        whole = Some(match whole {
            None => (clips.identities[0].epoch, part),
            Some((epoch, descent)) => (epoch, descent.join(part)),
        });
    }
    Ok(whole)
}

fn memory(recipe: &Recipe) -> Memory {
    if recipe.model.gradient_checkpointing { Memory::BlockInputs } else { Memory::Everything }
}

fn mode(recipe: &Recipe) -> Mode {
    Mode::Training { seed: recipe.run.seed, drop_path: recipe.model.drop_path }
}

fn save(training: &Training, recipe: &Recipe, run: &RunFolder) -> Result<PathBuf, TrainError> {
    Ok(run.write_checkpoint(&training.checkpoint(recipe, run.data()))?)
}

/// Batches also end because the pipeline was asked to stop.
fn out_of_data(
    training: &Training,
    recipe: &Recipe,
    run: &RunFolder,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let (checkpoint, step) = (save(training, recipe, run)?, training.step);
    Ok(if stop.load(Ordering::Relaxed) {
        Outcome::Stopped { checkpoint, step }
    } else {
        Outcome::OutOfData { checkpoint, step }
    })
}
