//! The fine-tuning loop.
//!
//! ```text
//! for batches of whole clips, from where the last run ended:
//!     set the learning rate of this step; each layer has its share of it
//!     mix each micro-batch with itself turned round, and its targets likewise
//!     loss, gradients  ←  forward and backward of each micro-batch, averaged
//!     of several processes, each computes its micro-batches; all decide to go on, and average
//!     stop here if the loss or the gradient norm is not finite        (weights untouched)
//!     clip; update; count
//!     every epoch: validate on fixed views, one a video; keep the best weights      (the first process does)
//!     every N steps: write a line of metrics;   every M steps, or when asked to stop: write a checkpoint
//! ```

use std::ops::Range;

use arrow_array::RecordBatch;
use schemas::{
    LabelledBatch,
    metrics::{MetricsLine, ValidationLine},
};

use super::{
    asked::Asked,
    error::TrainError,
    forward_backward::{Computation, Gradients, forward_backward_labelled},
    initial_weights::InitialClassifier,
    objective::{Labels, Objective},
    pair_tree::PairTree,
    prefetch::{Batches, DataError, prefetch},
    run_folder::{RunFolder, RunFolderError},
    state::TrainState,
    steps::{Next, Outcome, RunLog, Steps, next_update, optimiser_step, share},
    stopwatch::Stopwatch,
    validation::{Validate, Validations},
    world::Machines,
};
use crate::{
    batch::{labelled::LabelledClips, mixup::Mix},
    checkpoint::Kind,
    device::Device,
    inference::classifier::classifier,
    model::{Mode, classifier::Classifier, layout},
    optimiser::layer_decay,
    recipe::{Freeze, Recipe},
};

/// What happens in a fine-tuning, as it happens.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step was made. Its line is not written yet: whoever knows what a trainer does not may add it.
    Step(&'a mut MetricsLine),
    /// The weights were validated.
    Validated {
        /// How well they did.
        line: &'a ValidationLine,
        /// Whether they are the best so far, and kept as such.
        best: bool,
    },
}

/// What a fine-tuning begins with, before its first step.
pub fn before_first_step(recipe: &Recipe, initial: InitialClassifier) -> TrainState {
    let mut state = TrainState::from_weights(recipe, initial.weights);
    state.description = Some(initial.description);
    state
}

/// Writes what a fine-tuning begins with as the checkpoint of step 0.
///
/// # Errors
/// When it cannot be written.
pub fn begin(recipe: &Recipe, run: &RunFolder, initial: InitialClassifier) -> Result<(), RunFolderError> {
    run.write_checkpoint(&before_first_step(recipe, initial).checkpoint(recipe, run.data()))?;
    Ok(())
}

/// Fine-tunes from where `run` ends (at first what [`begin`] wrote) until `steps.until`. Each of `batches` is
/// one micro-batch, of several processes those of this one's share ([`Recipe::share`]); they go on from
/// [`RunFolder::resume_point`]. `validate` gives the validation's batches each
/// time it is asked. `asked` is looked at between steps. `report` sees every step and validation.
///
/// # Errors
/// When anything but a request to stop keeps it from its last step.
#[allow(clippy::too_many_arguments)] // what a run is made of, each once
pub fn finetune<'a, E: Into<DataError>>(
    recipe: &Recipe,
    machines: impl Into<Machines<'a>>,
    batches: impl Iterator<Item = Result<RecordBatch, E>> + Send,
    mut validate: Option<&mut Validate<'_>>,
    run: &RunFolder,
    steps: Steps,
    asked: impl Into<Asked<'a>>,
    mut report: impl FnMut(Event<'_>),
) -> Result<Outcome, TrainError> {
    let (machines, asked) = (machines.into(), asked.into());
    let (device, place) = (machines.device, machines.world.place());
    recipe.check()?;
    recipe.check_finetuning(steps.per_epoch, steps.schedule)?;
    let (micro_batch, share) = share(recipe, place)?;
    let (mut state, model) = resume(recipe, device, run)?;
    let learning_rate = recipe.learning_rate(steps.per_epoch, steps.schedule);
    let mut log = RunLog::open(recipe, run, state.step, place)?;
    let validates = validate.is_some() && place.writes();
    let mut validations = validates.then(|| Validations::open(run, state.step)).transpose()?;
    let upload = |batch| Labelled::upload(batch, &model, device);
    let needed = steps.micro_batches(state.step, share.len());

    prefetch(batches.take(needed), upload, !device.is_cpu(), |batches| {
        while state.step < steps.until {
            let rate = learning_rate.at(state.step);
            let of =
                Update { recipe, device, model: &model, state: &state, micro_batch, share: share.clone() };
            let compute = |stopwatch: &mut Stopwatch| of.gradients(batches, stopwatch);
            let (epoch, gradients) = match next_update(machines, asked, &mut log.stopwatch, compute)? {
                Next::Update(epoch, gradients) => (epoch, gradients),
                Next::Stop => return log.stopped(&state),
                Next::OutOfData => return log.out_of_data(&state, asked),
            };
            let (loss, gradient_norm);
            (state, loss, gradient_norm) = optimiser_step(state, gradients, rate, recipe)?;
            let step = state.step;
            let fill = |line| MetricsLine { step, epoch, loss, lr: rate, gradient_norm, ..line };
            log.line(fill, |line| report(Event::Step(line)))?;
            if let (Some(validate), Some(validations), true) =
                (validate.as_deref_mut(), validations.as_mut(), is_validated(recipe, steps, step))
            {
                let (line, best) =
                    validations.validate(validate, &model.classifier, &state, recipe, epoch, device)?;
                log.validated(&line)?;
                report(Event::Validated { line: &line, best });
            }
            log.save_when_due(&state, asked)?;
        }
        log.done(&state)
    })
}

/// What is fine-tuned.
struct Model {
    classifier: Classifier,
    objective: Objective,
}

/// Where the run ends.
fn resume(recipe: &Recipe, device: &Device, run: &RunFolder) -> Result<(TrainState, Model), TrainError> {
    let checkpoint = run.last_checkpoint()?;
    let no_classifier =
        |why: &str| TrainError::NoClassifier { path: run.path().to_owned(), why: why.to_owned() };
    let description =
        checkpoint.model.clone().ok_or_else(|| no_classifier("its checkpoint is no classifier's"))?;
    let Kind::Classifier { classes } = description.kind() else {
        return Err(no_classifier("its checkpoint holds another kind of model"));
    };
    let asked = recipe.classifier.problem_type;
    if description.problem_type() != asked {
        let found = description.problem_type();
        return Err(no_classifier(&format!(
            "its checkpoint answers by {found}, the recipe asks for {asked}"
        )));
    }
    let shape = description.shape();
    if shape.geometry != recipe.geometry()? {
        return Err(no_classifier("its checkpoint is for clips of another shape than the recipe's"));
    }
    let layout = layout::classifier(&shape, classes);
    let depth = shape.encoder.depth;
    let mut scales = layer_decay::scales(&layout, depth, recipe.optimiser.layer_decay);
    if recipe.classifier.freeze == Freeze::Encoder {
        layer_decay::freeze_encoder(&mut scales, &layout, depth);
    }
    let state = TrainState::resume(recipe, &layout, checkpoint, device)?.scaled(scales);
    let objective = Objective::of(recipe, classes)?;
    Ok((state, Model { classifier: classifier(&description, device), objective }))
}

/// Clips on the device, and their labels.
struct Labelled {
    clips: LabelledClips,
    labels: Labels,
}

impl Labelled {
    fn upload(batch: RecordBatch, model: &Model, device: &Device) -> Result<Self, TrainError> {
        let batch = LabelledBatch::try_from(batch)?;
        let clips = LabelledClips::upload(&batch, model.classifier.shape().geometry, device)?;
        Ok(Self { clips, labels: model.objective.labels(&batch)? })
    }
}

/// The next update.
struct Update<'a> {
    recipe: &'a Recipe,
    device: &'a Device,
    model: &'a Model,
    state: &'a TrainState,
    /// Clips of a micro-batch.
    micro_batch: usize,
    /// Its micro-batches in this process.
    share: Range<usize>,
}

impl Update<'_> {
    /// Epoch, loss and gradients of its micro-batches; none when the batches end before it is whole.
    fn gradients(
        &self,
        batches: &mut Batches<'_, Labelled>,
        stopwatch: &mut Stopwatch,
    ) -> Result<Option<(u64, Gradients)>, TrainError> {
        let Self { recipe, device, model, state, micro_batch, ref share } = *self;
        let (seed, geometry) = (recipe.run.seed, model.classifier.shape().geometry);
        let (mut epoch, mut tree) = (None, PairTree::new());
        for part in share.clone() {
            let fetched = stopwatch.waiting(|| batches.next(state.step))?;
            let Some(Labelled { clips, labels }) = fetched else { return Ok(None) };
            if clips.len() != micro_batch {
                return Err(TrainError::BatchSize { found: clips.len(), wanted: micro_batch });
            }
            let mix = Mix::draw(recipe.augment.mixing(), geometry, seed, state.step, part as u64);
            let targets = model.objective.targets(&labels, mix, device);
            let found = forward_backward_labelled(
                &model.classifier,
                &state.weights,
                mix.pixels(clips.pixels(seed), geometry),
                &clips.identities,
                targets,
                &model.objective.loss,
                mode(recipe),
                recipe.classifier.freeze,
                Computation::of(recipe),
            );
            epoch = epoch.or(Some(clips.identities[0].epoch));
            tree.push(found, Gradients::join);
        }
        Ok(epoch.zip(tree.root(Gradients::join)))
    }
}

/// What is left out in training. A frozen encoder is whole: it has nothing to learn from gaps.
fn mode(recipe: &Recipe) -> Mode {
    let drop_path = match recipe.classifier.freeze {
        Freeze::Encoder => 0.0,
        Freeze::Nothing => recipe.model.drop_path,
    };
    Mode::Training { seed: recipe.run.seed, drop_path, dropout: recipe.classifier.dropout }
}

/// Whether the weights of step `step` are validated: at the end of every so many epochs, and at the very end.
fn is_validated(recipe: &Recipe, steps: Steps, step: u64) -> bool {
    let every = recipe.views.every.saturating_mul(steps.per_epoch);
    every > 0 && (step.is_multiple_of(every) || step == steps.until)
}
