//! Which shards are asked for, and what came of it.

use std::{path::PathBuf, time::Duration};

use schemas::frame_shard::StoredPixels;

use crate::{error::Usage, machine, recipe_choice::RecipeChoice, slices::Share};

/// Clips of one shard: about 380 MB of 16 frames of 340×256 as planes.
pub const CLIPS_PER_SHARD: u32 = 256;

/// Frames of a closed group of a transcode: 16 takes a sixth more bytes, 64 decodes more pictures before a
/// clip's first.
pub const GROUP: u32 = 32;

/// Constant rate factor of a transcode where nothing is said.
pub const QUALITY: u32 = 20;

/// What is kept of videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Decoded frames of the drawn clips: fastest and largest.
    Frames,
    /// The videos' own packets with an index: no pixel is lost, and the size is that of the files.
    Packets,
    /// H.264 made for training: small frames, and a clip decodes about a third of its span.
    Transcode,
    /// The files as they are, in the form of Hugging Face's `datasets`.
    Videos,
}

/// Shards that are asked for.
#[derive(Clone, Debug)]
pub struct Preprocessing {
    /// Files, folders, globs, list files, or a manifest.
    pub videos: Vec<PathBuf>,
    /// The folder to write the shards to.
    pub out: PathBuf,
    /// What the shards store.
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
    /// Packets and videos: videos of one shard; by their files' sizes where nothing is said.
    pub videos_per_shard: Option<u32>,
    /// Transcode: constant rate factor of x264; lower is better and larger.
    pub quality: u32,
    /// Transcode: frames of a closed group.
    pub group: u32,
    /// Number of worker threads.
    pub workers: usize,
    /// Which shards are made: shard i belongs to slice i mod N.
    pub share: Share,
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
            share: Share::All,
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
    /// Whether there was no slice to be made or put together: all shards were there before.
    pub before: bool,
    /// How long it took.
    pub took: Duration,
}

impl Preprocessed {
    /// Nothing was to be made.
    pub(super) fn before(what: &'static str) -> Self {
        Self { what, written: 0, stopped: false, nothing: false, before: true, took: Duration::ZERO }
    }
}

/// Refuses shards where packets are to be made.
pub(super) fn already_shards() -> Usage {
    Usage::new("the input is already shards; packets can only be made from videos")
}
