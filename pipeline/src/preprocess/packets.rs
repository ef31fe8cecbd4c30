//! Rows of packet shards: each video's own packets, with the index that was found when it was opened.

use std::{ops::Range, sync::Arc};

use schemas::packet_shard::PacketShardFacts;

use super::{KeyMaker, KeyRows};
use crate::{
    VideoNumber,
    dataset::VideoList,
    error::VideoError,
    segment::Segment,
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
        // The file that was verified last: its parts follow each other in most lists.
        let mut verified = None;
        Box::new(move |key| {
            let ((videos, rows), number) = (&*shared, VideoNumber(key));
            let file = videos.file_of(number);
            let opened = open(&mut reader, videos, number, verified == Some(file))?;
            verified = opened.open.is_verified().then_some(file);
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
    /// The part of it that is meant.
    pub segment: Segment,
}

impl Opened {
    /// The frames that are meant.
    pub fn part(&self) -> Result<Range<usize>, SourceError> {
        let part = self.segment.ranks(&self.open.facts.times);
        part.map_err(|why| failed(&why.into(), Reach::Video))
    }
}

/// Opens video `number`, and takes the digest of its file. It is not decoded whole where it `is_verified`.
pub(super) fn open(
    reader: &mut VideoReader,
    videos: &VideoList,
    number: VideoNumber,
    is_verified: bool,
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
    if is_verified {
        open.trust();
    }
    if reader.verifies(&open) {
        reader.verify(&open).map_err(|why| failed(&why, Reach::Video))?;
    }
    let blake3 = open.blake3().map_err(|why| failed(&why, Reach::Video))?;
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3.as_bytes()[..16]);
    Ok(Opened { open, name: entry.name(), label: entry.label, digest, segment: entry.segment })
}

fn rows(opened: Opened, number: VideoNumber, facts: &PacketShardFacts) -> Result<Vec<Row>, SourceError> {
    let part = if facts.parts { Some(opened.part()?) } else { None };
    let Opened { open, name, label, digest, .. } = opened;
    let stored = open.to_stored(number, name, label, digest).map_err(|why| failed(&why, Reach::Video))?;
    let (stored, kept) = match part {
        Some(part) => stored.part(part),
        None => (stored, 0..0),
    };
    packet_rows(&open, stored, kept.start, facts).map_err(|why| failed(&why, Reach::Video))
}

/// The rows of a video, `stored` being what a shard keeps of it, from packet `first` on.
pub(super) fn packet_rows(
    open: &OpenVideo,
    stored: StoredVideo,
    first: usize,
    facts: &PacketShardFacts,
) -> Result<Vec<Row>, VideoError> {
    let bytes = open.packet_bytes()?;
    let container = open.facts.container;
    stored
        .into_rows(facts, SEGMENT_BYTES, |at| bytes.get(first + at)?.as_deref())
        .map_err(|reason| VideoError::ContainerDamaged { container, reason })
}
