//! A video as a shard keeps it: its index and where its packets are, in one row or in several segments.
//!
//! ```text
//! packets    I0 P3 b1 b2 │ I6 P9 b7 b8 │ I12 …        a row ends before a trusted start,
//! rows       segment 0   │ segment 1   │ segment 2    where it would else be larger than a segment may be
//! ```
//!
//! Nothing in here is decoded, and nothing of it is believed: rows may come from anywhere, so every list
//! and every number is checked before it is used as an index.

pub(crate) mod in_files;
mod read;
#[cfg(any(feature = "video", test))]
mod write;

#[cfg(feature = "video")]
pub(crate) use write::SEGMENT_BYTES;

use std::ops::Range;

use bytes::Bytes;
use schemas::packet_shard::{self, PacketShardFacts};

use super::{
    ShardError, VideoFlaw,
    columns::blob,
    reader::{Columns, Place, Shards},
};
use crate::{
    StreamTime,
    codec::Codec,
    picture::Orientation,
    plan::{PacketFact, order::IndexMode},
};

/// Videos whose packets were stored before.
pub type PacketShards = Shards<PacketShardFacts>;

/// What is kept of a video besides the bytes of its packets.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredVideo {
    /// Its place in the source.
    pub number: u64,
    /// Its file, as the dataset names it.
    pub video: String,
    /// The first half of the BLAKE3 digest of its file.
    pub digest: [u8; 16],
    /// Its class.
    pub label: Option<i32>,
    /// Name of the file's container.
    pub container: String,
    /// Codec of the packets.
    pub codec: Codec,
    /// Description of the stream for a decoder, as GStreamer writes caps, without `codec_data`.
    pub caps: String,
    /// The container's decoder configuration, or nothing.
    pub codec_data: Vec<u8>,
    /// Columns and rows of a picture before it is turned upright.
    pub size: (u32, u32),
    /// Coded columns and rows, where a header has them.
    pub coded: Option<(u32, u32)>,
    /// Where the visible window begins right of the first column: its distance from it, and its width.
    pub left: Option<(u32, u32)>,
    /// How pictures are turned upright.
    pub orientation: Orientation,
    /// Whether pictures are, or may be, interlaced.
    pub interlaced: bool,
    /// How frames are ranked.
    pub mode: IndexMode,
    /// Frames that come out of the decoder before frame 0, which an edit list hides.
    pub hidden: u32,
    /// Presentation time of each frame.
    pub times: Vec<StreamTime>,
    /// The packets, in decode order.
    pub packets: Vec<StoredPacket>,
    /// What it was transcoded from, and by what.
    pub made: Option<Made>,
}

/// What is kept of a packet besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPacket {
    /// How many bytes it has.
    pub bytes: u32,
    /// When the container says that its frame is shown.
    pub pts: Option<StreamTime>,
    /// What a plan needs to know.
    pub fact: PacketFact,
    /// An edit list hides its frame.
    pub hidden: bool,
    /// The container marks it as a key frame.
    pub key: bool,
}

/// How the packets of a transcode came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Rank in the source of each frame.
    pub source_frames: Vec<u32>,
    /// The encoder and all that it was told.
    pub encoder: String,
}

/// A video of a shard, and where its packets are.
#[derive(Clone, Debug)]
pub struct ShardVideo {
    /// What is kept of it.
    pub stored: StoredVideo,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
struct Segment {
    place: Place,
    packets: Range<usize>,
    bytes: u64,
}

impl PacketShards {
    /// A video's index, `None` where the video failed when the shards were written.
    ///
    /// # Errors
    /// When a shard cannot be read, or the rows of the video contradict themselves.
    pub fn video(&self, number: u64) -> Result<Option<ShardVideo>, ShardError> {
        let places = self.places(number);
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

/// Columns with a number for each packet or frame.
pub(super) const PACKET_LISTS: [&str; 5] = ["times", "sizes", "pts", "ranks", "flags"];

/// The modes by the words that shards have for them.
const MODES: [(IndexMode, &str); 3] =
    [(IndexMode::Times, "times"), (IndexMode::Reorder, "reorder"), (IndexMode::Linear, "linear")];

#[cfg(test)]
mod tests;
