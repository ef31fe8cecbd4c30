//! Packet shards: Parquet files with the compressed packets of videos, one row a video or a segment of one.
//!
//! `packets` holds a row's packets one after the other, in decode order; `sizes`, `pts`, `ranks` and
//! `flags` say of each packet how many bytes it has, when its frame is shown (ns), which frame that is
//! (counted in presentation order; below 0: decoded, but hidden by an edit list; none: it shows nothing, or
//! frames are only known by counting), and the bits of [`flags`]. `caps` is the stream's description as
//! GStreamer writes it and `codec_data` the decoder configuration of the container (for FFmpeg: extradata).
//!
//! A transcode has the same rows of packets that were made for training: small, of one codec, and with a
//! structure that lets a strided clip leave out most of them. `source_frames` then gives the rank that each
//! frame has in the source.

use std::{collections::HashMap, sync::Arc};

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::{clip_batch::item_field, frame_shard::VERSION_KEY};

/// Format version of a packet shard.
pub const VERSION: &str = "tubelet-packets/1";

/// Metadata key of the dataset's facts ([`PacketShardFacts`], as JSON).
pub const FACTS_KEY: &str = "tubelet.packets";

/// The column with the packets' bytes.
pub const PACKETS: &str = "packets";

/// Columns with a number for each packet or frame.
pub const PACKET_LISTS: [&str; 5] = ["times", "sizes", "pts", "ranks", "flags"];

/// Columns of shards of parts of videos.
pub const PART: [&str; 3] = ["first_frame", "start", "stop"];

/// What the bits of a packet's flags mean.
pub mod flags {
    /// Decoding may begin with this packet.
    pub const START: u8 = 1;
    /// No other packet needs this one.
    pub const DISPOSABLE: u8 = 2;
    /// At a start: packets that follow it and are shown before it may need the group before.
    pub const OPEN: u8 = 4;
    /// An edit list hides its frame.
    pub const HIDDEN: u8 = 8;
    /// The container marks it as a key frame.
    pub const KEY: u8 = 16;
}

/// What is the same for all shards of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketShardFacts {
    /// Videos of the source, failed ones included.
    pub videos: u64,
    /// Videos of a shard; the last one may have fewer.
    pub videos_per_shard: u32,
    /// How the packets were made; nothing where they are the source's own.
    pub transcode: Option<TranscodeFacts>,
    /// Whether the videos are parts of their files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parts: bool,
    /// Digest of the list of source videos, hexadecimal.
    pub source: String,
    /// What wrote it.
    pub made_by: String,
}

/// How the packets of a transcode were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscodeFacts {
    /// Short side in pixels that larger frames were resized to, 0 for their own size.
    pub short_side: u32,
    /// Frames from one that others refer to, to the next: the stride that clips will have.
    pub stride: u32,
    /// Frames of a closed group.
    pub group: u32,
    /// Constant rate factor of x264: lower is better and larger.
    pub quality: u32,
    /// The encoder and all that it was told.
    pub encoder: String,
}

/// The schema of a packet shard with these facts.
///
/// `video_number` is the video's place in the source. A video has `segments` rows, `segment` counts them;
/// `first_packet` is the number of a row's first packet within the video. `times` (the presentation time of
/// every frame of the video, in ns) and `source_frames` stand in a video's first row only.
///
/// Where videos are parts of their files, the groups of packets that hold a part are stored. `first_frame` is the rank
/// in the source of the first frame of these; the part is their frames `start` to `stop` − 1.
pub fn schema(facts: &PacketShardFacts) -> SchemaRef {
    let mut fields = video_fields();
    if facts.transcode.is_some() {
        fields.push(Field::new("source_frames", DataType::List(item_field(DataType::UInt32)), false));
        fields.push(Field::new("encoder", DataType::Utf8, false));
    }
    if facts.parts {
        fields.extend(PART.map(|name| Field::new(name, DataType::UInt32, false)));
    }
    fields.push(Field::new(PACKETS, DataType::LargeBinary, false));
    let facts = serde_json::to_string(facts).expect("because numbers and strings always make JSON");
    let metadata =
        HashMap::from([(VERSION_KEY.to_owned(), VERSION.to_owned()), (FACTS_KEY.to_owned(), facts)]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

/// What is said of a video and its packets, wherever their bytes are.
pub(crate) fn video_fields() -> Vec<Field> {
    let field = |name: &str, of| Field::new(name, of, false);
    let list = |name: &str, item| Field::new(name, DataType::List(item_field(item)), false);
    let partial =
        |name: &str, item| Field::new(name, DataType::List(Arc::new(Field::new("item", item, true))), false);
    vec![
        field("video_number", DataType::UInt64),
        field("segment", DataType::UInt32),
        field("segments", DataType::UInt32),
        field("bytes", DataType::UInt64),
        field("video", DataType::Utf8),
        field("video_digest", DataType::FixedSizeBinary(16)),
        Field::new("label", DataType::Int32, true),
        field("container", DataType::Utf8),
        field("codec", DataType::Utf8),
        field("caps", DataType::Utf8),
        field("codec_data", DataType::Binary),
        field("width", DataType::UInt32),
        field("height", DataType::UInt32),
        Field::new("coded_width", DataType::UInt32, true),
        Field::new("coded_height", DataType::UInt32, true),
        Field::new("crop_left", DataType::UInt32, true),
        Field::new("crop_width", DataType::UInt32, true),
        field("rotation", DataType::UInt16),
        field("mirrored", DataType::Boolean),
        field("interlaced", DataType::Boolean),
        field("mode", DataType::Utf8),
        field("frames", DataType::UInt32),
        field("hidden", DataType::UInt32),
        field("first_packet", DataType::UInt32),
        list("times", DataType::Int64),
        list("sizes", DataType::UInt32),
        partial("pts", DataType::Int64),
        partial("ranks", DataType::Int32),
        list("flags", DataType::UInt8),
    ]
}
