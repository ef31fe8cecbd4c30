//! `tubelet pretrain`: from videos or shards to a trained model.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result};
use pipeline::{dataset::Dataset, quarantine::Quarantine};
use schemas::metrics::MetricsLine;
use trainer::{
    Device, Outcome, Recipe, RunFolder, Steps,
    run_folder::{ResumePoint, RunFolderError},
};

use crate::{
    arguments::{self, RecipeArguments},
    data,
    loading::{self, Watch},
    report::{self, Progress, Usage},
    stop, weights,
};

/// Pre-train a model from video files, a manifest or shards
///
/// The run's folder gets recipe.toml, metrics.jsonl, quarantine.jsonl and checkpoints. Ctrl-C writes a
/// checkpoint and ends with exit code 0; --resume goes on from the newest one, to the bit.
///
/// Example: tubelet pretrain --data films --out run --recipe tiny --steps 300
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards
    #[arg(long, value_name = "VIDEOS", num_args = 1.., required = true)]
    data: Vec<PathBuf>,
    /// The run's folder
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    #[command(flatten)]
    recipe: RecipeArguments,
    /// Where to compute: flex (this processor), or another that this build has
    #[arg(long, default_value = "flex")]
    device: String,
    /// Steps to train in all, instead of the recipe's epochs
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Begin with the weights of this file or folder: official, Hugging Face, or tubelet's own
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Go on from the newest checkpoint in RUN
    #[arg(long)]
    resume: bool,
    /// Threads that decode
    #[arg(long, value_name = "N", default_value_t = arguments::default_workers())]
    workers: usize,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    let device = Device::parse(&arguments.device).map_err(|why| Usage::new(why.to_string()))?;
    let recipe = recipe(&arguments)?;
    let dataset = data::open(&arguments.data)?;
    let steps = steps(&recipe, &dataset, arguments.steps)?;
    let (run, from) = open_run(&arguments, &recipe, &dataset)?;
    if let Some(file) = &arguments.init {
        weights::begin_with(file, &recipe, &device, &run)?;
    }
    let list = run.path().join("quarantine.jsonl");
    let quarantine = Quarantine::open(Some(&list), dataset.videos(), recipe.run.max_failed_share)?;
    let watched = data::Run { quarantine: Arc::new(quarantine), profile: Arc::default() };

    let stop = stop::flag_on_signals()?;
    let (micro_batch, _) = recipe.accumulation()?;
    let first = from.map_or(0, |from| from.clips) / micro_batch as u64;
    let batches = data::batches(&dataset, &recipe, first, arguments.workers, &watched)?;
    let mut progress = Progress::new(steps.until, "steps");
    let mut first_and_last: Option<(f64, f64)> = None;
    let mut watch = Watch::begin(&watched.profile, arguments.workers);
    let outcome = trainer::pretrain(&recipe, &device, batches, &run, steps, &stop, |line| {
        let interval = watch.interval();
        progress.at(line.step, summary(line, loading::waited_for(&interval)));
        if line.step % recipe.run.log_every == 0 {
            line.loader = Some(loading::line(&interval));
            watch.next();
        }
        first_and_last = Some((first_and_last.map_or(line.loss, |(first, _)| first), line.loss));
    });
    progress.end();
    data::say_failures(&watched.quarantine, &dataset, &list);
    conclude(&outcome?, first_and_last);
    Ok(())
}

/// The recipe: of the run where it goes on and none is named, else as asked for.
fn recipe(arguments: &Arguments) -> Result<Recipe> {
    let recipe = arguments.recipe.resolve_from(|| {
        if arguments.resume && arguments.out.join("recipe.toml").exists() {
            Ok(RunFolder::open(&arguments.out)?.recipe()?)
        } else {
            Ok(Recipe::default())
        }
    })?;
    arguments::check(&recipe)?;
    Ok(recipe)
}

fn open_run(
    arguments: &Arguments,
    recipe: &Recipe,
    dataset: &Dataset,
) -> Result<(RunFolder, Option<ResumePoint>)> {
    if arguments.resume && arguments.out.join("recipe.toml").exists() {
        let run = RunFolder::open(&arguments.out)?.on_data(&dataset.digest());
        let from = run.resume_point()?;
        if from.as_ref().is_some_and(|from| from.data != dataset.digest()) {
            report::say("note: the data is not what the run's checkpoint was trained on; going on with it");
        }
        return Ok((run, from));
    }
    match RunFolder::create(&arguments.out, recipe, &dataset.digest()) {
        Ok(run) => Ok((run, None)),
        Err(error @ RunFolderError::Taken { .. }) => Err(Usage::new(error.to_string())
            .hint("--resume goes on with it; --out takes another folder")
            .into()),
        Err(error) => Err(error).context("the run's folder cannot be made"),
    }
}

/// Steps of an epoch, of the schedule, and to make.
fn steps(recipe: &Recipe, dataset: &Dataset, wanted: Option<u64>) -> Result<Steps> {
    let clips = dataset.slots(recipe.clip.clips_per_video as u32) * recipe.clip.repeats as u64;
    let per_epoch = clips / recipe.optimiser.batch as u64;
    if per_epoch == 0 {
        let batch = recipe.optimiser.batch;
        return Err(Usage::new(format!("{clips} clips an epoch are fewer than the {batch} of one update"))
            .hint(format!("`--set optimiser.batch={}` or `--set clip.clips_per_video=…`", clips.max(1)))
            .into());
    }
    let schedule = wanted.unwrap_or(recipe.schedule.epochs * per_epoch);
    Ok(Steps { per_epoch, schedule, until: schedule })
}

/// The live line of a step; it names what is waited for.
fn summary(line: &MetricsLine, waited_for: Option<&str>) -> String {
    let waited_for = waited_for.map(|stage| format!(" for {stage}")).unwrap_or_default();
    format!(
        "loss {:.4}  rate {:.2e}  gradient {:.3}  {:.1} clips/s  waiting {:.0} %{waited_for}  repeated frames {:.0} %",
        line.loss,
        line.lr,
        line.gradient_norm,
        line.clips_per_second,
        100.0 * line.waiting_share,
        100.0 * line.repeated_frame_share
    )
}

fn conclude(outcome: &Outcome, losses: Option<(f64, f64)>) {
    if let Some((first, last)) = losses {
        report::say(format_args!(
            "loss {first:.4} at first, {last:.4} at last (1.00 would be guessing the mean)"
        ));
    }
    match outcome {
        Outcome::Done { checkpoint } => report::say(format_args!("done: {}", checkpoint.display())),
        Outcome::Stopped { checkpoint, step } => report::say(format_args!(
            "stopped after step {step}; --resume goes on from {}",
            checkpoint.display()
        )),
        Outcome::OutOfData { checkpoint, step } => {
            report::say(format_args!("the data ended after step {step}: {}", checkpoint.display()));
        }
    }
}
