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

use std::{sync::atomic::AtomicBool, time::Instant};

use arrow::array::RecordBatch;
use schemas::{ClipBatch, metrics::MetricsLine};

use crate::{
    Device, Recipe,
    clips::MaskedClips,
    gradients::{Computation, Descent, descend},
    model::{Mode, VideoMae, layout},
    optimiser,
    run_folder::RunFolder,
    stepping::{Journal, Outcome, Steps, TrainError, follow},
    stopwatch::Stopwatch,
    training::Training,
};

/// Trains from where `run` ends until `steps.until`. Each of `batches` is one micro-batch; they go on from
/// [`RunFolder::resume_point`]. `stop` is looked at between steps. `report` sees every step before its line is
/// written, and may add what a trainer does not know.
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
    mut report: impl FnMut(&mut MetricsLine),
) -> Result<Outcome, TrainError> {
    recipe.check()?;
    let (mut training, model) = begin_or_resume(recipe, device, run)?;
    let learning_rate = recipe.learning_rate(steps.per_epoch, steps.schedule);
    let mut journal = Journal::open(recipe, run, training.step)?;
    let mut batches = batches.fuse();

    while training.step < steps.until {
        if journal.asked_to_stop(stop) {
            return journal.stopped(&training);
        }
        let rate = learning_rate.at(training.step);
        let next = || next_batch(&mut batches, &mut journal.stopwatch, training.step);
        let Some((epoch, descent)) = next_descent(recipe, device, &model, &training, next)? else {
            return journal.out_of_data(&training, stop);
        };
        let (loss, gradient_norm);
        (training, loss, gradient_norm) = follow(training, descent, rate, recipe)?;
        let step = training.step;
        let fill = |line| MetricsLine { step, epoch, loss, lr: rate, gradient_norm, ..line };
        journal.line(fill, &mut report)?;
        journal.save_when_due(&training)?;
    }
    journal.done(&training)
}

/// Makes `steps` whole steps on the same micro-batch, with freshly drawn weights, and tells `after` the seconds
/// of each. The first ones are slower: memory is new to the process, and some devices compile.
///
/// # Errors
/// When the recipe or the batch is wrong.
pub fn time_steps(
    recipe: &Recipe,
    device: &Device,
    batch: RecordBatch,
    steps: usize,
    mut after: impl FnMut(f64),
) -> Result<(), TrainError> {
    recipe.check()?;
    let model = VideoMae::new(recipe.model_shape()?, device);
    let mut training = Training::begin(recipe, model.shape(), device);
    let batch = ClipBatch::try_from(batch)?;
    for _ in 0..steps {
        let start = Instant::now();
        let clips = MaskedClips::upload(&batch, model.shape().geometry, device)?;
        let descent = descend(
            &model,
            &training.weights,
            &clips,
            recipe.model.target,
            mode(recipe),
            Computation::of(recipe),
        );
        // The norm is read from the device in every real step, so it belongs to the time.
        let norm = optimiser::global_norm(&descent.gradients);
        let gradients = optimiser::clip(descent.gradients, norm, f64::INFINITY);
        training = training.step(gradients, recipe.optimiser.floor_lr, recipe.optimiser.ema);
        device.finish();
        after(start.elapsed().as_secs_f64());
    }
    Ok(())
}

fn begin_or_resume(
    recipe: &Recipe,
    device: &Device,
    run: &RunFolder,
) -> Result<(Training, VideoMae), TrainError> {
    let model = VideoMae::new(recipe.model_shape()?, device);
    let training = match run.resume_point()? {
        Some(_) => {
            Training::resume(recipe, &layout::pretraining(model.shape()), run.last_checkpoint()?, device)?
        }
        None => Training::begin(recipe, model.shape(), device),
    };
    Ok((training, model))
}

/// The next micro-batch, checked and counted; none when they end.
fn next_batch<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    batches: &mut impl Iterator<Item = Result<RecordBatch, E>>,
    stopwatch: &mut Stopwatch,
    step: u64,
) -> Result<Option<ClipBatch>, TrainError> {
    let Some(batch) = stopwatch.waiting(|| batches.next()) else { return Ok(None) };
    let batch = batch.map_err(|cause| TrainError::Data { step, cause: cause.into() })?;
    let batch = ClipBatch::try_from(batch)?;
    stopwatch.frames(batch.len() * batch.geometry().frames(), batch.repeated_frames());
    Ok(Some(batch))
}

/// Epoch, loss and gradients of the next update's micro-batches; none when the batches end before it is
/// whole.
fn next_descent(
    recipe: &Recipe,
    device: &Device,
    model: &VideoMae,
    training: &Training,
    mut next: impl FnMut() -> Result<Option<ClipBatch>, TrainError>,
) -> Result<Option<(u64, Descent)>, TrainError> {
    let (micro_batch, parts) = recipe.accumulation()?;
    let mut whole: Option<(u64, Descent)> = None;
    for _ in 0..parts {
        let Some(batch) = next()? else { return Ok(None) };
        let clips = MaskedClips::upload(&batch, model.shape().geometry, device)?;
        if clips.len() != micro_batch {
            return Err(TrainError::BatchSize { found: clips.len(), wanted: micro_batch });
        }
        let part = descend(
            model,
            &training.weights,
            &clips,
            recipe.model.target,
            mode(recipe),
            Computation::of(recipe),
        );
        whole = Some(match whole {
            None => (clips.identities[0].epoch, part),
            Some((epoch, descent)) => (epoch, descent.join(part)),
        });
    }
    Ok(whole)
}

fn mode(recipe: &Recipe) -> Mode {
    Mode::Training { seed: recipe.run.seed, drop_path: recipe.model.drop_path }
}
