//! Fine-tuning: from labelled videos and a pre-trained encoder to a classifier.

use std::{path::PathBuf, sync::Arc};

use pipeline::{
    Slot, dataset::labels::Classes, loader::epoch_cursor::RunPart, sampling::labelled::Pass,
    source::ClipSource,
};
use schemas::run_state::{InitialWeights, Part, RunVideo};
use trainer::{
    Asked, Device, Outcome, Recipe, Steps,
    batch::labelled::BatchError,
    checkpoint::Heads,
    recipe::Freeze,
    train::{
        finetune::{Event as OfTrainer, before_first_step},
        initial_weights::InitialClassifier,
        validation::ValidationClips,
    },
};

use super::{
    begun::Begun,
    final_evaluation::{FinalTest, test},
    labelled::parts_again,
    live::Live,
    plan::{Data, Plan, Ready},
    ranks::{self, Ranks},
    settings::RunSettings,
};
use crate::{
    data::{
        labelled::{self, Failures, Wanted},
        labels::{answers, labelled_videos::LabelledVideos, parts::Parts, settings::LabelSettings},
        loading::Loading,
    },
    error::{Context as _, Result, Usage},
    observer::{Event, Observer},
    recipe_choice::{self, wrong},
    trained::Trained,
    weights,
};

/// What a run's folder calls this.
const COMMAND: &str = "finetune";

/// A fine-tuning that is asked for.
#[derive(Clone, Debug)]
pub struct Finetuning {
    /// Files, folders, globs, list files, a manifest, or one folder of shards; where a run goes on, where its videos
    /// are now if they have moved.
    pub data: Vec<PathBuf>,
    /// Where their classes come from; the kind of answer is the recipe's.
    pub labels: LabelSettings,
    /// What is held out for the test: `train=LIST,test=LIST` (then no `data`), `test=0.2`, `test=0.2,by=content`.
    pub split: Option<String>,
    /// Begin with the encoder of this file or run, or from `scratch`.
    pub init: Option<PathBuf>,
    /// Attention heads of `init`, where an official file's width does not tell them.
    pub heads: Option<Heads>,
    /// Whether only the head is trained, whatever the recipe says.
    pub freeze_encoder: bool,
    /// The run.
    pub run: RunSettings,
}

impl Finetuning {
    /// A run that begins in the folder `out`, from the weights `init`, and learns the classes of these videos, of
    /// which it holds none out.
    pub fn new(
        data: impl IntoIterator<Item = impl Into<PathBuf>>,
        init: impl Into<PathBuf>,
        out: impl Into<PathBuf>,
    ) -> Self {
        Self {
            data: data.into_iter().map(Into::into).collect(),
            labels: LabelSettings::default(),
            split: None,
            init: Some(init.into()),
            heads: None,
            freeze_encoder: false,
            run: RunSettings::new(out),
        }
    }
}

/// Trains a classifier, or goes on with a run that was left; tests its last and its best weights where videos are
/// held out. `asked` is looked at between steps; a flag alone asks to stop: a checkpoint is written then, and nothing is tested.
///
/// # Errors
/// Usage error: settings, videos or the run's folder do not fit, and nothing was made. Failures leave the last
/// checkpoint; before the first step they leave nothing.
pub fn finetune<'a>(
    settings: &Finetuning,
    asked: impl Into<Asked<'a>>,
    observer: &dyn Observer,
) -> Result<(Trained, Option<FinalTest>)> {
    let asked = asked.into();
    ranks::together((&settings.run).into(), observer, |ranks, observer| {
        learn(settings, ranks, asked, observer)
    })
}

/// Fine-tunes in this process, and as one of several; the first tests.
fn learn(
    settings: &Finetuning,
    ranks: &Ranks,
    asked: Asked<'_>,
    observer: &dyn Observer,
) -> Result<(Trained, Option<FinalTest>)> {
    let run = &settings.run;
    let _lock = ranks.writes().then(|| run.lock(observer)).transpose()?.flatten();
    let begun = ranks.in_turn(|| run.begun(COMMAND, observer))?;
    let recipe = recipe(settings, begun.as_ref())?;
    let share = ranks.share(&recipe, observer)?;
    let parts = parts(settings, begun.as_ref(), &recipe, observer)?;
    observer.on(Event::Classes(&parts.counts(recipe.classifier.problem_type)));
    let recipe = answers::weighted(recipe, &parts.train, &parts.classes, observer)?;
    answers::notes(&recipe).iter().for_each(|note| observer.note(note));
    let per_epoch = recipe.steps_per_epoch(parts.train.len()).map_err(wrong)?;
    let steps = run.steps(begun.as_ref(), &recipe, per_epoch)?;
    recipe.check_finetuning(steps.per_epoch, steps.schedule).map_err(wrong)?;
    let training = labelled::source(&parts.train, &recipe, Pass::Train)?;
    let validation = parts.test.as_ref().map(|test| Validation::of(test, &recipe)).transpose()?;
    // Every usage error is found before the folder is made.
    let (init, beginning) =
        beginning(settings, begun.as_ref(), &recipe, &parts.classes, ranks.device(), observer)?;
    let data = Data {
        named: settings.data.clone(),
        is_named_here: !settings.data.is_empty(),
        test: None,
        digest: parts.train.digest(),
        videos: videos(&parts),
        classes: parts.classes.names().to_vec(),
        split: parts.split.clone(),
        mixture: Vec::new(),
    };
    let data = data.with_lists(settings.split.as_deref())?;
    ranks.check_same(&recipe, &data.digest, steps)?;
    let plan = Plan { command: COMMAND, recipe: &recipe, steps, init, data };
    let first = || {
        let beginning = beginning.context("a run that begins has something to begin with")?;
        Ok(before_first_step(&recipe, beginning))
    };
    let ready = ranks.ready(&run.out, || run.ready(begun, &plan, first, observer))?;
    observer.note(format_args!("{} steps, {} per epoch", steps.until, steps.per_epoch));
    let part = RunPart { from_batch: ready.first, of_update: share };
    let learning = Learning { ready: &ready, recipe: &recipe, ranks, steps };
    let trained = learning.train(&training, part, validation.as_ref(), &parts, asked, observer)?;
    let test = match (&trained.outcome, &parts.test) {
        (Outcome::Done { checkpoint }, Some(videos)) if ranks.writes() => {
            Some(test(&recipe, ranks.device(), videos, checkpoint, &ready.folder, ranks.workers(), observer)?)
        }
        _ => None,
    };
    Ok((trained, test))
}

/// A run that is ready to learn.
struct Learning<'a> {
    ready: &'a Ready,
    recipe: &'a Recipe,
    ranks: &'a Ranks,
    steps: Steps,
}

impl Learning<'_> {
    /// Trains to the last step, and tells how it ended. What fails before the first one leaves no run.
    fn train(
        &self,
        training: &Arc<dyn ClipSource>,
        part: RunPart,
        validation: Option<&Validation>,
        parts: &Parts,
        asked: Asked<'_>,
        observer: &dyn Observer,
    ) -> Result<Trained> {
        let Self { ready, recipe, ranks, steps } = *self;
        let (folder, workers, videos) = (&ready.folder, ranks.workers(), parts.train.len());
        let mut live = None;
        let whole = || -> Result<Outcome> {
            let loading = Loading::of(ranks.quarantine(folder, videos, recipe)?);
            observer.on(Event::Stoppable);
            let batches = labelled::training_of(training.clone(), recipe, part, workers, &loading)?;
            let mut validate = validation.map(|validation| || validation.clips(recipe, workers));
            let live = live.insert(Live::begin(steps.until, &loading.profile, workers, observer));
            let outcome = trainer::finetune(
                recipe,
                ranks.machines(),
                batches,
                validate.as_mut().map(|validate| validate as _),
                folder,
                steps,
                asked,
                |event| match event {
                    OfTrainer::Step(line) => live.step(line, recipe),
                    OfTrainer::Validated { line, best } => {
                        observer.on(Event::Validated { line, best });
                    }
                },
            );
            ranks.note_failures(&loading, folder, videos, outcome.is_ok(), observer)?;
            Ok(outcome?)
        };
        let outcome = whole();
        let losses = live.and_then(Live::end);
        if outcome.is_err() {
            ready.failed(losses.is_some());
        }
        let outcome = outcome?;
        let guessing = answers::guessing(recipe.classifier.problem_type, &parts.train, &parts.classes);
        let trained = Trained { outcome, losses, guessing };
        observer.on(Event::Trained(&trained));
        Ok(trained)
    }
}

/// The recipe, checked: of the run where it goes on and none is named, else as asked for.
fn recipe(settings: &Finetuning, begun: Option<&Begun>) -> Result<Recipe> {
    let mut recipe = settings.run.recipe(begun, || recipe_choice::built_in("finetune-small"))?;
    if settings.freeze_encoder {
        recipe.classifier.freeze = Freeze::Encoder;
    }
    let looks = [
        ("run.probe_every", recipe.run.probe_every),
        ("run.reconstruct_every", recipe.run.reconstruct_every),
    ];
    for (key, every) in looks {
        // A run that was begun by an older version may have it in its recipe.
        if every > 0 && (begun.is_none() || settings.run.recipe.sets(key)) {
            return Err(Usage::new(format!("`{key}` is for pre-training"))
                .hint("a fine-tuning validates itself every `views.every` epochs, on what --split holds out")
                .into());
        }
    }
    recipe_choice::check(&recipe)?;
    Ok(recipe)
}

/// Videos to train on and to test on; those of the run where it goes on.
fn parts(
    settings: &Finetuning,
    begun: Option<&Begun>,
    recipe: &Recipe,
    observer: &dyn Observer,
) -> Result<Parts> {
    let (split, seed) = (settings.split.as_deref(), recipe.run.seed);
    let labels = LabelSettings { problem_type: recipe.classifier.problem_type, ..settings.labels.clone() };
    let parts = match begun {
        None => labels.parts(&settings.data, split, seed, None, observer)?,
        Some(begun) => parts_again(begun, &labels, &settings.data, split, seed, observer)?,
    };
    parts.train.check_there()?;
    labelled::check_flip(recipe, parts.classes.names())?;
    Ok(parts)
}

/// The videos of both parts as the run's folder names them.
fn videos(parts: &Parts) -> Vec<RunVideo> {
    let of = |videos: &LabelledVideos, part: Part| -> Vec<RunVideo> {
        let class = |label: Option<i32>| label.and_then(|label| usize::try_from(label).ok());
        let named = videos.names().into_iter().zip(videos.entries()).enumerate();
        named
            .map(|(at, (video, entry))| {
                let class = class(entry.label).map(|class| parts.classes.name(class));
                let labels = videos.labels().get(at).map(|labels| labels.to_vec());
                RunVideo { video, class, labels, part }
            })
            .collect()
    };
    let mut all = of(&parts.train, Part::Train);
    all.extend(parts.test.iter().flat_map(|test| of(test, Part::Test)));
    all
}

/// What a run that begins begins with. One that goes on has its weights, and refuses others.
fn beginning(
    settings: &Finetuning,
    begun: Option<&Begun>,
    recipe: &Recipe,
    classes: &Classes,
    device: &Device,
    observer: &dyn Observer,
) -> Result<(Option<InitialWeights>, Option<InitialClassifier>)> {
    let init = settings.init.as_deref();
    if let Some(begun) = begun {
        if let (Some(init), Some(state)) = (init, begun.state()) {
            weights::check_same(init, settings.heads, recipe, state.init.as_ref(), observer)?;
        }
        return Ok((None, None));
    }
    let (beginning, digest) = weights::classifier(init, settings.heads, recipe, classes, device, observer)?;
    let path = init.map_or_else(String::new, |init| init.display().to_string());
    Ok((digest.map(|digest| InitialWeights { path, digest }), Some(beginning)))
}

/// One fixed view of each test video.
struct Validation {
    source: Arc<dyn ClipSource>,
    videos: u64,
}

impl Validation {
    fn of(videos: &LabelledVideos, recipe: &Recipe) -> Result<Self> {
        let source = labelled::source(videos, recipe, Pass::Validation)?;
        Ok(Self { source, videos: videos.len() })
    }

    /// The views, from the first again.
    fn clips(&self, recipe: &Recipe, workers: usize) -> Result<ValidationClips, BatchError> {
        let (rows, _) = recipe.accumulation()?;
        let (source, slots) = (Arc::clone(&self.source), (0..self.videos).map(Slot).collect());
        // Videos without a view are counted by whoever misses them.
        let failures = Failures::default();
        let wanted = Wanted::validation(recipe);
        let batches = labelled::views(source, recipe, wanted, slots, rows, workers, &failures)?;
        let batches = batches.map(|batch| batch.map_err(BatchError::from));
        Ok(ValidationClips { videos: self.videos, batches: Box::new(batches) })
    }
}
