//! `tubelet preprocess`: clips decoded once and kept in Parquet shards.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::{
    arguments::{self, RecipeArguments, Videos},
    data,
    report::{self, Progress, Usage},
    stop,
};

/// Clips of one shard: about 1 GB of 16 frames of 340×256.
const CLIPS_PER_SHARD: u64 = 256;

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
    #[arg(long, value_name = "N", default_value_t = CLIPS_PER_SHARD, value_parser = clap::value_parser!(u64).range(1..))]
    clips_per_shard: u64,
    /// Threads that decode
    #[arg(long, value_name = "N", default_value_t = arguments::default_workers())]
    workers: usize,
}
