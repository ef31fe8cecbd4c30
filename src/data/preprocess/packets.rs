//! Packet shards: the videos' own packets, or those of a transcode.

use std::sync::atomic::AtomicBool;

use pipeline::{VideoNumber, dataset::Dataset, preprocess, shard::facts_in, video_entry::VideoEntry};
use schemas::{
    MADE_BY,
    packet_shard::{PacketShardFacts, TranscodeFacts},
};
use trainer::Recipe;

use super::{
    settings::{Preprocessed, Preprocessing, already_shards},
    shards::Shards,
};
use crate::{
    data::{narrow::narrow, source::limits},
    error::{Result, Usage},
    observer::Observer,
};

/// Bytes of the files whose packets make a shard.
const SHARD_BYTES: u64 = 512 << 20;

/// Short side of a transcode where nothing is said.
const TRANSCODED_SIDE: u32 = 256;

/// Makes shards of the videos' own packets.
pub(super) fn make(
    settings: &Preprocessing,
    dataset: &Dataset,
    recipe: &Recipe,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Preprocessed> {
    make_of(settings, dataset, recipe, None, stop, observer)
}

/// Makes shards of the videos encoded again.
pub(super) fn make_transcode(
    settings: &Preprocessing,
    dataset: &Dataset,
    recipe: &Recipe,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Preprocessed> {
    let made = transcoding(settings, recipe)?;
    make_of(settings, dataset, recipe, Some(made), stop, observer)
}

/// Makes packet shards, or a transcode.
fn make_of(
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
        name: &|key| name_of(videos, VideoNumber(key)),
        maker: match facts.transcode {
            None => preprocess::packets(videos.clone(), facts.clone(), limits(recipe)),
            Some(_) => preprocess::transcode(videos.clone(), facts.clone(), limits(recipe)),
        },
    };
    shards.make(settings, dataset, recipe, &facts, stop, observer)
}

/// The videos that packets are taken from.
fn videos_of(dataset: &Dataset) -> Result<&pipeline::dataset::VideoList> {
    match dataset {
        Dataset::Videos(videos) if videos.segments() > 0 => Err(Usage::new(format!(
            "{} of the videos are parts of their files, and packets are stored for whole files",
            videos.segments()
        ))
        .hint("`--store frames` stores the frames of drawn clips, or give the files themselves")
        .into()),
        Dataset::Videos(videos) => Ok(videos),
        Dataset::FrameShards(_) | Dataset::PacketShards(_) => Err(already_shards().into()),
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
    let bytes: u64 = videos.entries().iter().map(VideoEntry::bytes).sum();
    let shards = bytes.div_ceil(SHARD_BYTES).max(1);
    let each = (videos.entries().len() as u64).div_ceil(shards).clamp(1, 4096);
    Ok(each as u32)
}

/// How a transcode shall be made.
fn transcoding(settings: &Preprocessing, recipe: &Recipe) -> Result<TranscodeFacts> {
    let stride = u32::try_from(recipe.clip.stride.clamp(1, 16)).expect("because it is at most 16");
    let mut made = TranscodeFacts {
        short_side: settings.short_side.map_or(TRANSCODED_SIDE, |side| narrow(side)) & !1,
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

fn name_of(videos: &pipeline::dataset::VideoList, number: VideoNumber) -> String {
    let entry = videos.entries().get(number.index());
    entry.map_or_else(String::new, VideoEntry::name)
}
