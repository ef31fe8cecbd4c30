//! Rows of packet shards: each video's own packets, with the index that was found when it was opened.

use std::sync::Arc;

use schemas::packet_shard::PacketShardFacts;

use super::{KeyMaker, KeyRows};
use crate::{
    VideoNumber,
    dataset::VideoList,
    error::VideoError,
    names,
    shard::{Row, SEGMENT_BYTES},
    source::{Reach, SourceError, sampled::failed},
    video::{Limits, OpenVideo, VideoReader, stored_video::StoredVideo},
};

/// Makes the rows of a dataset of packet shards from `videos`.
pub fn packets(
    videos: VideoList,
    facts: PacketShardFacts,
    limits: Limits,
) -> Arc<dyn Fn() -> KeyMaker + Send + Sync> {
    of_each_video(videos, limits, move |_, opened, number| rows(opened, number, &facts))
}

/// Opens each of `videos`, and makes its rows by `rows`.
pub(super) fn of_each_video(
    videos: VideoList,
    limits: Limits,
    rows: impl Fn(&mut VideoReader, Opened, VideoNumber) -> KeyRows + Send + Sync + 'static,
) -> Arc<dyn Fn() -> KeyMaker + Send + Sync> {
    let shared = Arc::new((videos, rows));
    Arc::new(move || {
        let shared = Arc::clone(&shared);
        let mut reader = VideoReader::new(limits);
        Box::new(move |key| {
            let ((videos, rows), number) = (&*shared, VideoNumber(key));
            let opened = open(&mut reader, videos, number)?;
            rows(&mut reader, opened, number)
        })
    })
}

/// A video, and what a shard says of where it comes from.
pub(super) struct Opened {
    pub open: OpenVideo,
    pub name: String,
    pub label: Option<i32>,
    pub digest: [u8; 16],
}

/// Opens video `number`, and takes the digest of its file.
pub(super) fn open(
    reader: &mut VideoReader,
    videos: &VideoList,
    number: VideoNumber,
) -> Result<Opened, SourceError> {
    let entry = videos.entries().get(number.index()).ok_or_else(|| SourceError::Broken {
        reason: format!("video {} of {} was asked for", number.0, videos.entries().len()),
    })?;
    if let Some(known) = videos.known_failure(number) {
        let (verdict, reason) = (known.verdict.clone(), known.reason.clone());
        return Err(SourceError::Failed { verdict, reason, reach: Reach::Video });
    }
    let open = reader.open(entry).map_err(|why| {
        let why = if videos.was_there(number) { why.of_one_that_was_there() } else { why };
        failed(&why, Reach::Video)
    })?;
    if reader.verifies(&open) {
        reader.verify(&open).map_err(|why| failed(&why, Reach::Video))?;
    }
    let digest = open.digest().map_err(|why| failed(&why, Reach::Video))?;
    Ok(Opened { open, name: names::name_of(&entry.path), label: entry.label, digest })
}

fn rows(opened: Opened, number: VideoNumber, facts: &PacketShardFacts) -> Result<Vec<Row>, SourceError> {
    let Opened { open, name, label, digest } = opened;
    let stored = open.to_stored(number, name, label, digest).map_err(|why| failed(&why, Reach::Video))?;
    packet_rows(&open, stored, facts).map_err(|why| failed(&why, Reach::Video))
}

/// The rows of a video, `stored` being what a shard keeps of it.
pub(super) fn packet_rows(
    open: &OpenVideo,
    stored: StoredVideo,
    facts: &PacketShardFacts,
) -> Result<Vec<Row>, VideoError> {
    let bytes = open.packet_bytes()?;
    let container = open.facts.container;
    stored
        .into_rows(facts, SEGMENT_BYTES, |at| bytes.get(at)?.as_deref())
        .map_err(|reason| VideoError::ContainerDamaged { container, reason })
}
