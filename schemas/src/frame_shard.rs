//! Frame shards: Parquet files with the decoded frames of clips, one row a clip.
//!
//! With [`StoredPixels::Planes`] a row keeps planes as a decoder gives them, each distinct frame once, in
//! rising rank: `planes` is one picture after the other, each Y, Cb, Cr, upright, tight. With [`StoredPixels::Rgb`] it keeps every frame of the clip: `pixels` is
//! `frames × height × width × 3` bytes, time-major, upright, tight: in Python
//! `numpy.frombuffer(row["pixels"], "uint8").reshape(16, height, width, 3)`.

use std::{collections::HashMap, sync::Arc};

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::clip_batch::item_field;

/// Format version of a frame shard.
pub const VERSION: &str = "tubelet-frames/2";

/// Metadata key of the format version.
pub const VERSION_KEY: &str = "tubelet.format";
/// Metadata key of the dataset's facts ([`FrameShardFacts`], as JSON).
pub const FACTS_KEY: &str = "tubelet.frames";

/// What a frame shard keeps of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoredPixels {
    /// The decoder's planes, upright: half the bytes of RGB, and nothing is rounded.
    #[default]
    Planes,
    /// Upright RGB.
    Rgb,
}

impl StoredPixels {
    /// The column that holds them.
    pub fn column(self) -> &'static str {
        match self {
            Self::Planes => "planes",
            Self::Rgb => "pixels",
        }
    }
}

/// What is the same for all shards of a dataset. It decides which clips the rows are, so a reader can
/// draw the same schedule over the rows as over the files they came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameShardFacts {
    /// Seed that the start frames were drawn from.
    pub seed: u64,
    /// Videos of the source, failed ones included.
    pub videos: u64,
    /// Number of clips drawn from each video.
    pub clips_per_video: u32,
    /// Slots of a shard; the last one may have fewer.
    pub clips_per_shard: u32,
    /// Frames of a clip.
    pub frames: u32,
    /// Frames from one to the next.
    pub stride: u32,
    /// Short side in pixels that frames were resized to, 0 for their own size.
    pub short_side: u32,
    /// What is kept of a frame.
    pub pixels: StoredPixels,
    /// Digest of the list of source videos, hexadecimal.
    pub source: String,
    /// What wrote it.
    pub made_by: String,
}

impl FrameShardFacts {
    /// Slots of the dataset, failed videos' ones included; saturates where the product is no number.
    pub fn slots(&self) -> u64 {
        self.videos.saturating_mul(u64::from(self.clips_per_video))
    }
}

/// The schema of a frame shard with these facts.
///
/// `slot` is `video number × clips_per_video + k`: the place of the clip in the source, which the
/// schedule of an epoch permutes. `format` is GStreamer's name of the planes' layout, `matrix` and `range`
/// are how they become RGB.
pub fn schema(facts: &FrameShardFacts) -> SchemaRef {
    let list = |name: &str, item| Field::new(name, DataType::List(item_field(item)), false);
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let mut fields = vec![
        Field::new("slot", DataType::UInt64, false),
        text("video"),
        Field::new("label", DataType::Int32, true),
        Field::new("width", DataType::UInt16, false),
        Field::new("height", DataType::UInt16, false),
        list("frames", DataType::UInt32),
        list("times", DataType::Int64),
    ];
    if facts.pixels == StoredPixels::Planes {
        fields.extend([text("format"), text("matrix"), text("range")]);
    }
    fields.push(Field::new(facts.pixels.column(), DataType::LargeBinary, false));
    let facts = serde_json::to_string(facts).expect("because numbers and strings always make JSON");
    let metadata =
        HashMap::from([(VERSION_KEY.to_owned(), VERSION.to_owned()), (FACTS_KEY.to_owned(), facts)]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}
