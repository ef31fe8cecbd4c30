//! Packet shards: the videos' own packets, or those of a transcode.

use std::sync::atomic::AtomicBool;

use pipeline::{
    VideoNumber,
    dataset::Dataset,
    preprocess,
    shard::{ShardFacts, facts_in},
    video_entry::VideoEntry,
};
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
        videos_per_shard: videos_per_shard(settings, videos, |facts: PacketShardFacts| {
            facts.videos_per_shard
        })?,
        parts: videos.segments() > 0 && made.is_none(),
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
pub(super) fn videos_of(dataset: &Dataset) -> Result<&pipeline::dataset::VideoList> {
    match dataset {
        Dataset::Videos(videos) => Ok(videos),
        Dataset::FrameShards(_) | Dataset::PacketShards(_) | Dataset::Mixture(_) => {
            Err(already_shards().into())
        }
    }
}

/// Videos of a shard: as many as there are, or so many that shards have about [`SHARD_BYTES`].
pub(super) fn videos_per_shard<F: ShardFacts>(
    settings: &Preprocessing,
    videos: &pipeline::dataset::VideoList,
    those_of: impl Fn(F) -> u32,
) -> Result<u32> {
    if let Some(wanted) = settings.videos_per_shard {
        return Ok(wanted);
    }
    if let Some(facts) = facts_in::<F>(&settings.out)? {
        return Ok(those_of(facts));
    }
    // A file of which many parts are named counts once.
    let is_first = |(number, _): &(VideoNumber, _)| videos.file_of(*number) == *number;
    let numbered = (0..).map(VideoNumber).zip(videos.entries());
    let bytes: u64 = numbered.filter(is_first).map(|(_, entry)| VideoEntry::bytes(entry)).sum();
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

pub(super) fn name_of(videos: &pipeline::dataset::VideoList, number: VideoNumber) -> String {
    let entry = videos.entries().get(number.index());
    entry.map_or_else(String::new, VideoEntry::name)
}
