//! The pre-training loop.
//!
//! ```text
//! for clip batches, from where the last run ended:
//!     set the learning rate of this step
//!     loss, gradients  ←  forward and backward of each micro-batch, averaged
//!                         (a GPU computes while the next micro-batch is fetched and sent to it)
//!     stop here if the loss or the gradient norm is not finite        (weights untouched)
//!     clip; update; count
//!     look at the weights, if somebody does
//!     every N steps: write a line of metrics;   every M steps, or when asked to stop: write a checkpoint
//! ```

use std::time::Instant;

use arrow_array::RecordBatch;
use schemas::{ClipBatch, metrics::MetricsLine};

use super::{
    asked::Asked,
    error::TrainError,
    forward_backward::{Computation, Gradients, forward_backward},
    look::Look,
    prefetch::Prefetch,
    run_folder::RunFolder,
    state::TrainState,
    steps::{Outcome, RunLog, Steps, optimiser_step},
    stopwatch::Stopwatch,
};
use crate::{
    batch::masked::MaskedClips,
    device::Device,
    model::{Mode, VideoMae, layout},
    optimiser::adamw,
    recipe::Recipe,
};

/// Trains from where `run` ends until `steps.until`. Each of `batches` is one micro-batch; they go on from
/// [`RunFolder::resume_point`]. `asked` is looked at between steps. `report` sees every step before its line is
/// written, and may add what a trainer does not know.
///
/// # Errors
/// When anything but a request to stop keeps it from its last step.
pub fn pretrain<'a, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    recipe: &Recipe,
    device: &Device,
    batches: impl Iterator<Item = Result<RecordBatch, E>>,
    run: &RunFolder,
    steps: Steps,
    asked: impl Into<Asked<'a>>,
    report: impl FnMut(&mut MetricsLine),
) -> Result<Outcome, TrainError> {
    pretrain_and_look(recipe, device, batches, run, steps, asked, report, None)
}

/// As [`fn@pretrain`], and has `look` see the weights after every step, before its line is written.
///
/// # Errors
/// As [`fn@pretrain`], and where they cannot be looked at.
#[allow(clippy::too_many_arguments)] // what a run is made of, each once
pub fn pretrain_and_look<'a, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    recipe: &Recipe,
    device: &Device,
    batches: impl Iterator<Item = Result<RecordBatch, E>>,
    run: &RunFolder,
    steps: Steps,
    asked: impl Into<Asked<'a>>,
    mut report: impl FnMut(&mut MetricsLine),
    mut look: Option<&mut Look<'_>>,
) -> Result<Outcome, TrainError> {
    let asked = asked.into();
    recipe.check()?;
    let (mut state, model) = begin_or_resume(recipe, device, run)?;
    let learning_rate = recipe.learning_rate(steps.per_epoch, steps.schedule);
    let mut log = RunLog::open(recipe, run, state.step)?;
    let mut prefetch = Prefetch::new(batches, model.shape().geometry, device);

    while state.step < steps.until {
        if asked.to_stop() {
            return log.stopped(&state);
        }
        let rate = learning_rate.at(state.step);
        let is_last = state.step + 1 == steps.until;
        let gradients = next_gradients(recipe, &model, &state, &mut prefetch, is_last, &mut log.stopwatch)?;
        let Some((epoch, gradients)) = gradients else {
            return log.out_of_data(&state, asked);
        };
        let (loss, gradient_norm);
        (state, loss, gradient_norm) = optimiser_step(state, gradients, rate, recipe)?;
        let step = state.step;
        let probe = log.look(look.as_deref_mut(), &state)?;
        let fill = |line| MetricsLine { step, epoch, loss, lr: rate, gradient_norm, probe, ..line };
        log.line(fill, &mut report)?;
        log.save_when_due(&state, asked)?;
    }
    log.done(&state)
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
    let mut state = TrainState::begin(recipe, model.shape(), device);
    let batch = ClipBatch::try_from(batch)?;
    let upload = || MaskedClips::upload(&batch, model.shape().geometry, device);
    let mut clips = upload()?;
    for _ in 0..steps {
        let start = Instant::now();
        let gradients = gradients_of(recipe, &model, &state, &clips);
        // As in a training, the next clips go to the device while it computes the gradients of these.
        clips = upload()?;
        // The norm is read from the device in every real step, so it belongs to the time.
        let norm = adamw::global_norm(&gradients.tensors);
        let gradients = adamw::clip(gradients.tensors, norm, f64::INFINITY);
        state = state.step(gradients, recipe.optimiser.floor_lr, recipe.optimiser.ema);
        device.finish();
        after(start.elapsed().as_secs_f64());
    }
    Ok(())
}

fn begin_or_resume(
    recipe: &Recipe,
    device: &Device,
    run: &RunFolder,
) -> Result<(TrainState, VideoMae), TrainError> {
    let model = VideoMae::new(recipe.model_shape()?, device);
    let state = match run.resume_point()? {
        Some(_) => {
            TrainState::resume(recipe, &layout::pretraining(model.shape()), run.last_checkpoint()?, device)?
        }
        None => TrainState::begin(recipe, model.shape(), device),
    };
    Ok((state, model))
}

/// Epoch, loss and gradients of the next update's micro-batches; none when the batches end before it is
/// whole. Behind all but the last of the training, the micro-batch after it is fetched.
fn next_gradients<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    recipe: &Recipe,
    model: &VideoMae,
    state: &TrainState,
    prefetch: &mut Prefetch<'_, impl Iterator<Item = Result<RecordBatch, E>>>,
    is_last: bool,
    stopwatch: &mut Stopwatch,
) -> Result<Option<(u64, Gradients)>, TrainError> {
    let (micro_batch, parts) = recipe.accumulation()?;
    let mut whole: Option<(u64, Gradients)> = None;
    for part in 1..=parts {
        let Some(clips) = prefetch.next(state.step, stopwatch)? else { return Ok(None) };
        if clips.len() != micro_batch {
            return Err(TrainError::BatchSize { found: clips.len(), wanted: micro_batch });
        }
        let found = gradients_of(recipe, model, state, &clips);
        if part < parts {
            prefetch.fetch(state.step, stopwatch);
        } else if !is_last {
            prefetch.fetch(state.step + 1, stopwatch);
        }
        whole = Some(match whole {
            None => (clips.identities[0].epoch, found),
            Some((epoch, gradients)) => (epoch, gradients.join(found)),
        });
    }
    Ok(whole)
}

fn gradients_of(recipe: &Recipe, model: &VideoMae, state: &TrainState, clips: &MaskedClips) -> Gradients {
    let mode = Mode::Training { seed: recipe.run.seed, drop_path: recipe.model.drop_path, dropout: 0.0 };
    forward_backward(model, &state.weights, clips, recipe.model.target, mode, Computation::of(recipe))
}
