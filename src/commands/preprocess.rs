//! `tubelet preprocess`: videos made into Parquet shards once, to be trained from often.

use std::path::PathBuf;

use anyhow::Result;
use anyhow::bail;
use schemas::frame_shard::StoredPixels;
use tubelet::Preprocessing;
use tubelet::data::preprocess::settings::CLIPS_PER_SHARD;
use tubelet::data::preprocess::settings::GROUP;
use tubelet::data::preprocess::settings::Preprocessed;
use tubelet::data::preprocess::settings::QUALITY;
use tubelet::data::preprocess::settings::Store;
use tubelet::machine::default_workers;

use crate::arguments::RecipeArguments;
use crate::arguments::Videos;
use crate::report;
use crate::terminal::Terminal;

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
    #[arg(long, value_enum, default_value_t = StoreArgument::Frames)]
    store: StoreArgument,
    /// frames: what is kept of a frame; planes where nothing else is said and they serve the recipe
    #[arg(long, value_enum)]
    pixels: Option<PixelsArgument>,
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
    #[arg(long, value_name = "Q", default_value_t = QUALITY, value_parser = clap::value_parser!(u32).range(1..=50))]
    quality: u32,
    /// transcode: frames of a closed group
    #[arg(long, value_name = "N", default_value_t = GROUP, value_parser = clap::value_parser!(u32).range(1..=250))]
    group: u32,
    /// Threads that work
    #[arg(long, value_name = "N", default_value_t = default_workers())]
    workers: usize,
}

/// What is kept of videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StoreArgument {
    /// Decoded frames of the drawn clips: fastest, largest
    Frames,
    /// The videos' own packets with their index: no pixel lost, the size of the files
    Packets,
    /// H.264 made for training: small frames, and a clip needs half of its packets
    Transcode,
}

/// What is kept of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PixelsArgument {
    /// The decoder's planes, mostly I420: half the bytes
    Planes,
    /// Upright RGB, for tools that want pictures
    Rgb,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = Preprocessing {
        videos: arguments.videos.videos.clone(),
        out: arguments.out.clone(),
        store: match arguments.store {
            StoreArgument::Frames => Store::Frames,
            StoreArgument::Packets => Store::Packets,
            StoreArgument::Transcode => Store::Transcode,
        },
        pixels: arguments.pixels.map(|pixels| match pixels {
            PixelsArgument::Planes => StoredPixels::Planes,
            PixelsArgument::Rgb => StoredPixels::Rgb,
        }),
        clips_per_video: arguments.clips_per_video,
        short_side: arguments.short_side,
        recipe: arguments.recipe.choice(),
        clips_per_shard: arguments.clips_per_shard,
        videos_per_shard: arguments.videos_per_shard,
        quality: arguments.quality,
        group: arguments.group,
        workers: arguments.workers,
    };
    let terminal = Terminal::default();
    let made = tubelet::preprocess(&wanted, terminal.stop(), &terminal)?;
    let Preprocessed { what, written, stopped, nothing, took } = made;
    let seconds = took.as_secs_f64();
    let rate = written as f64 / seconds.max(1e-3);
    let took = report::duration(seconds);
    report::say(format_args!("{written} {what} in {took} ({rate:.1} a second)"));
    if stopped {
        report::say("stopped; run the same command again and it does the rest");
    } else if nothing {
        bail!("no video gave a clip: see {}", wanted.out.join("quarantine.jsonl").display());
    } else {
        report::say(format_args!("done: {}", wanted.out.display()));
    }
    Ok(())
}
