//! The pre-training loop.
//!
//! ```text
//! for clip batches, from where the last run ended:
//!     set the learning rate of this step
//!     loss, gradients  ←  forward and backward of each micro-batch, averaged
//!                         (the next micro-batch goes to a GPU meanwhile)
//!     of several processes, each computes its micro-batches; all decide to go on, and average
//!     stop here if the loss or the gradient norm is not finite        (weights untouched)
//!     clip; update; count
//!     look at the weights, if somebody does
//!     every N steps: write a line of metrics;   every M steps, or when asked to stop: write a checkpoint
//! ```

use std::time::Instant;

use arrow_array::RecordBatch;
use schemas::{ClipBatch, ClipGeometry, metrics::MetricsLine};

use super::{
    asked::Asked,
    error::TrainError,
    forward_backward::{Computation, Gradients, forward_backward},
    look::Look,
    pair_tree::PairTree,
    prefetch::{Batches, DataError, prefetch},
    run_folder::RunFolder,
    state::TrainState,
    steps::{Next, Outcome, RunLog, Steps, next_update, optimiser_step, share},
    stopwatch::Stopwatch,
    world::Machines,
};
use crate::{
    batch::masked::MaskedClips,
    device::Device,
    model::{Mode, VideoMae, layout},
    optimiser::adamw,
    recipe::Recipe,
};

/// Trains from where `run` ends until `steps.until`. Each of `batches` is one micro-batch, of several processes those of
/// this one's share ([`Recipe::share`]); they go on from [`RunFolder::resume_point`]. `asked` is looked at between steps.
/// `report` sees every step before its line is written, and may add what a trainer does not know.
///
/// # Errors
/// When anything but a request to stop keeps it from its last step.
pub fn pretrain<'a, E: Into<DataError>>(
    recipe: &Recipe,
    machines: impl Into<Machines<'a>>,
    batches: impl Iterator<Item = Result<RecordBatch, E>> + Send,
    run: &RunFolder,
    steps: Steps,
    asked: impl Into<Asked<'a>>,
    report: impl FnMut(&mut MetricsLine),
) -> Result<Outcome, TrainError> {
    pretrain_and_look(recipe, machines, batches, run, steps, asked, report, None)
}

/// As [`fn@pretrain`], and has `look` see the weights after every step, before its line is written.
///
/// # Errors
/// As [`fn@pretrain`], and where they cannot be looked at.
#[allow(clippy::too_many_arguments)] // what a run is made of, each once
pub fn pretrain_and_look<'a, E: Into<DataError>>(
    recipe: &Recipe,
    machines: impl Into<Machines<'a>>,
    batches: impl Iterator<Item = Result<RecordBatch, E>> + Send,
    run: &RunFolder,
    steps: Steps,
    asked: impl Into<Asked<'a>>,
    mut report: impl FnMut(&mut MetricsLine),
    mut look: Option<&mut Look<'_>>,
) -> Result<Outcome, TrainError> {
    let (machines, asked) = (machines.into(), asked.into());
    let (device, place) = (machines.device, machines.world.place());
    recipe.check()?;
    let (micro_batch, share) = share(recipe, place)?;
    let (mut state, model) = begin_or_resume(recipe, device, run)?;
    let learning_rate = recipe.learning_rate(steps.per_epoch, steps.schedule);
    let mut log = RunLog::open(recipe, run, state.step, place)?;
    let geometry = model.shape().geometry;
    let upload = |batch| Counted::upload(batch, geometry, device);
    let needed = steps.micro_batches(state.step, share.len());

    prefetch(batches.take(needed), upload, !device.is_cpu(), |batches| {
        while state.step < steps.until {
            let rate = learning_rate.at(state.step);
            let of = Update { recipe, model: &model, state: &state, micro_batch, parts: share.len() };
            let compute = |stopwatch: &mut Stopwatch| of.gradients(batches, stopwatch);
            let (epoch, gradients) = match next_update(machines, asked, &mut log.stopwatch, compute)? {
                Next::Update(epoch, gradients) => (epoch, gradients),
                Next::Stop => return log.stopped(&state),
                Next::OutOfData => return log.out_of_data(&state, asked),
            };
            log.stopwatch.sets(gradients.sets.as_ref());
            let (loss, gradient_norm);
            (state, loss, gradient_norm) = optimiser_step(state, gradients, rate, recipe)?;
            let step = state.step;
            let probe = log.look(look.as_deref_mut(), &state)?;
            let fill = |line| MetricsLine { step, epoch, loss, lr: rate, gradient_norm, probe, ..line };
            log.line(fill, &mut report)?;
            log.save_when_due(&state, asked)?;
        }
        log.done(&state)
    })
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
    let geometry = model.shape().geometry;
    let upload = |batch| Counted::upload(batch, geometry, device);
    let batches = std::iter::repeat_n(batch, steps).map(Ok::<_, DataError>);
    prefetch(batches, upload, !device.is_cpu(), |batches| {
        for _ in 0..steps {
            let start = Instant::now();
            let Some(Counted { clips, .. }) = batches.next(state.step)? else { break };
            let gradients = gradients_of(recipe, &model, &state, &clips);
            // The norm is read from the device in every real step, so it belongs to the time.
            let norm = adamw::global_norm(&gradients.tensors);
            let gradients = adamw::clip(gradients.tensors, norm, f64::INFINITY);
            state = state.step(gradients, recipe.optimiser.floor_lr, recipe.optimiser.ema);
            device.finish();
            after(start.elapsed().as_secs_f64());
        }
        Ok(())
    })
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

/// Clips on the device, and how many of their frames repeat the one before.
struct Counted {
    clips: MaskedClips,
    frames: usize,
    repeated: usize,
}

impl Counted {
    fn upload(batch: RecordBatch, geometry: ClipGeometry, device: &Device) -> Result<Self, TrainError> {
        let batch = ClipBatch::try_from(batch)?;
        let clips = MaskedClips::upload(&batch, geometry, device)?;
        let frames = batch.len() * batch.geometry().frames();
        Ok(Self { clips, frames, repeated: batch.repeated_frames() })
    }
}

/// The next update.
struct Update<'a> {
    recipe: &'a Recipe,
    model: &'a VideoMae,
    state: &'a TrainState,
    /// Clips of a micro-batch.
    micro_batch: usize,
    /// Its micro-batches in this process.
    parts: usize,
}

impl Update<'_> {
    /// Epoch, loss and gradients of its micro-batches; none when the batches end before it is whole.
    fn gradients(
        &self,
        batches: &mut Batches<'_, Counted>,
        stopwatch: &mut Stopwatch,
    ) -> Result<Option<(u64, Gradients)>, TrainError> {
        let Self { recipe, model, state, micro_batch, parts } = *self;
        let (mut epoch, mut tree) = (None, PairTree::new());
        for _ in 0..parts {
            let fetched = stopwatch.waiting(|| batches.next(state.step))?;
            let Some(Counted { clips, frames, repeated }) = fetched else { return Ok(None) };
            stopwatch.frames(frames, repeated);
            if clips.len() != micro_batch {
                return Err(TrainError::BatchSize { found: clips.len(), wanted: micro_batch });
            }
            epoch = epoch.or(Some(clips.identities[0].epoch));
            tree.push(gradients_of(recipe, model, state, &clips), Gradients::join);
        }
        Ok(epoch.zip(tree.root(Gradients::join)))
    }
}

fn gradients_of(recipe: &Recipe, model: &VideoMae, state: &TrainState, clips: &MaskedClips) -> Gradients {
    let mode = Mode::Training { seed: recipe.run.seed, drop_path: recipe.model.drop_path, dropout: 0.0 };
    forward_backward(model, &state.weights, clips, recipe.model.target, mode, Computation::of(recipe))
}
