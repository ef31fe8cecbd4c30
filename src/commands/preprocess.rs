//! `tubelet preprocess`: clips decoded once and kept in Parquet shards.

use std::{path::PathBuf, time::Instant};

use anyhow::{Context as _, Result};
use pipeline::{
    dataset::Dataset,
    quarantine::Quarantine,
    shard::preprocess::{Clips, Filled, fill},
};
use schemas::{MADE_BY, frame_shard::FrameShardFacts};
use trainer::Recipe;

use crate::{
    arguments::{self, RecipeArguments, Videos},
    data,
    report::{self, Progress, Usage},
    stop,
};

/// Clips of one shard: about 1 GB of 16 frames of 340×256.
const CLIPS_PER_SHARD: u32 = 256;

/// Decode clips once and keep their frames in Parquet shards
///
/// The clips are those that pre-training with the same settings draws in its first epoch, before crop and
/// mask; training from shards draws crops and masks afresh each epoch. Interrupted and run again, it
/// finishes the rest.
///
/// Example: tubelet preprocess films --out shards --set clip.short_side=256 --clips-per-video 4
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    videos: Videos,
    /// The folder of the shards
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Clips that are drawn from each video, the same as `--set clip.clips_per_video=N`
    #[arg(long, value_name = "N")]
    clips_per_video: Option<usize>,
    /// Short side in pixels, the same as `--set clip.short_side=N`; 0 keeps the video's own size
    #[arg(long, value_name = "N")]
    short_side: Option<usize>,
    #[command(flatten)]
    recipe: RecipeArguments,
    /// Clips of one shard
    #[arg(long, value_name = "N", default_value_t = CLIPS_PER_SHARD, value_parser = clap::value_parser!(u32).range(1..))]
    clips_per_shard: u32,
    /// Threads that decode
    #[arg(long, value_name = "N", default_value_t = arguments::default_workers())]
    workers: usize,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    let mut recipe = arguments.recipe.resolve_from(|| Ok(Recipe::default()))?;
    recipe.clip.clips_per_video = arguments.clips_per_video.unwrap_or(recipe.clip.clips_per_video);
    recipe.clip.short_side = arguments.short_side.unwrap_or(recipe.clip.short_side);
    arguments::check(&recipe)?;
    let dataset = data::open(&arguments.videos.videos)?;
    if let Dataset::FrameShards(_) = dataset {
        return Err(Usage::new("these are frame shards already").into());
    }
    if recipe.clip.target_fps > 0.0 {
        return Err(Usage::new("clip.target_fps cannot be preprocessed: shards keep a stride").into());
    }
    let facts = facts(&dataset, &recipe, arguments.clips_per_shard)?;
    std::fs::create_dir_all(&arguments.out)
        .with_context(|| format!("{} cannot be made", arguments.out.display()))?;
    let list = arguments.out.join("quarantine.jsonl");
    let quarantine = Quarantine::open(Some(&list), dataset.videos(), recipe.run.max_failed_share)?;
    let clips = Clips {
        source: data::source(&dataset, &recipe)?,
        facts: &facts,
        workers: arguments.workers.max(1),
        seconds_per_clip: data::SECONDS_PER_CLIP,
    };
    let stop = stop::flag_on_signals()?;
    let start = Instant::now();
    let mut progress = Progress::new(facts.slots(), "clips");
    let filled = fill(&arguments.out, &clips, &quarantine, &stop, |done| progress.at(done, ""));
    progress.end();
    let filled = filled?;
    data::say_failures(&quarantine, &dataset, &list);
    let seconds = start.elapsed().as_secs_f64();
    let Filled { clips, stopped, .. } = filled;
    let rate = clips as f64 / seconds.max(1e-3);
    report::say(format_args!("{clips} clips in {} ({rate:.1} a second)", report::duration(seconds)));
    if stopped {
        report::say("stopped; run the same command again and it does the rest");
    } else if quarantine.failed() == dataset.videos() {
        anyhow::bail!("no video gave a clip: see {}", list.display());
    } else {
        report::say(format_args!("done: {}", arguments.out.display()));
    }
    Ok(())
}

fn facts(dataset: &Dataset, recipe: &Recipe, clips_per_shard: u32) -> Result<FrameShardFacts> {
    let number = |key: &str, value: usize| {
        u32::try_from(value).map_err(|_| Usage::new(format!("`{key} = {value}` is too large")))
    };
    Ok(FrameShardFacts {
        seed: recipe.run.seed,
        videos: dataset.videos(),
        clips_per_video: number("clip.clips_per_video", recipe.clip.clips_per_video)?,
        clips_per_shard,
        frames: number("clip.frames", recipe.clip.frames)?,
        stride: number("clip.stride", recipe.clip.stride)?,
        short_side: number("clip.short_side", recipe.clip.short_side)?,
        source: dataset.digest(),
        made_by: MADE_BY.to_owned(),
    })
}
