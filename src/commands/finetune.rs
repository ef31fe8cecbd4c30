//! `tubelet finetune`: from labelled videos and a pre-trained encoder to a classifier.

mod tested;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::Result;
use pipeline::{
    dataset::Dataset, labels::Classes, plan::views::Pass, quarantine::Quarantine, source::ClipSource,
};
use schemas::predictions::Failure;
use trainer::{
    Device, Outcome, Recipe, RunFolder, Steps, checkpoint,
    finetune::{self, Event},
    recipe::Freeze,
    validation::{BatchError, ValidationClips},
};

use crate::{
    answers, arguments,
    asking::Asked,
    data,
    labelled_data::{self, Failures, Wanted},
    labelling::{LabelArguments, LabelledVideos, Parts},
    report::{self, Progress, Usage},
    run::{self, Live, RunArguments},
    stop,
    testing::Tester,
    weights,
};

/// The names of the classes, in the run's folder.
const CLASSES: &str = "classes.txt";

/// Train a classifier on labelled videos, from a pre-trained model or from scratch
///
/// Classes are the list's second column, the folder of each video, or a table's column (--labels). With a
/// split, the test videos are validated by one view each after every epoch, and at the end tested by many.
/// The run's folder gets recipe.toml, classes.txt, metrics.jsonl, validation.jsonl, quarantine.jsonl,
/// checkpoints, and best.safetensors. Ctrl-C writes a checkpoint and ends with exit code 0; --resume goes on
/// from the newest one, to the bit.
///
/// Example: tubelet finetune --data films --split test=0.2 --init run --out classifier
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards
    #[arg(long, value_name = "VIDEOS", num_args = 1..)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    labels: LabelArguments,
    /// What is tested: `train=LIST,test=LIST` (then no --data), or `test=0.2` of each class
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// Begin with the encoder of this file or run (official, Hugging Face, tubelet's own), or from `scratch`
    #[arg(long, value_name = "FILE|RUN|scratch", required_unless_present = "resume")]
    init: Option<PathBuf>,
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
    let recipe = recipe(&arguments)?;
    let parts = parts(&arguments, &recipe)?;
    let recipe = answers::weighted(recipe, &parts.train, &parts.classes)?;
    let steps = steps(&recipe, &parts, arguments.run.steps)?;
    let training_source = labelled_data::source(&parts.train, &recipe, Pass::Train)?;
    let validation = parts.test.as_ref().map(|test| Validation::of(test, &recipe)).transpose()?;
    // Everything that can be asked wrongly is found before the folder is made.
    let goes_on = arguments.run.begun()?.map(|run| run.resume_point()).transpose()?.flatten().is_some();
    let beginning = if goes_on {
        None
    } else {
        Some(weights::classifier(arguments.init.as_deref(), &recipe, &parts.classes, &device)?)
    };
    let (run, from) = arguments.run.open(&recipe, &parts.train.digest())?;
    report::say(format_args!(
        "{} videos of {}, {} to test; {} steps, {} an epoch",
        parts.train.len(),
        answers::how_many(recipe.classifier.problem_type, parts.classes.len()),
        parts.test.as_ref().map_or(0, LabelledVideos::len),
        steps.until,
        steps.per_epoch
    ));
    let problem_type = recipe.classifier.problem_type;
    let about = answers::describe(problem_type, &parts.train, &parts.classes);
    about.into_iter().chain(answers::notes(&recipe)).for_each(report::say);
    if let Some(beginning) = beginning {
        parts.classes.write(&run.path().join(CLASSES))?;
        finetune::begin(&recipe, &run, beginning)?;
    }
    let list = run.path().join("quarantine.jsonl");
    let quarantine = Quarantine::open(Some(&list), parts.train.len(), recipe.run.max_failed_share)?;
    let watched = data::Run { quarantine: Arc::new(quarantine), profile: Arc::default() };

    let stop = stop::flag_on_signals()?;
    let (micro_batch, _) = recipe.accumulation()?;
    let first = from.map_or(0, |from| from.clips) / micro_batch as u64;
    let workers = arguments.run.workers;
    let batches = labelled_data::training(training_source, &recipe, first, workers, &watched)?;
    let mut validate = validation.map(|validation| {
        let recipe = &recipe;
        move || validation.clips(recipe, workers)
    });
    let mut live = Live::begin(steps.until, &watched.profile, workers);
    let outcome = trainer::finetune(
        &recipe,
        &device,
        batches,
        validate.as_mut().map(|validate| validate as _),
        &run,
        steps,
        &stop,
        |event| match event {
            Event::Step(line) => live.step(line, &recipe),
            Event::Validated { line, best } => live.say(tested::validated(line, best)),
        },
    );
    let losses = live.end();
    data::say_failures(&watched.quarantine, parts.train.len(), &list);
    let guessing = answers::guessing(problem_type, &parts.train, &parts.classes);
    let outcome = outcome?;
    run::conclude(&outcome, losses, &guessing);
    match (outcome, &parts.test) {
        (Outcome::Done { checkpoint }, Some(test)) => {
            print_test(&recipe, &device, test, &checkpoint, &run, workers)
        }
        _ => Ok(()),
    }
}

/// The recipe, checked: of the run where it goes on and none is named, else as asked for.
fn recipe(arguments: &Arguments) -> Result<Recipe> {
    let mut recipe = arguments.run.recipe(|| arguments::built_in("finetune-small"))?;
    if arguments.freeze == Some(Frozen::Encoder) {
        recipe.classifier.freeze = Freeze::Encoder;
    }
    arguments::check(&recipe)?;
    Ok(recipe)
}

/// Videos to train on and to test on. A run that goes on has its classes.
fn parts(arguments: &Arguments, recipe: &Recipe) -> Result<Parts> {
    let file = arguments.run.out.join(CLASSES);
    let of_run = if arguments.run.resume && file.exists() { Some(Classes::read(&file)?) } else { None };
    let split = arguments.split.as_deref();
    let mut labels = arguments.labels.clone();
    labels.problem_type = recipe.classifier.problem_type;
    let parts = labels.parts(&arguments.data, split, recipe.run.seed, of_run.clone())?;
    if of_run.is_some_and(|classes| classes != parts.classes) {
        let file = file.display();
        return Err(Usage::new(format!("the classes are others than those of the run, {file}")).into());
    }
    labelled_data::check_flip(recipe, parts.classes.names())?;
    Ok(parts)
}

/// Steps of an epoch, of the schedule, and to make.
fn steps(recipe: &Recipe, parts: &Parts, wanted: Option<u64>) -> Result<Steps> {
    let per_epoch = recipe.steps_per_epoch(parts.train.len()).map_err(arguments::wrong)?;
    let schedule = wanted.unwrap_or(recipe.schedule.epochs * per_epoch);
    recipe.check_finetuning(per_epoch, schedule).map_err(arguments::wrong)?;
    Ok(Steps { per_epoch, schedule, until: schedule })
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
