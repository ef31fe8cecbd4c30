//! `tubelet preprocess`: videos made into Parquet shards once, to be trained from often.

use std::path::PathBuf;

use anyhow::{Result, bail};
use pipeline::names;
use schemas::frame_shard::StoredPixels;

use crate::{
    Preprocessing,
    command::{
        arguments::{self, RecipeArguments, Videos},
        report,
        slice_arguments::SliceArguments,
        terminal::Terminal,
    },
    data::preprocess::settings::{CLIPS_PER_SHARD, GROUP, Preprocessed, QUALITY, Store},
    machine::default_workers,
    slices::Share,
};

/// Write videos to Parquet shards once, to train from them often
///
/// frames stores the decoded frames of the clips that pre-training with the same settings draws in its first
/// epoch, before crop and mask; training draws new crops and masks in each epoch. It is the fastest to read
/// and the largest. packets stores every video's own compressed packets with an index: no pixel is lost, and
/// training draws new clips in each epoch, as from the files. transcode encodes every frame again with x264,
/// short side 256, in groups of 32 in which only every stride-th picture is referred to: clips decode about
/// three times as fast, from about twice the bytes, and frames keep their ranks and times. video stores the
/// files as they are, with their classes, as Hugging Face's `datasets` reads them.
///
/// If it is interrupted, run it again: it continues with the rest.
///
/// Example: tubelet preprocess films --out shards --store frames --short-side 256 --clips-per-video 4
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    videos: Videos,
    /// The folder to write the shards to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the shards store
    #[arg(long, value_enum, default_value_t = StoreArgument::Frames)]
    store: StoreArgument,
    /// frames: what is stored of a frame; by default planes, if the recipe can use them
    #[arg(long, value_enum)]
    pixels: Option<PixelsArgument>,
    /// frames: number of clips drawn from each video, the same as `--set clip.clips_per_video=N`
    #[arg(long, value_name = "N")]
    clips_per_video: Option<usize>,
    /// Short side in pixels, the same as `--set clip.short_side=N`; 0 keeps the video's own size
    #[arg(long, value_name = "N")]
    short_side: Option<usize>,
    #[command(flatten)]
    recipe: RecipeArguments,
    /// frames: number of clips per shard
    #[arg(long, value_name = "N", default_value_t = CLIPS_PER_SHARD, value_parser = clap::value_parser!(u32).range(1..))]
    clips_per_shard: u32,
    /// packets, video: number of videos per shard; by default it depends on the sizes of the files
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    videos_per_shard: Option<u32>,
    /// transcode: constant rate factor of x264; a lower one gives better quality and larger files
    #[arg(long, value_name = "Q", default_value_t = QUALITY, value_parser = clap::value_parser!(u32).range(1..=50))]
    quality: u32,
    /// transcode: number of frames in a closed group of pictures
    #[arg(long, value_name = "N", default_value_t = GROUP, value_parser = clap::value_parser!(u32).range(1..=250))]
    group: u32,
    /// Number of worker threads
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = arguments::workers)]
    workers: usize,
    #[command(flatten)]
    slices: SliceArguments,
    /// Print one JSON object at the end: what was written
    #[arg(long)]
    json: bool,
}

/// What is kept of videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StoreArgument {
    /// Decoded frames of the drawn clips: fastest and largest
    Frames,
    /// The videos' own packets with an index: no pixel is lost, and the size is that of the files
    Packets,
    /// H.264 made for training: small frames, and a clip decodes about a third of its span
    Transcode,
    /// The files as they are, for Hugging Face's `datasets` and the Hub
    Video,
}

/// What is kept of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PixelsArgument {
    /// The planes of the decoder, mostly I420: half the bytes of RGB
    Planes,
    /// RGB, turned upright, for tools that need pictures
    Rgb,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = Preprocessing {
        videos: arguments.videos.given(),
        out: arguments.out.clone(),
        store: match arguments.store {
            StoreArgument::Frames => Store::Frames,
            StoreArgument::Packets => Store::Packets,
            StoreArgument::Transcode => Store::Transcode,
            StoreArgument::Video => Store::Videos,
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
        share: arguments.slices.share()?,
    };
    let terminal = Terminal::default();
    let made = crate::preprocess(&wanted, terminal.stop(), &terminal)?;
    let Preprocessed { what, written, stopped, nothing, before, took } = made;
    let out = names::shown(&wanted.out);
    if arguments.json {
        let seconds = took.as_secs_f64();
        let made = serde_json::json!({
            "out": out, "what": what, "written": written, "seconds": seconds, "stopped": stopped, "before": before,
        });
        println!("{made}");
    }
    if before {
        report::say(format_args!("done already: {out}"));
        return Ok(());
    }
    if wanted.share != Share::Finish {
        let seconds = took.as_secs_f64();
        let rate = written as f64 / seconds.max(1e-3);
        let took = report::duration(seconds);
        report::say(format_args!("{written} {what} in {took} ({rate:.1} per second)"));
    }
    match wanted.share {
        _ if stopped => report::say("stopped; run the same command again to continue"),
        _ if nothing => {
            bail!("no video gave a clip: see {}", names::shown(&wanted.out.join("quarantine.jsonl")))
        }
        Share::Slice(slice) => {
            report::say(format_args!("slice {slice} is done; --finish puts all slices together"))
        }
        Share::All | Share::Finish => report::say(format_args!("done: {out}")),
    }
    Ok(())
}
