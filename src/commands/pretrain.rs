//! `tubelet pretrain`: from videos or shards to a trained model.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use pipeline::{dataset::Dataset, quarantine::Quarantine};
use trainer::{Recipe, Steps, checkpoint::Heads};

use crate::{
    arguments,
    commands::convert,
    data, memory,
    report::Usage,
    run::{self, Live, RunArguments},
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
    #[command(flatten)]
    run: RunArguments,
    /// Begin with the weights of this file or folder: official, Hugging Face, or tubelet's own; where they have no
    /// decoder a fresh one is drawn
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Attention heads of --init (and of its decoder), where an official file's widths do not tell them
    #[arg(long, value_name = "N[,M]", value_parser = convert::heads, requires = "init")]
    heads: Option<Heads>,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    let device = arguments.run.device()?;
    let recipe = arguments.run.recipe(|| Ok(Recipe::default()))?;
    arguments::check(&recipe)?;
    memory::say_when_short(&recipe, &device)?;
    let dataset = data::open(&arguments.data)?;
    let steps = steps(&recipe, &dataset, arguments.run.steps)?;
    let initial = match &arguments.init {
        Some(file) => Some(weights::pretraining(file, arguments.heads, &recipe, &device)?),
        None => None,
    };
    let (run, from) = arguments.run.open(&recipe, &dataset.digest())?;
    if let Some(initial) = initial {
        weights::begin(initial, &recipe, &run)?;
    }
    let list = run.path().join("quarantine.jsonl");
    let quarantine = Quarantine::open(Some(&list), dataset.videos(), recipe.run.max_failed_share)?;
    let watched = data::Run { quarantine: Arc::new(quarantine), profile: Arc::default() };

    let stop = stop::flag_on_signals()?;
    let (micro_batch, _) = recipe.accumulation()?;
    let first = from.map_or(0, |from| from.clips) / micro_batch as u64;
    let batches = data::batches(&dataset, &recipe, first, arguments.run.workers, &watched)?;
    let mut live = Live::begin(steps.until, &watched.profile, arguments.run.workers);
    let outcome =
        trainer::pretrain(&recipe, &device, batches, &run, steps, &stop, |line| live.step(line, &recipe));
    let losses = live.end();
    data::say_failures(&watched.quarantine, dataset.videos(), &list);
    run::conclude(&outcome?, losses, "1.00 would be guessing the mean");
    Ok(())
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
