//! `tubelet preprocess`: videos made into Parquet shards once, to be trained from often.

use std::{path::PathBuf, sync::Arc, time::Duration, time::Instant};

use anyhow::{Context as _, Result};
use pipeline::{
    dataset::Dataset,
    preprocess::{self, Filled, KeyMaker, Making, fill},
    quarantine::Quarantine,
    shard::{ShardFacts, facts_in},
    video_entry::VideoEntry,
};
use schemas::settings::Resample;
use schemas::{
    MADE_BY,
    frame_shard::{FrameShardFacts, StoredPixels},
    packet_shard::{PacketShardFacts, TranscodeFacts},
};
use trainer::Recipe;

use crate::{
    arguments::{self, RecipeArguments, Videos},
    data,
    report::{self, Progress, Usage},
    stop,
};

/// Clips of one shard: about 380 MB of 16 frames of 340×256 as planes.
const CLIPS_PER_SHARD: u32 = 256;

/// Bytes of the files whose packets make a shard.
const SHARD_BYTES: u64 = 512 << 20;

/// Short side of a transcode where nothing is said.
const TRANSCODED_SIDE: u32 = 256;

/// Frames of a closed group of a transcode: 16 takes a sixth more bytes, 64 decodes more pictures before a
/// clip's first.
const GROUP: u32 = 32;

/// Make shards of videos once, to train from them often
///
/// frames keeps the decoded frames of the clips that pre-training with the same settings draws in its first
/// epoch, before crop and mask: training draws crops and masks afresh each epoch. It is the fastest to read
/// and the largest. packets keeps every video's own compressed packets with an index of them: no pixel is
/// lost, and training draws clips afresh each epoch, as from the files. transcode encodes every frame again
/// with x264, short side 256, in groups of 32 where only every stride-th picture is referred to: a clip
/// decodes three times as fast or more, from about twice the bytes; frames keep their ranks and times.
///
/// Interrupted and run again, it finishes the rest.
///
/// Example: tubelet preprocess films --out shards --store frames --short-side 256 --clips-per-video 4
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    videos: Videos,
    /// The folder of the shards
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What is kept of the videos
    #[arg(long, value_enum, default_value_t = Store::Frames)]
    store: Store,
    /// frames: what is kept of a frame; planes where nothing else is said and they serve the recipe
    #[arg(long, value_enum)]
    pixels: Option<Pixels>,
    /// frames: clips that are drawn from each video, the same as `--set clip.clips_per_video=N`
    #[arg(long, value_name = "N")]
    clips_per_video: Option<usize>,
    /// Short side in pixels, the same as `--set clip.short_side=N`; 0 keeps the video's own size
    #[arg(long, value_name = "N")]
    short_side: Option<usize>,
    #[command(flatten)]
    recipe: RecipeArguments,
    /// frames: clips of one shard
    #[arg(long, value_name = "N", default_value_t = CLIPS_PER_SHARD, value_parser = clap::value_parser!(u32).range(1..))]
    clips_per_shard: u32,
    /// packets: videos of one shard; by their files' sizes where nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    videos_per_shard: Option<u32>,
    /// transcode: constant rate factor of x264; lower is better and larger
    #[arg(long, value_name = "Q", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=50))]
    quality: u32,
    /// transcode: frames of a closed group
    #[arg(long, value_name = "N", default_value_t = GROUP, value_parser = clap::value_parser!(u32).range(1..=250))]
    group: u32,
    /// Threads that work
    #[arg(long, value_name = "N", default_value_t = arguments::default_workers())]
    workers: usize,
}

/// What is kept of videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Store {
    /// Decoded frames of the drawn clips: fastest, largest
    Frames,
    /// The videos' own packets with their index: no pixel lost, the size of the files
    Packets,
    /// H.264 made for training: small frames, and a clip needs half of its packets
    Transcode,
}

/// What is kept of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Pixels {
    /// The decoder's planes, mostly I420: half the bytes
    Planes,
    /// Upright RGB, for tools that want pictures
    Rgb,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Result<()> {
    let mut recipe = arguments.recipe.resolve_from(|| Ok(Recipe::default()))?;
    recipe.clip.clips_per_video = arguments.clips_per_video.unwrap_or(recipe.clip.clips_per_video);
    recipe.clip.short_side = arguments.short_side.unwrap_or(recipe.clip.short_side);
    arguments::check(&recipe)?;
    let dataset = data::open(&arguments.videos.videos)?;
    match arguments.store {
        Store::Frames => frames(&arguments, &dataset, &recipe),
        Store::Packets => packets(&arguments, &dataset, &recipe, None),
        Store::Transcode => {
            let made = transcoding(&arguments, &recipe)?;
            packets(&arguments, &dataset, &recipe, Some(made))
        }
    }
}

/// The videos that packets are taken from.
fn videos_of(dataset: &Dataset) -> Result<&pipeline::dataset::VideoList> {
    match dataset {
        Dataset::Videos(videos) => Ok(videos),
        Dataset::FrameShards(_) | Dataset::PacketShards(_) => {
            Err(Usage::new("these are shards already: packets are made of videos").into())
        }
    }
}

/// Videos of a shard: as many as there are, or so many that shards have about [`SHARD_BYTES`].
fn videos_per_shard(arguments: &Arguments, videos: &pipeline::dataset::VideoList) -> Result<u32> {
    if let Some(wanted) = arguments.videos_per_shard {
        return Ok(wanted);
    }
    if let Some(facts) = facts_in::<PacketShardFacts>(&arguments.out)? {
        return Ok(facts.videos_per_shard);
    }
    let size = |entry: &VideoEntry| std::fs::metadata(&entry.path).map_or(0, |file| file.len());
    let bytes: u64 = videos.entries().iter().map(size).sum();
    let shards = bytes.div_ceil(SHARD_BYTES).max(1);
    let each = (videos.entries().len() as u64).div_ceil(shards).clamp(1, 4096);
    Ok(each as u32)
}

/// How a transcode shall be made.
#[cfg(feature = "video")]
fn transcoding(arguments: &Arguments, recipe: &Recipe) -> Result<TranscodeFacts> {
    let stride = u32::try_from(recipe.clip.stride.clamp(1, 16)).expect("because it is at most 16");
    let mut made = TranscodeFacts {
        short_side: arguments.short_side.map_or(TRANSCODED_SIDE, |side| side.min(1 << 14) as u32) & !1,
        stride,
        group: arguments.group.next_multiple_of(stride),
        quality: arguments.quality,
        encoder: String::new(),
    };
    if made.short_side == 0 {
        return Err(Usage::new("a transcode needs a short side of 2 pixels or more").into());
    }
    made.encoder = preprocess::encode::told(&made);
    Ok(made)
}

#[cfg(not(feature = "video"))]
fn transcoding(_: &Arguments, _: &Recipe) -> Result<TranscodeFacts> {
    Err(Usage::new("this build opens no videos").hint("build with `--features video`").into())
}

/// Makes packet shards, or a transcode.
#[cfg(feature = "video")]
fn packets(
    arguments: &Arguments,
    dataset: &Dataset,
    recipe: &Recipe,
    made: Option<TranscodeFacts>,
) -> Result<()> {
    let videos = videos_of(dataset)?;
    let facts = PacketShardFacts {
        videos: dataset.videos(),
        videos_per_shard: videos_per_shard(arguments, videos)?,
        transcode: made,
        source: dataset.digest(),
        made_by: MADE_BY.to_owned(),
    };
    let shards = Shards {
        what: "videos",
        name: &|number| name_of(videos, number),
        maker: match facts.transcode {
            None => preprocess::packets(videos.clone(), facts.clone(), data::limits(recipe)),
            Some(_) => preprocess::transcode(videos.clone(), facts.clone(), data::limits(recipe)),
        },
    };
    shards.make(arguments, dataset, recipe, &facts)
}

#[cfg(not(feature = "video"))]
fn packets(_: &Arguments, dataset: &Dataset, _: &Recipe, _: Option<TranscodeFacts>) -> Result<()> {
    videos_of(dataset)?;
    Err(Usage::new("this build opens no videos").hint("build with `--features video`").into())
}

fn name_of(videos: &pipeline::dataset::VideoList, number: u64) -> String {
    let entry = videos.entries().get(number as usize);
    entry.map_or_else(String::new, |entry| pipeline::names::name_of(&entry.path))
}

/// Makes frame shards.
fn frames(arguments: &Arguments, dataset: &Dataset, recipe: &Recipe) -> Result<()> {
    if let Dataset::FrameShards(_) = dataset {
        return Err(Usage::new("these are frame shards already").into());
    }
    if recipe.clip.target_fps > 0.0 {
        return Err(Usage::new("clip.target_fps cannot be preprocessed: shards keep a stride").into());
    }
    let number = |key: &str, value: usize| {
        u32::try_from(value).map_err(|_| Usage::new(format!("`{key} = {value}` is too large")))
    };
    let pixels = match arguments.pixels {
        Some(Pixels::Rgb) => StoredPixels::Rgb,
        // Frames that are resized as RGB can only be kept as RGB.
        None if recipe.clip.resample == Resample::Rgb && recipe.clip.short_side > 0 => StoredPixels::Rgb,
        Some(Pixels::Planes) | None => StoredPixels::Planes,
    };
    let facts = FrameShardFacts {
        seed: recipe.run.seed,
        videos: dataset.videos(),
        clips_per_video: number("clip.clips_per_video", recipe.clip.clips_per_video)?,
        clips_per_shard: arguments.clips_per_shard,
        frames: number("clip.frames", recipe.clip.frames)?,
        stride: number("clip.stride", recipe.clip.stride)?,
        short_side: number("clip.short_side", recipe.clip.short_side)?,
        pixels,
        source: dataset.digest(),
        made_by: MADE_BY.to_owned(),
    };
    let source = data::source(dataset, recipe)?;
    let clips_per_video = u64::from(facts.clips_per_video.max(1));
    let named = Arc::clone(&source);
    let shards = Shards {
        what: "clips",
        name: &|slot| named.name(slot / clips_per_video),
        maker: preprocess::clips(source, facts.clone()),
    };
    shards.make(arguments, dataset, recipe, &facts)
}

/// Shards that are to be made: what their rows are, and how they come about.
struct Shards<'a> {
    what: &'static str,
    name: &'a dyn Fn(u64) -> String,
    maker: Arc<dyn Fn() -> KeyMaker + Send + Sync>,
}

impl Shards<'_> {
    fn make<F: ShardFacts>(
        self,
        arguments: &Arguments,
        dataset: &Dataset,
        recipe: &Recipe,
        facts: &F,
    ) -> Result<()> {
        std::fs::create_dir_all(&arguments.out)
            .with_context(|| format!("{} cannot be made", arguments.out.display()))?;
        let list = arguments.out.join("quarantine.jsonl");
        let quarantine = Quarantine::open(Some(&list), dataset.videos(), recipe.run.max_failed_share)?;
        let making = Making {
            workers: arguments.workers.max(1),
            // Opening and decoding have a limit each, which a thread keeps by itself unless it is stuck.
            patience: Duration::from_secs(3 * u64::from(recipe.run.seconds_per_clip)),
            name: self.name,
            maker: self.maker,
        };
        let stop = stop::flag_on_signals()?;
        let start = Instant::now();
        let mut progress = Progress::new(facts.keys(), self.what);
        let filled = fill(&arguments.out, facts, &making, &quarantine, &stop, |done| progress.at(done, ""));
        progress.end();
        let filled = filled?;
        data::say_failures(&quarantine, dataset.videos(), &list);
        let seconds = start.elapsed().as_secs_f64();
        let Filled { written, stopped, .. } = filled;
        let rate = written as f64 / seconds.max(1e-3);
        let took = report::duration(seconds);
        report::say(format_args!("{written} {} in {took} ({rate:.1} a second)", self.what));
        if stopped {
            report::say("stopped; run the same command again and it does the rest");
        } else if quarantine.failed() == dataset.videos() {
            anyhow::bail!("no video gave a clip: see {}", list.display());
        } else {
            report::say(format_args!("done: {}", arguments.out.display()));
        }
        Ok(())
    }
}
