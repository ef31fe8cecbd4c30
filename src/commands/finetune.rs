//! `tubelet finetune`: from labelled videos and a pre-trained encoder to a classifier.

mod tested;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context as _, Result};
use pipeline::{
    dataset::{Dataset, labels::Classes},
    quarantine::Quarantine,
    sampling::labelled::Pass,
    source::ClipSource,
};
use schemas::{
    predictions::Failure,
    run_state::{InitialWeights, Part, RunVideo},
};
use trainer::{
    Device, Outcome, Recipe, RunFolder, Steps,
    batch::labelled::BatchError,
    checkpoint::{self, Heads},
    recipe::Freeze,
    train::{
        finetune::{self, Event},
        initial_weights::InitialClassifier,
        validation::ValidationClips,
    },
};

use crate::{
    answers, arguments,
    asking::Asked,
    commands::convert,
    data,
    labelled_data::{self, Failures, Wanted},
    labelling::{LabelArguments, LabelledVideos, Parts},
    report::{self, Progress},
    run::{self, Begun, Data, Live, Plan, Ready, RunArguments},
    stop,
    testing::Tester,
    weights,
};

/// What a run's folder calls this.
const COMMAND: &str = "finetune";

/// Train a classifier on labelled videos, from a pre-trained model or from scratch
///
/// Classes stand behind the paths of a list, are the first folders below the one that is given (--class-level),
/// or a table's column (--labels); a table shows them before the first step. With a split, the test videos are
/// validated by one view each after every epoch, and at the end tested by many.
///
/// The run's folder gets run.json and videos.jsonl (what it was asked for, and which videos are held out),
/// recipe.toml, classes.txt, metrics.jsonl, validation.jsonl, quarantine.jsonl, checkpoints, and
/// best.safetensors. Ctrl-C writes a checkpoint and ends with exit code 0; --resume goes on from the newest one,
/// to the bit, with the steps, weights and parts that it was begun with. Films that came since are left out.
///
/// Example: tubelet finetune --data films --split test=0.2 --init run --out classifier
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards; with --resume, where the
    /// run's videos are now, if they have moved
    #[arg(long, value_name = "VIDEOS", num_args = 1..)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    labels: LabelArguments,
    /// What is tested: `train=LIST,test=LIST` (then no --data), or `test=0.2`: each video by a chance of its own,
    /// drawn from run.seed and its name below the folder given, so that adding videos moves none.
    /// `test=0.2,by=content` draws from the bytes of its file instead
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// Begin with the encoder of this file or run (official, Hugging Face, tubelet's own), or from `scratch`
    #[arg(long, value_name = "FILE|RUN|scratch", required_unless_present = "resume")]
    init: Option<PathBuf>,
    /// Attention heads of --init, where an official file's width does not tell them
    #[arg(long, value_name = "N[,M]", value_parser = convert::heads, requires = "init")]
    heads: Option<Heads>,
    /// Train only fc_norm and the head, the same as `--set classifier.freeze=encoder`
    #[arg(long, value_enum, value_name = "PART")]
    freeze: Option<Frozen>,
    #[command(flatten)]
    run: RunArguments,
}

/// What is not trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Frozen {
    /// The encoder: the head alone learns
    Encoder,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    let device = arguments.run.device()?;
    let begun = arguments.run.begun(COMMAND)?;
    let recipe = recipe(&arguments, begun.as_ref())?;
    let parts = parts(&arguments, begun.as_ref(), &recipe)?;
    parts.show(recipe.classifier.problem_type);
    let recipe = answers::weighted(recipe, &parts.train, &parts.classes)?;
    answers::notes(&recipe).iter().for_each(report::say);
    let per_epoch = recipe.steps_per_epoch(parts.train.len()).map_err(arguments::wrong)?;
    let steps = arguments.run.steps(begun.as_ref(), &recipe, per_epoch)?;
    recipe.check_finetuning(steps.per_epoch, steps.schedule).map_err(arguments::wrong)?;
    let training = labelled_data::source(&parts.train, &recipe, Pass::Train)?;
    let validation = parts.test.as_ref().map(|test| Validation::of(test, &recipe)).transpose()?;
    // Everything that can be asked wrongly is found before the folder is made.
    let (init, beginning) = beginning(&arguments, begun.as_ref(), &recipe, &parts.classes, &device)?;
    let data = Data {
        named: arguments.data.clone(),
        is_named_here: !arguments.data.is_empty(),
        test: None,
        digest: parts.train.digest(),
        videos: videos(&parts),
        classes: parts.classes.names().to_vec(),
        split: parts.split.clone(),
    };
    let data = data.with_lists(arguments.split.as_deref())?;
    let plan = Plan { command: COMMAND, recipe: &recipe, steps, init, data };
    let ready = arguments.run.ready(begun, &plan, || {
        let beginning = beginning.context("a run that begins has something to begin with")?;
        Ok(finetune::before_first_step(&recipe, beginning))
    })?;
    report::say(format_args!("{} steps, {} an epoch", steps.until, steps.per_epoch));
    let workers = arguments.run.workers;
    let outcome = train(&ready, &recipe, &device, (training, validation), &parts, steps, workers)?;
    match (outcome, &parts.test) {
        (Outcome::Done { checkpoint }, Some(test)) => {
            print_test(&recipe, &device, test, &checkpoint, &ready.folder, workers)
        }
        _ => Ok(()),
    }
}

/// Trains to the last step, and says how it ended. What fails before the first one leaves no run.
fn train(
    ready: &Ready,
    recipe: &Recipe,
    device: &Device,
    (training, validation): (Arc<dyn ClipSource>, Option<Validation>),
    parts: &Parts,
    steps: Steps,
    workers: usize,
) -> Result<Outcome> {
    let mut live = None;
    let mut whole = || -> Result<Outcome> {
        let list = ready.folder.path().join("quarantine.jsonl");
        let quarantine = Quarantine::open(Some(&list), parts.train.len(), recipe.run.max_failed_share)?;
        let watched = data::Run { quarantine: Arc::new(quarantine), profile: Arc::default() };
        let stop = stop::flag_on_signals()?;
        let batches = labelled_data::training(training.clone(), recipe, ready.first, workers, &watched)?;
        let mut validate = validation.as_ref().map(|validation| || validation.clips(recipe, workers));
        let live = live.insert(Live::begin(steps.until, &watched.profile, workers));
        let outcome = trainer::finetune(
            recipe,
            device,
            batches,
            validate.as_mut().map(|validate| validate as _),
            &ready.folder,
            steps,
            &stop,
            |event| match event {
                Event::Step(line) => live.step(line, recipe),
                Event::Validated { line, best } => live.say(tested::validated(line, best)),
            },
        );
        data::say_failures(&watched.quarantine, parts.train.len(), &list);
        Ok(outcome?)
    };
    let outcome = whole();
    let losses = live.and_then(Live::end);
    if outcome.is_err() {
        ready.failed(losses.is_some());
    }
    let outcome = outcome?;
    let guessing = answers::guessing(recipe.classifier.problem_type, &parts.train, &parts.classes);
    run::conclude(&outcome, losses, &guessing);
    Ok(outcome)
}

/// The recipe, checked: of the run where it goes on and none is named, else as asked for.
fn recipe(arguments: &Arguments, begun: Option<&Begun>) -> Result<Recipe> {
    let mut recipe = arguments.run.recipe(begun, || arguments::built_in("finetune-small"))?;
    if arguments.freeze == Some(Frozen::Encoder) {
        recipe.classifier.freeze = Freeze::Encoder;
    }
    arguments::check(&recipe)?;
    Ok(recipe)
}

/// Videos to train on and to test on; those of the run where it goes on.
fn parts(arguments: &Arguments, begun: Option<&Begun>, recipe: &Recipe) -> Result<Parts> {
    let (split, seed) = (arguments.split.as_deref(), recipe.run.seed);
    let labels = LabelArguments { problem_type: recipe.classifier.problem_type, ..arguments.labels.clone() };
    let parts = match begun {
        None => labels.parts(&arguments.data, split, seed, None)?,
        Some(begun) => run::parts_again(begun, &labels, &arguments.data, split, seed)?,
    };
    parts.train.check_there()?;
    labelled_data::check_flip(recipe, parts.classes.names())?;
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
    arguments: &Arguments,
    begun: Option<&Begun>,
    recipe: &Recipe,
    classes: &Classes,
    device: &Device,
) -> Result<(Option<InitialWeights>, Option<InitialClassifier>)> {
    let init = arguments.init.as_deref();
    if let Some(begun) = begun {
        if let (Some(init), Some(state)) = (init, begun.state()) {
            weights::check_same(init, arguments.heads, recipe, state.init.as_ref())?;
        }
        return Ok((None, None));
    }
    let (beginning, digest) = weights::classifier(init, arguments.heads, recipe, classes, device)?;
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
        let source = labelled_data::source(videos, recipe, Pass::Validation)?;
        Ok(Self { source, videos: videos.len() })
    }

    /// The views, from the first again.
    fn clips(&self, recipe: &Recipe, workers: usize) -> Result<ValidationClips, BatchError> {
        let (rows, _) = recipe.accumulation()?;
        let (source, slots) = (Arc::clone(&self.source), (0..self.videos).collect());
        // Videos without a view are counted by whoever misses them.
        let failures = Failures::default();
        let wanted = Wanted::validation(recipe);
        let batches = labelled_data::views(source, recipe, wanted, slots, rows, workers, &failures)?;
        let batches = batches.map(|batch| batch.map_err(BatchError::from));
        Ok(ValidationClips { videos: self.videos, batches: Box::new(batches) })
    }
}

/// Tests the last weights and the best ones, and prints how they did.
fn print_test(
    recipe: &Recipe,
    device: &Device,
    videos: &LabelledVideos,
    last: &Path,
    run: &RunFolder,
    workers: usize,
) -> Result<()> {
    // A frame shard has one clip of a video to show.
    let stored = matches!(videos.dataset(), Dataset::FrameShards(_));
    let mut recipe = recipe.clone();
    if stored {
        (recipe.views.clips, recipe.views.crops) = (1, 1);
    }
    let (clips, crops) = (recipe.views.clips, recipe.views.crops);
    let (together, never) = (recipe.accumulation()?.0, AtomicBool::new(false));
    let everyone: Vec<u64> = (0..videos.len()).collect();
    let mut models = vec![("last", checkpoint::read_any(last)?)];
    if run.best_path().exists() {
        models.push(("best", checkpoint::read_any(&run.best_path())?));
    }
    let head = tested::head(recipe.classifier.problem_type);
    let (mut rows, mut failures, mut tested) = (vec![head], Vec::new(), None);
    for (name, model) in models {
        let (step, weights) = (model.about.step, model.digest());
        let cells = match &tested {
            // The best weights may be the last ones.
            Some((digest, cells)) if *digest == weights => Vec::clone(cells),
            _ => {
                let mut progress = Progress::new(videos.len() * (clips * crops) as u64, "views");
                let classes = Classes::of(model.labels.clone());
                let asked = Asked { model, recipe: recipe.clone(), device: device.clone() };
                let mut seen = 0;
                let answered = Tester::new(asked, classes, together, workers)?.test(
                    videos,
                    &everyone,
                    &never,
                    |_, views| {
                        seen += views.len() as u64;
                        progress.at(seen, name);
                        Ok(())
                    },
                )?;
                let said = answered.predictions;
                progress.end();
                failures.clone_from(&said.failures);
                tested::cells(&said, recipe.views.by)
            }
        };
        rows.push([vec![name.to_owned(), step.to_string()], cells.clone()].concat());
        tested = Some((weights, cells));
    }
    let count = videos.len();
    println!("test of {count} videos by {clips}×{crops} views:");
    print!("{}", report::table(&rows));
    println!(
        "the last weights are the result; the best ones were chosen by one view of these very videos, and \
         look better for it"
    );
    for Failure { video, reason, .. } in &failures {
        println!("no view, counts as wrong: {video}: {reason}");
    }
    Ok(())
}
