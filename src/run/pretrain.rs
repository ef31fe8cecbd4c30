//! Pre-training: from videos or shards to a trained model.

use std::path::PathBuf;

use pipeline::{dataset::Dataset, loader::epoch_cursor::RunPart};
use schemas::run_state::InitialWeights;
use trainer::{Asked, Device, Outcome, Recipe, Steps, checkpoint::Heads, train::state::TrainState};

use super::{
    begun::Begun,
    live::Live,
    looking::Looking,
    plan::{Data, Plan, Ready},
    pretraining_videos::RunVideos,
    ranks::{self, Ranks},
    settings::RunSettings,
    training_probe::TrainingProbe,
};
use crate::{
    data::{loading::Loading, masked, narrow::narrow},
    error::{Result, Usage},
    memory,
    observer::{Event, Observer},
    recipe_choice,
    trained::Trained,
    weights,
};

/// What a run's folder calls this.
const COMMAND: &str = "pretrain";

/// A pre-training that is asked for.
#[derive(Clone, Debug)]
pub struct Pretraining {
    /// Files, folders, globs, list files, a manifest, one folder of shards, or a mixture of these; where a run goes on,
    /// where its videos are now if they have moved.
    pub data: Vec<PathBuf>,
    /// The run.
    pub run: RunSettings,
    /// Begin with the weights of this file or folder.
    pub init: Option<PathBuf>,
    /// Attention heads of `init`, where an official file's widths do not tell them.
    pub heads: Option<Heads>,
}

impl Pretraining {
    /// A run that begins in the folder `out` and learns from these videos.
    pub fn new(data: impl IntoIterator<Item = impl Into<PathBuf>>, out: impl Into<PathBuf>) -> Self {
        let data = data.into_iter().map(Into::into).collect();
        Self { data, run: RunSettings::new(out), init: None, heads: None }
    }
}

/// Pre-trains a model, or goes on with a run that was left. `asked` is looked at between steps; a flag alone asks to stop: a checkpoint is written
/// then.
///
/// # Errors
/// Usage error: settings, videos or the run's folder do not fit, and nothing was made. Failures leave the last
/// checkpoint; before the first step they leave nothing.
#[doc(alias = "fit")]
#[doc(alias = "train")]
pub fn pretrain<'a>(
    settings: &Pretraining,
    asked: impl Into<Asked<'a>>,
    observer: &dyn Observer,
) -> Result<Trained> {
    let asked = asked.into();
    ranks::together((&settings.run).into(), observer, |ranks, observer| {
        train(settings, ranks, asked, observer)
    })
}

/// Pre-trains in this process, and as one of several.
fn train(
    settings: &Pretraining,
    ranks: &Ranks,
    asked: Asked<'_>,
    observer: &dyn Observer,
) -> Result<Trained> {
    let run = &settings.run;
    let _lock = ranks.writes().then(|| run.lock(observer)).transpose()?.flatten();
    let begun = ranks.in_turn(|| run.begun(COMMAND, observer))?;
    let recipe = run.recipe(begun.as_ref(), || Ok(Recipe::default()))?;
    recipe_choice::check(&recipe)?;
    let share = ranks.share(&recipe, observer)?;
    memory::note_when_short(&recipe, ranks.device(), observer)?;
    let RunVideos { dataset, videos, mixture } = RunVideos::open(&settings.data, begun.as_ref(), observer)?;
    let steps = run.steps(begun.as_ref(), &recipe, per_epoch(&recipe, &dataset)?)?;
    let (init, first) = first(settings, begun.as_ref(), &recipe, ranks.device(), observer)?;
    let probe = ranks
        .writes()
        .then(|| TrainingProbe::open(&recipe, begun.as_ref(), ranks.device(), ranks.workers(), observer));
    let probe = probe.transpose()?.flatten();
    let data = Data {
        named: settings.data.clone(),
        is_named_here: !settings.data.is_empty(),
        test: None,
        digest: dataset.digest(),
        videos,
        classes: Vec::new(),
        split: None,
        mixture,
    };
    ranks.check_same(&recipe, &data.digest, steps)?;
    let plan = Plan { command: COMMAND, recipe: &recipe, steps, init, data };
    let first = || match first {
        Some(first) => Ok(first),
        None => Ok(TrainState::begin(&recipe, &recipe.model_shape()?, ranks.device())),
    };
    let ready = ranks.ready(&run.out, || run.ready(begun, &plan, first, observer))?;
    let part = RunPart { from_batch: ready.first, of_update: share };
    let learning = Learning { ready: &ready, recipe: &recipe, ranks, steps, probe: probe.as_ref() };
    learning.train(&dataset, part, asked, observer)
}

/// A run that is ready to learn.
struct Learning<'a> {
    ready: &'a Ready,
    recipe: &'a Recipe,
    ranks: &'a Ranks,
    steps: Steps,
    /// Made by the process that writes.
    probe: Option<&'a TrainingProbe>,
}

impl Learning<'_> {
    /// Trains to the last step. What fails before the first one leaves no run.
    fn train(
        &self,
        dataset: &Dataset,
        part: RunPart,
        asked: Asked<'_>,
        observer: &dyn Observer,
    ) -> Result<Trained> {
        let Self { ready, recipe, ranks, steps, probe } = *self;
        let mut live = None;
        let whole = || -> Result<Outcome> {
            let quarantine = ranks.quarantine(&ready.folder, dataset.videos(), recipe)?;
            let loading = Loading::of(quarantine);
            observer.on(Event::Stoppable);
            let batches = masked::batches_of(dataset, recipe, part, ranks.workers(), &loading)?;
            let live = live.insert(Live::begin(steps.until, &loading.profile, ranks.workers(), observer));
            let report = |line: &mut _| live.step(line, recipe);
            let folder = &ready.folder;
            let looking = ranks.writes().then(|| {
                let of = (dataset, ranks.device(), ready);
                Looking::open(recipe, steps.until, probe, of, asked.stop, observer)
            });
            let looking = looking.transpose()?;
            let mut look = looking.as_ref().map(|looking| |state: &_| looking.look(state));
            let look = look.as_mut().map(|look| look as _);
            let machines = ranks.machines();
            let outcome =
                trainer::pretrain_and_look(recipe, machines, batches, folder, steps, asked, report, look);
            ranks.note_failures(&loading, folder, dataset.videos(), outcome.is_ok(), observer)?;
            Ok(outcome?)
        };
        let outcome = whole();
        let losses = live.and_then(Live::end);
        if outcome.is_err() {
            ready.failed(losses.is_some());
        }
        let trained =
            Trained { outcome: outcome?, losses, guessing: "1.00 would be guessing the mean".to_owned() };
        observer.on(Event::Trained(&trained));
        Ok(trained)
    }
}

/// The weights of --init, and what a run that begins with them begins with.
fn first(
    settings: &Pretraining,
    begun: Option<&Begun>,
    recipe: &Recipe,
    device: &Device,
    observer: &dyn Observer,
) -> Result<(Option<InitialWeights>, Option<TrainState>)> {
    let Some(file) = &settings.init else { return Ok((None, None)) };
    match begun {
        Some(begun) => {
            if let Some(state) = begun.state() {
                weights::check_same(file, settings.heads, recipe, state.init.as_ref(), observer)?;
            }
            Ok((None, None))
        }
        None => {
            let (first, digest) = weights::pretraining(file, settings.heads, recipe, device, observer)?;
            Ok((Some(InitialWeights { path: file.display().to_string(), digest }), Some(first)))
        }
    }
}

/// Steps of an epoch.
fn per_epoch(recipe: &Recipe, dataset: &Dataset) -> Result<u64> {
    let clips = dataset.slots(narrow(recipe.clip.clips_per_video)) * recipe.clip.repeats as u64;
    match clips / recipe.optimiser.batch as u64 {
        0 => {
            let batch = recipe.optimiser.batch;
            Err(Usage::new(format!("an epoch has {clips} clips, and one update takes {batch}"))
                .hint(format!("`--set optimiser.batch={}` or `--set clip.clips_per_video=…`", clips.max(1)))
                .into())
        }
        steps => Ok(steps),
    }
}
