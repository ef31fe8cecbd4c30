//! A video as a shard keeps it: its index and where its packets are, in one row or in several segments.
//!
//! ```text
//! packets    I0 P3 b1 b2 │ I6 P9 b7 b8 │ I12 …        a row ends before a trusted start,
//! rows       segment 0   │ segment 1   │ segment 2    where it would else be larger than a segment may be
//! ```
//!
//! Nothing in here is decoded, and nothing of it is believed: rows may come from anywhere, so every list
//! and every number is checked before it is used as an index.

pub(crate) mod file_index;
mod read;
#[cfg(any(feature = "video", test))]
pub(crate) mod write;

use std::ops::Range;

use bytes::Bytes;
use schemas::packet_shard::{self, PacketShardFacts};

use super::{
    ShardError, VideoFlaw,
    columns::blob,
    reader::{Columns, RowLocation, Shards},
};
use crate::{VideoNumber, video::stored_video::StoredVideo};

/// Videos whose packets were stored before.
pub type PacketShards = Shards<PacketShardFacts>;

/// A video of a shard, and where its packets are.
#[derive(Clone, Debug)]
pub struct ShardVideo {
    /// What is kept of it.
    pub stored: StoredVideo,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
struct Segment {
    place: RowLocation,
    packets: Range<usize>,
    bytes: u64,
}

impl PacketShards {
    /// A video's index, `None` where the video failed when the shards were written.
    ///
    /// # Errors
    /// When a shard cannot be read, or the rows of the video contradict themselves.
    pub fn video(&self, number: VideoNumber) -> Result<Option<ShardVideo>, ShardError> {
        let places = self.places(number.0);
        let (mut found, mut segments): (Option<StoredVideo>, Vec<Segment>) = (None, Vec::new());
        for (&place, segment) in places.iter().zip(0..) {
            let wrong =
                |flaw| ShardError::WrongVideo { path: self.path(place).to_owned(), row: place.row, flaw };
            let row = self.row(place, Columns::AllBut(packet_shard::PACKETS))?;
            let first = found.as_ref().map_or(0, |video| video.packets.len());
            let part = read::Part::of(&row, (segment, places.len() as u32), first).map_err(wrong)?;
            let packets = first..first + part.packets.len();
            segments.push(Segment { place, packets, bytes: part.bytes });
            match &mut found {
                None => found = Some(part.begin(&row, number).map_err(wrong)?),
                Some(video) => video.packets.extend(part.packets),
            }
        }
        let (Some(stored), Some(&place)) = (found, places.first()) else { return Ok(None) };
        read::check(&stored).map_err(|flaw| ShardError::WrongVideo {
            path: self.path(place).to_owned(),
            row: place.row,
            flaw,
        })?;
        Ok(Some(ShardVideo { stored, segments }))
    }

    /// The bytes of segment `segment` of a video, and which packets they are.
    ///
    /// # Errors
    /// When the shard cannot be read, or holds other bytes than the index says.
    pub fn packets(
        &self,
        video: &ShardVideo,
        segment: usize,
    ) -> Result<Option<(Range<usize>, Bytes)>, ShardError> {
        let Some(Segment { place, packets, bytes }) = video.segments.get(segment) else { return Ok(None) };
        let row = self.row(*place, Columns::Only(packet_shard::PACKETS))?;
        let wrong =
            |flaw| ShardError::WrongVideo { path: self.path(*place).to_owned(), row: place.row, flaw };
        let column = || wrong(VideoFlaw::Column { column: packet_shard::PACKETS });
        let found = blob(row, packet_shard::PACKETS).ok_or_else(column)?;
        if found.len() as u64 != *bytes {
            return Err(wrong(VideoFlaw::Bytes { sizes: *bytes, bytes: found.len() as u64 }));
        }
        Ok(Some((packets.clone(), Bytes::from(found))))
    }
}

impl ShardVideo {
    /// The segments that hold `packets`, which rise.
    pub fn segments_of(&self, packets: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut wanted: Vec<usize> = packets
            .map(|packet| self.segments.partition_point(|segment| segment.packets.end <= packet))
            .filter(|&segment| segment < self.segments.len())
            .collect();
        wanted.dedup();
        wanted
    }

    /// Segments of the video.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }
}

#[cfg(test)]
mod tests;
