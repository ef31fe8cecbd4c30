//! What differs between kinds of shard: by what their rows are numbered, what they are called and made of.

use arrow_schema::SchemaRef;
use parquet::{
    basic::{Compression, Encoding},
    file::properties::{EnabledStatistics, WriterPropertiesBuilder},
    schema::types::ColumnPath,
};
use schemas::{
    frame_shard::{self, FrameShardFacts},
    packet_shard::{self, PACKET_LISTS, PacketShardFacts},
    video_shard::{self, VideoShardFacts},
};
use serde::{Serialize, de::DeserializeOwned};

/// Facts of a dataset of shards, and with them its kind. Rows have a *key*: the slot of a clip, or the
/// number of a video.
pub trait ShardFacts:
    Clone + std::fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Format version.
    const VERSION: &'static str;
    /// Metadata key of the facts.
    const FACTS_KEY: &'static str;
    /// The column of the keys.
    const KEY: &'static str;
    /// What files of this kind may be called before their number.
    const NAMES: &'static [&'static str];
    /// Rows that a key may have.
    const MOST_ROWS: u32;
    /// Bytes of blobs in a row group, about: what a reader that knows only row groups must read for a
    /// row, and what a writer holds in memory.
    const ROW_GROUP_BYTES: usize;
    /// Whether the Arrow schema lies in the file beside that of Parquet. Where it does, pyarrow looks nowhere else for the
    /// schema's metadata.
    const HOLDS_ARROW_SCHEMA: bool = true;

    /// What files with these facts are called before their number.
    fn name(&self) -> &'static str;

    /// Keys of the dataset, failed ones included; saturates where there are too many to count.
    fn keys(&self) -> u64;

    /// Keys of a shard.
    fn keys_per_shard(&self) -> u32;

    /// What is impossible about the facts.
    fn impossible(&self) -> Option<&'static str>;

    /// The schema, with the facts in its metadata.
    fn schema(&self) -> SchemaRef;

    /// The column of the blobs.
    fn blobs(&self) -> &'static str;

    /// How columns are written, besides what holds for every kind.
    fn columns(&self, properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder;
}

impl ShardFacts for FrameShardFacts {
    const VERSION: &'static str = frame_shard::VERSION;
    const FACTS_KEY: &'static str = frame_shard::FACTS_KEY;
    const KEY: &'static str = "slot";
    const NAMES: &'static [&'static str] = &["frames"];
    const MOST_ROWS: u32 = 1;
    const ROW_GROUP_BYTES: usize = 16 << 20;

    fn name(&self) -> &'static str {
        "frames"
    }

    fn keys(&self) -> u64 {
        self.slots()
    }

    fn keys_per_shard(&self) -> u32 {
        self.clips_per_shard
    }

    fn impossible(&self) -> Option<&'static str> {
        if self.clips_per_shard == 0 || self.clips_per_video == 0 || self.frames == 0 {
            return Some("shards, videos and clips cannot be empty");
        }
        let slots = self.videos.checked_mul(u64::from(self.clips_per_video));
        slots.is_none().then_some("there are more clips than numbers for them")
    }

    fn schema(&self) -> SchemaRef {
        frame_shard::schema(self)
    }

    fn blobs(&self) -> &'static str {
        self.pixels.column()
    }

    /// LZ4 saves about three bytes of ten for 0.9 ms a clip of 340×256.
    fn columns(&self, properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
        properties.set_compression(Compression::LZ4_RAW)
    }
}

impl ShardFacts for PacketShardFacts {
    const VERSION: &'static str = packet_shard::VERSION;
    const FACTS_KEY: &'static str = packet_shard::FACTS_KEY;
    const KEY: &'static str = "video_number";
    const NAMES: &'static [&'static str] = &["packets", "transcode"];
    const MOST_ROWS: u32 = u32::MAX;
    const ROW_GROUP_BYTES: usize = 64 << 20;

    fn name(&self) -> &'static str {
        if self.transcode.is_some() { "transcode" } else { "packets" }
    }

    fn keys(&self) -> u64 {
        self.videos
    }

    fn keys_per_shard(&self) -> u32 {
        self.videos_per_shard
    }

    fn impossible(&self) -> Option<&'static str> {
        if self.videos_per_shard == 0 {
            return Some("shards cannot be empty");
        }
        let transcode = self.transcode.as_ref();
        transcode
            .is_some_and(|made| made.stride == 0 || made.group == 0)
            .then_some("a transcode has a stride and a length of groups")
    }

    fn schema(&self) -> SchemaRef {
        packet_shard::schema(self)
    }

    fn blobs(&self) -> &'static str {
        packet_shard::PACKETS
    }

    /// Packets are compressed already; their sizes and times differ little from one to the next.
    fn columns(&self, mut properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
        properties = properties
            .set_compression(Compression::LZ4_RAW)
            .set_column_compression(ColumnPath::from(packet_shard::PACKETS), Compression::UNCOMPRESSED);
        for column in PACKET_LISTS.iter().chain(&["source_frames"]) {
            let items = ColumnPath::from(vec![(*column).to_owned(), "list".to_owned(), "item".to_owned()]);
            // A page a video, so that nobody unpacks the lists of its neighbours.
            properties = properties
                .set_column_encoding(items.clone(), Encoding::DELTA_BINARY_PACKED)
                .set_column_data_page_row_count_limit(items, 1);
        }
        properties
    }
}

impl ShardFacts for VideoShardFacts {
    const VERSION: &'static str = video_shard::VERSION;
    const FACTS_KEY: &'static str = video_shard::FACTS_KEY;
    const KEY: &'static str = "video_number";
    const NAMES: &'static [&'static str] = &["videos"];
    const MOST_ROWS: u32 = 1;
    const ROW_GROUP_BYTES: usize = 64 << 20;
    /// `datasets` asks pyarrow for the metadata.
    const HOLDS_ARROW_SCHEMA: bool = false;

    fn name(&self) -> &'static str {
        "videos"
    }

    fn keys(&self) -> u64 {
        self.videos
    }

    fn keys_per_shard(&self) -> u32 {
        self.videos_per_shard
    }

    fn impossible(&self) -> Option<&'static str> {
        (self.videos_per_shard == 0).then_some("shards cannot be empty")
    }

    fn schema(&self) -> SchemaRef {
        video_shard::schema(self)
    }

    fn blobs(&self) -> &'static str {
        video_shard::VIDEO
    }

    /// A page a film, uncompressed: whoever reads one finds its bytes in one piece.
    fn columns(&self, properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
        let bytes = ColumnPath::from(vec![video_shard::VIDEO.to_owned(), "bytes".to_owned()]);
        properties
            .set_compression(Compression::UNCOMPRESSED)
            .set_column_statistics_enabled(bytes.clone(), EnabledStatistics::None)
            .set_column_data_page_row_count_limit(bytes, 1)
    }
}
