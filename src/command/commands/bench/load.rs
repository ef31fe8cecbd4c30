//! `tubelet bench load`: clips a second from files or shards to whole record batches.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use pipeline::{
    dataset::Dataset,
    profile::{Interval, Stage},
};
use schemas::settings::Verify;

use super::profile_table;

use crate::{
    command::{
        arguments::{self, RecipeArguments},
        report,
        terminal::Terminal,
    },
    data::{
        Loading, masked, pretraining_videos,
        report::{Watch, sentence},
    },
    machine::{self, default_workers},
    recipe_choice,
};

/// Clips of a batch, as loaders are usually compared.
const BATCH: usize = 4;

/// Measure how many clips are loaded per second
///
/// Complete record batches are made (decoded, cropped, resized, masked, cut into cubes) and dropped. Videos
/// count as verified, as they do from the second epoch of a run on; `--set clip.verify=video` includes their
/// verification. `clips_per_second` is the best of the repetitions, `rounds` has all of them. --profile
/// prints to stderr where the time goes, and which stage is the limit.
///
/// Example: tubelet bench load films --seconds 10 --workers 2 --repeat 3
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, one folder of shards, or several data sets with
    /// weights as in `films=2,robots=1`
    #[arg(value_name = "VIDEOS", required = true)]
    data: Vec<PathBuf>,
    /// Seconds per repetition
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    seconds: f64,
    /// Number of threads that decode
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = arguments::workers)]
    workers: usize,
    /// Number of repetitions
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = arguments::clips)]
    repeat: usize,
    /// Number of clips drawn from each video
    #[arg(long, value_name = "N")]
    clips_per_video: Option<usize>,
    /// Print where the time goes, stage by stage, and what helps
    #[arg(long)]
    profile: bool,
    #[command(flatten)]
    recipe: RecipeArguments,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut recipe = arguments.recipe.choice().resolve(|| {
        let mut recipe = trainer::Recipe::default();
        recipe.clip.verify = Verify::Clip;
        Ok(recipe)
    })?;
    recipe.optimiser.batch = BATCH.saturating_mul(recipe.clip.repeats);
    recipe.optimiser.micro_batch = 0;
    recipe.clip.clips_per_video = arguments.clips_per_video.unwrap_or(recipe.clip.clips_per_video);
    recipe_choice::check(&recipe)?;
    let dataset = pretraining_videos::open(&arguments.data, &Terminal::default())?;
    let dataset = match recipe.clip.verify {
        Verify::Clip => taken_for_verified(dataset),
        _ => dataset,
    };
    let clips = dataset.slots(recipe.clip.clips_per_video as u32) as usize;
    recipe.optimiser.batch = recipe.optimiser.batch.min(clips * recipe.clip.repeats);
    let loading = Loading::begin(None, dataset.videos(), 1.0)?;
    let mut batches = masked::batches(&dataset, &recipe, 0, arguments.workers, &loading)?;

    // The first batch pays for starting threads and decoders.
    batches.next().context("the pipeline ended")??;
    let limit = Duration::from_secs_f64(arguments.seconds.max(0.1).min(1e6));
    let mut rounds = Vec::new();
    let watch = Watch::begin(&loading.profile, arguments.workers);
    let cpu_before = machine::cpu_seconds();
    let mut all = 0;
    for _ in 0..arguments.repeat.max(1) {
        let (start, mut clips) = (Instant::now(), 0);
        while start.elapsed() < limit {
            clips += batches.next().context("the pipeline ended")??.num_rows();
        }
        rounds.push(clips as f64 / start.elapsed().as_secs_f64());
        all += clips;
    }
    ensure!(all > 0, "no clip was made");
    let best = rounds.iter().copied().fold(0.0, f64::max);
    let interval = watch.interval();
    let cpu_seconds = machine::cpu_seconds().zip(cpu_before).map(|(after, before)| after - before);
    if arguments.profile {
        report::say(format_args!("{}{}", profile_table::text(&interval), sentence(&interval)));
    }
    println!("{}", summary(&interval, cpu_seconds, best, &rounds, loading.quarantine.failed()));
    Ok(())
}

/// The same videos, which count as verified.
fn taken_for_verified(dataset: Dataset) -> Dataset {
    match dataset {
        Dataset::Videos(videos) => Dataset::Videos(videos.taken_for_verified()),
        Dataset::Mixture(sets) => {
            Dataset::Mixture(sets.iter().map(|set| set.with(taken_for_verified(set.set.clone()))).collect())
        }
        shards => shards,
    }
}

/// The JSON object that is printed.
fn summary(
    interval: &Interval,
    cpu_seconds: Option<f64>,
    best: f64,
    rounds: &[f64],
    failed: u64,
) -> serde_json::Value {
    let figures = &interval.figures;
    let clips = figures.clips.max(1) as f64;
    let by_stage = |of: &dyn Fn(Stage) -> Duration| -> serde_json::Map<String, serde_json::Value> {
        let each = |stage: Stage| (stage.name().to_owned(), (1e3 * of(stage).as_secs_f64() / clips).into());
        Stage::ALL.into_iter().map(each).collect()
    };
    let each = |count: u64| count as f64 / clips;
    serde_json::json!({
        "clips_per_second": best,
        "rounds": rounds,
        "cpu_ms_per_clip": cpu_seconds.map(|seconds| 1e3 * seconds / clips),
        "decoded_frames_per_clip": each(figures.decoded.frames),
        "packets_sent_per_clip": each(figures.decoded.sent),
        "packets_left_out_per_clip": each(figures.decoded.left_out),
        "bytes_read_per_clip": each(figures.bytes_read),
        "repeated_frame_share": figures.repeated_share(),
        "failed_videos": failed,
        "peak_rss_mb": machine::peak_memory().map(|bytes| bytes / 1_000_000),
        "binding": interval.bottleneck().name(),
        "jobs_in_flight": figures.in_flight.mean(),
        "batches_ready": figures.ready.mean(),
        "wall_ms_per_clip_by_stage": by_stage(&|stage| figures.wall(stage)),
        "cpu_ms_per_clip_by_stage": by_stage(&|stage| figures.cpu(stage)),
    })
}
