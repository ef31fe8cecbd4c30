//! `tubelet pretrain`: from videos or shards to a trained model.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use pipeline::{dataset::Dataset, quarantine::Quarantine};
use schemas::run_state::{InitialWeights, Part, RunVideo};
use trainer::{Device, Outcome, Recipe, Steps, checkpoint::Heads, train::state::TrainState};

use crate::{
    arguments,
    commands::convert,
    data,
    listing::Listing,
    memory,
    report::Usage,
    run::{self, Begun, Data, Live, Plan, Ready, RunArguments, videos},
    stop, weights,
};

/// What a run's folder calls this.
const COMMAND: &str = "pretrain";

/// Pre-train a model from video files, a manifest or shards
///
/// The run's folder gets run.json and videos.jsonl (what it was asked for), recipe.toml, metrics.jsonl,
/// quarantine.jsonl and checkpoints. Ctrl-C writes a checkpoint and ends with exit code 0; --resume goes on from
/// the newest one, to the bit, with the steps, weights and videos that it was begun with. Films that came since
/// are left out.
///
/// Example: tubelet pretrain --data films --out run --recipe tiny --steps 300
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards; with --resume, where the
    /// run's videos are now, if they have moved
    #[arg(long, value_name = "VIDEOS", num_args = 1.., required_unless_present = "resume")]
    data: Vec<PathBuf>,
    #[command(flatten)]
    run: RunArguments,
    /// Begin with the weights of this file or folder: official, Hugging Face, or tubelet's own; where they have no
    /// decoder a fresh one is drawn
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Attention heads of --init (and of its decoder), where an official file's widths do not tell them
    #[arg(long, value_name = "N[,M]", value_parser = convert::heads, requires = "init")]
    heads: Option<Heads>,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    let device = arguments.run.device()?;
    let begun = arguments.run.begun(COMMAND)?;
    let recipe = arguments.run.recipe(begun.as_ref(), || Ok(Recipe::default()))?;
    arguments::check(&recipe)?;
    memory::say_when_short(&recipe, &device)?;
    let (dataset, videos) = data(&arguments, begun.as_ref())?;
    let steps = arguments.run.steps(begun.as_ref(), &recipe, per_epoch(&recipe, &dataset)?)?;
    let (init, first) = first(&arguments, begun.as_ref(), &recipe, &device)?;
    let data = Data {
        named: arguments.data.clone(),
        is_named_here: !arguments.data.is_empty(),
        test: None,
        digest: dataset.digest(),
        videos,
        classes: Vec::new(),
        split: None,
    };
    let plan = Plan { command: COMMAND, recipe: &recipe, steps, init, data };
    let ready = arguments.run.ready(begun, &plan, || match first {
        Some(first) => Ok(first),
        None => Ok(TrainState::begin(&recipe, &recipe.model_shape()?, &device)),
    })?;
    train(&ready, &recipe, &device, dataset, steps, arguments.run.workers)
}

/// Trains to the last step. What fails before the first one leaves no run.
fn train(
    ready: &Ready,
    recipe: &Recipe,
    device: &Device,
    dataset: Dataset,
    steps: Steps,
    workers: usize,
) -> Result<()> {
    let mut live = None;
    let mut whole = || -> Result<Outcome> {
        let list = ready.folder.path().join("quarantine.jsonl");
        let quarantine = Quarantine::open(Some(&list), dataset.videos(), recipe.run.max_failed_share)?;
        let watched = data::Run { quarantine: Arc::new(quarantine), profile: Arc::default() };
        let stop = stop::flag_on_signals()?;
        let batches = data::batches(&dataset, recipe, ready.first, workers, &watched)?;
        let live = live.insert(Live::begin(steps.until, &watched.profile, workers));
        let report = |line: &mut _| live.step(line, recipe);
        let outcome = trainer::pretrain(recipe, device, batches, &ready.folder, steps, &stop, report);
        data::say_failures(&watched.quarantine, dataset.videos(), &list);
        Ok(outcome?)
    };
    let outcome = whole();
    let losses = live.and_then(Live::end);
    if outcome.is_err() {
        ready.failed(losses.is_some());
    }
    run::conclude(&outcome?, losses, "1.00 would be guessing the mean");
    Ok(())
}

/// The videos, as the run was begun with where it goes on.
fn data(arguments: &Arguments, begun: Option<&Begun>) -> Result<(Dataset, Vec<RunVideo>)> {
    let named = begun.map_or_else(|| arguments.data.clone(), |begun| begun.data(&arguments.data));
    if named.is_empty() {
        return Err(Usage::new("no videos are named").hint("--data VIDEOS").into());
    }
    let listing = Listing::open(&named)?;
    listing.check_there()?;
    let Some((state, known)) = begun.and_then(|begun| begun.known.as_ref()) else {
        let video = |video| RunVideo { video, class: None, labels: None, part: Part::Train };
        let videos = listing.names().into_iter().map(video).collect();
        return Ok((listing.dataset, videos));
    };
    // The same list, whatever form the videos have: shards know what they were made of.
    if listing.dataset.digest() == state.data.digest {
        return Ok((listing.dataset, known.clone()));
    }
    let again = videos::again(known, None, &listing.names())?;
    Ok((videos::in_order(listing, &again)?, known.clone()))
}

/// The weights of --init, and what a run that begins with them begins with.
fn first(
    arguments: &Arguments,
    begun: Option<&Begun>,
    recipe: &Recipe,
    device: &Device,
) -> Result<(Option<InitialWeights>, Option<TrainState>)> {
    let Some(file) = &arguments.init else { return Ok((None, None)) };
    match begun {
        Some(begun) => {
            if let Some(state) = begun.state() {
                weights::check_same(file, arguments.heads, recipe, state.init.as_ref())?;
            }
            Ok((None, None))
        }
        None => {
            let (first, digest) = weights::pretraining(file, arguments.heads, recipe, device)?;
            Ok((Some(InitialWeights { path: file.display().to_string(), digest }), Some(first)))
        }
    }
}

/// Steps of an epoch.
fn per_epoch(recipe: &Recipe, dataset: &Dataset) -> Result<u64> {
    let clips = dataset.slots(recipe.clip.clips_per_video as u32) * recipe.clip.repeats as u64;
    match clips / recipe.optimiser.batch as u64 {
        0 => {
            let batch = recipe.optimiser.batch;
            Err(Usage::new(format!("{clips} clips an epoch are fewer than the {batch} of one update"))
                .hint(format!("`--set optimiser.batch={}` or `--set clip.clips_per_video=…`", clips.max(1)))
                .into())
        }
        steps => Ok(steps),
    }
}
