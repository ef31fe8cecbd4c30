//! Videos made into Parquet shards once, to be trained from often.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use std::time::Instant;

use pipeline::{
    dataset::Dataset,
    preprocess::{self, Filled, KeyMaker, Making, fill},
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

#[cfg(feature = "video")]
use super::source::limits;
use super::{dataset, loading::Loading, masked::source};
use crate::{
    error::{Context as _, Result, Usage},
    machine,
    observer::{Event, Observer},
    recipe_choice::{self, RecipeChoice},
};

/// Clips of one shard: about 380 MB of 16 frames of 340×256 as planes.
pub const CLIPS_PER_SHARD: u32 = 256;

/// Bytes of the files whose packets make a shard.
const SHARD_BYTES: u64 = 512 << 20;

/// Short side of a transcode where nothing is said.
#[cfg(feature = "video")]
const TRANSCODED_SIDE: u32 = 256;

/// Frames of a closed group of a transcode: 16 takes a sixth more bytes, 64 decodes more pictures before a
/// clip's first.
pub const GROUP: u32 = 32;

/// Constant rate factor of a transcode where nothing is said.
pub const QUALITY: u32 = 20;

/// What is kept of videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Decoded frames of the drawn clips: fastest, largest.
    Frames,
    /// The videos' own packets with their index: no pixel lost, the size of the files.
    Packets,
    /// H.264 made for training: small frames, and a clip needs half of its packets.
    Transcode,
}

/// Shards that are asked for.
#[derive(Clone, Debug)]
pub struct Preprocessing {
    /// Files, folders, globs, list files, or a manifest.
    pub videos: Vec<PathBuf>,
    /// The folder of the shards.
    pub out: PathBuf,
    /// What is kept of the videos.
    pub store: Store,
    /// Frames: what is kept of a frame; planes where nothing else is said and they serve the recipe.
    pub pixels: Option<StoredPixels>,
    /// Frames: clips that are drawn from each video; the recipe's where nothing is said.
    pub clips_per_video: Option<usize>,
    /// Short side in pixels; the recipe's, or a transcode's own, where nothing is said; 0 keeps the video's size.
    pub short_side: Option<usize>,
    /// How clips are drawn.
    pub recipe: RecipeChoice,
    /// Frames: clips of one shard.
    pub clips_per_shard: u32,
    /// Packets: videos of one shard; by their files' sizes where nothing is said.
    pub videos_per_shard: Option<u32>,
    /// Transcode: constant rate factor of x264; lower is better and larger.
    pub quality: u32,
    /// Transcode: frames of a closed group.
    pub group: u32,
    /// Threads that work.
    pub workers: usize,
}

impl Preprocessing {
    /// Shards of these videos in the folder `out`.
    pub fn new(
        videos: impl IntoIterator<Item = impl Into<PathBuf>>,
        store: Store,
        out: impl Into<PathBuf>,
    ) -> Self {
        Self {
            videos: videos.into_iter().map(Into::into).collect(),
            out: out.into(),
            store,
            pixels: None,
            clips_per_video: None,
            short_side: None,
            recipe: RecipeChoice::default(),
            clips_per_shard: CLIPS_PER_SHARD,
            videos_per_shard: None,
            quality: QUALITY,
            group: GROUP,
            workers: machine::default_workers(),
        }
    }
}

/// Shards that were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preprocessed {
    /// What their rows are, `clips` or `videos`.
    pub what: &'static str,
    /// How many were written now.
    pub written: u64,
    /// Whether it was asked to stop; done again, it does the rest.
    pub stopped: bool,
    /// Whether no video gave anything.
    pub nothing: bool,
    /// How long it took.
    pub took: Duration,
}

/// Makes shards, or those that are missing. `stop` is read between rows.
///
/// # Errors
/// Usage error: settings, or videos that cannot be kept so. When too many videos fail, or a shard cannot be written.
pub fn preprocess(
    settings: &Preprocessing,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Preprocessed> {
    let mut recipe = settings.recipe.resolve(|| Ok(Recipe::default()))?;
    recipe.clip.clips_per_video = settings.clips_per_video.unwrap_or(recipe.clip.clips_per_video);
    recipe.clip.short_side = settings.short_side.unwrap_or(recipe.clip.short_side);
    recipe_choice::check(&recipe)?;
    let dataset = dataset::open(&settings.videos, observer)?;
    match settings.store {
        Store::Frames => frames(settings, &dataset, &recipe, stop, observer),
        Store::Packets => packets(settings, &dataset, &recipe, None, stop, observer),
        Store::Transcode => {
            let made = transcoding(settings, &recipe)?;
            packets(settings, &dataset, &recipe, Some(made), stop, observer)
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
fn videos_per_shard(settings: &Preprocessing, videos: &pipeline::dataset::VideoList) -> Result<u32> {
    if let Some(wanted) = settings.videos_per_shard {
        return Ok(wanted);
    }
    if let Some(facts) = facts_in::<PacketShardFacts>(&settings.out)? {
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
fn transcoding(settings: &Preprocessing, recipe: &Recipe) -> Result<TranscodeFacts> {
    let stride = u32::try_from(recipe.clip.stride.clamp(1, 16)).expect("because it is at most 16");
    let mut made = TranscodeFacts {
        short_side: settings.short_side.map_or(TRANSCODED_SIDE, |side| side.min(1 << 14) as u32) & !1,
        stride,
        group: settings.group.next_multiple_of(stride),
        quality: settings.quality,
        encoder: String::new(),
    };
    if made.short_side == 0 {
        return Err(Usage::new("a transcode needs a short side of 2 pixels or more").into());
    }
    made.encoder = preprocess::encode::told(&made);
    Ok(made)
}

#[cfg(not(feature = "video"))]
fn transcoding(_: &Preprocessing, _: &Recipe) -> Result<TranscodeFacts> {
    Err(Usage::new("this build opens no videos").hint("build with `--features video`").into())
}

/// Makes packet shards, or a transcode.
#[cfg(feature = "video")]
fn packets(
    settings: &Preprocessing,
    dataset: &Dataset,
    recipe: &Recipe,
    made: Option<TranscodeFacts>,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Preprocessed> {
    let videos = videos_of(dataset)?;
    let facts = PacketShardFacts {
        videos: dataset.videos(),
        videos_per_shard: videos_per_shard(settings, videos)?,
        transcode: made,
        source: dataset.digest(),
        made_by: MADE_BY.to_owned(),
    };
    let shards = Shards {
        what: "videos",
        name: &|number| name_of(videos, number),
        maker: match facts.transcode {
            None => preprocess::packets(videos.clone(), facts.clone(), limits(recipe)),
            Some(_) => preprocess::transcode(videos.clone(), facts.clone(), limits(recipe)),
        },
    };
    shards.make(settings, dataset, recipe, &facts, stop, observer)
}

#[cfg(not(feature = "video"))]
fn packets(
    _: &Preprocessing,
    dataset: &Dataset,
    _: &Recipe,
    _: Option<TranscodeFacts>,
    _: &AtomicBool,
    _: &dyn Observer,
) -> Result<Preprocessed> {
    videos_of(dataset)?;
    Err(Usage::new("this build opens no videos").hint("build with `--features video`").into())
}

fn name_of(videos: &pipeline::dataset::VideoList, number: u64) -> String {
    let entry = videos.entries().get(number as usize);
    entry.map_or_else(String::new, |entry| pipeline::names::name_of(&entry.path))
}

/// Makes frame shards.
fn frames(
    settings: &Preprocessing,
    dataset: &Dataset,
    recipe: &Recipe,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Preprocessed> {
    if let Dataset::FrameShards(_) = dataset {
        return Err(Usage::new("these are frame shards already").into());
    }
    if recipe.clip.target_fps > 0.0 {
        return Err(Usage::new("clip.target_fps cannot be preprocessed: shards keep a stride").into());
    }
    let number = |key: &str, value: usize| {
        u32::try_from(value).map_err(|_| Usage::new(format!("`{key} = {value}` is too large")))
    };
    let pixels = match settings.pixels {
        Some(StoredPixels::Rgb) => StoredPixels::Rgb,
        // Frames that are resized as RGB can only be kept as RGB.
        None if recipe.clip.resample == Resample::Rgb && recipe.clip.short_side > 0 => StoredPixels::Rgb,
        Some(StoredPixels::Planes) | None => StoredPixels::Planes,
    };
    let facts = FrameShardFacts {
        seed: recipe.run.seed,
        videos: dataset.videos(),
        clips_per_video: number("clip.clips_per_video", recipe.clip.clips_per_video)?,
        clips_per_shard: settings.clips_per_shard,
        frames: number("clip.frames", recipe.clip.frames)?,
        stride: number("clip.stride", recipe.clip.stride)?,
        short_side: number("clip.short_side", recipe.clip.short_side)?,
        pixels,
        source: dataset.digest(),
        made_by: MADE_BY.to_owned(),
    };
    let source = source(dataset, recipe)?;
    let clips_per_video = u64::from(facts.clips_per_video.max(1));
    let named = Arc::clone(&source);
    let shards = Shards {
        what: "clips",
        name: &|slot| named.name(slot / clips_per_video),
        maker: preprocess::clips(source, facts.clone()),
    };
    shards.make(settings, dataset, recipe, &facts, stop, observer)
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
        settings: &Preprocessing,
        dataset: &Dataset,
        recipe: &Recipe,
        facts: &F,
        stop: &AtomicBool,
        observer: &dyn Observer,
    ) -> Result<Preprocessed> {
        std::fs::create_dir_all(&settings.out)
            .with_context(|| format!("{} cannot be made", settings.out.display()))?;
        let list = settings.out.join("quarantine.jsonl");
        let loading = Loading::begin(Some(&list), dataset.videos(), recipe.run.max_failed_share)?;
        let making = Making {
            workers: settings.workers.max(1),
            // Opening and decoding have a limit each, which a thread keeps by itself unless it is stuck.
            patience: Duration::from_secs(3 * u64::from(recipe.run.seconds_per_clip)),
            name: self.name,
            maker: self.maker,
        };
        observer.on(Event::Stoppable);
        let start = Instant::now();
        observer.on(Event::Begin { total: facts.keys(), what: self.what });
        let progress = |done| observer.progress(done, "");
        let filled = fill(&settings.out, facts, &making, &loading.quarantine, stop, progress);
        observer.on(Event::End);
        let Filled { written, stopped, .. } = filled?;
        loading.note_failures(dataset.videos(), &list, observer);
        let nothing = loading.quarantine.failed() == dataset.videos();
        Ok(Preprocessed { what: self.what, written, stopped, nothing, took: start.elapsed() })
    }
}
