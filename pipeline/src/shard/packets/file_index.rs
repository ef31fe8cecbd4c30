//! Videos whose packets stay in their own files: what a scan leaves beside its manifest, so that nobody takes a
//! file apart again to read a clip of it.

#[cfg(feature = "video")]
use std::sync::Arc;

use arrow_array::types::{Int64Type, UInt64Type};
#[cfg(feature = "video")]
use arrow_array::{ArrayRef, Int64Array, RecordBatch, UInt64Array};
use arrow_schema::SchemaRef;
use parquet::{
    basic::{Compression, Encoding},
    file::properties::WriterPropertiesBuilder,
    schema::types::ColumnPath,
};
use schemas::{
    file_index::{self, FileIndexFacts},
    packet_shard::PACKET_LISTS,
};

use super::read;
#[cfg(feature = "video")]
use crate::shard::{
    columns::{bare, list},
    writer::Row,
};
use crate::{
    VideoNumber,
    file::FileStamp,
    shard::{
        ShardError, VideoFlaw,
        kind::ShardFacts,
        reader::{Columns, Shards},
    },
    video::stored_video::IndexedVideo,
};

/// Where the packets of a manifest's videos are.
pub type FileIndex = Shards<FileIndexFacts>;

impl FileIndex {
    /// The index of a video; nothing where it has none.
    ///
    /// # Errors
    /// When the index cannot be read, or contradicts itself.
    pub fn video(&self, number: VideoNumber) -> Result<Option<IndexedVideo>, ShardError> {
        let Some(&place) = self.places(number.0).first() else { return Ok(None) };
        let wrong = |flaw| ShardError::WrongVideo { path: self.path(place).to_owned(), row: place.row, flaw };
        let row = self.row(place, Columns::All)?;
        let part = read::Part::of(&row, (0, 1), 0).map_err(wrong)?;
        let stored = part.begin(&row, number).map_err(wrong)?;
        read::check(&stored).map_err(wrong)?;
        let places = read::items::<UInt64Type>(&row, "places").map_err(wrong)?.values().to_vec();
        if places.len() != stored.packets.len() {
            return Err(wrong(VideoFlaw::Column { column: "places" }));
        }
        let stamp = FileStamp {
            bytes: read::number::<UInt64Type>(&row, "file_bytes").map_err(wrong)?,
            modified: read::number::<Int64Type>(&row, "file_modified").map_err(wrong)?,
        };
        Ok(Some(IndexedVideo { stored, places, stamp }))
    }

    /// All rows in their order, as they were written, for whoever puts indexes of slices together.
    #[cfg(feature = "video")]
    pub fn all_rows(&self) -> impl Iterator<Item = Result<Row, ShardError>> + '_ {
        self.shards().iter().flat_map(move |shard| -> Box<dyn Iterator<Item = _>> {
            match shard.builder().and_then(|builder| shard.batches(builder.with_batch_size(1))) {
                Err(why) => Box::new(std::iter::once(Err(why))),
                Ok(batches) => Box::new((0..).zip(batches).map(move |(row, batch)| {
                    let wrong = |flaw| ShardError::WrongVideo { path: shard.path().to_owned(), row, flaw };
                    let batch = batch.map_err(|cause| shard.damaged(cause))?;
                    let key = read::number::<UInt64Type>(&batch, FileIndexFacts::KEY).map_err(wrong)?;
                    let places = read::items::<UInt64Type>(&batch, "places").map_err(wrong)?.len();
                    let columns = batch.columns().to_vec();
                    let columns = RecordBatch::try_new(bare(&self.facts().schema()), columns)
                        .map_err(|cause| shard.damaged(cause.into()))?;
                    Ok(Row { key, bytes: places * BYTES_OF_A_PACKET, columns })
                })),
            }
        })
    }

    /// Whether a video has an index.
    pub fn holds(&self, number: VideoNumber) -> bool {
        !self.places(number.0).is_empty()
    }
}

#[cfg(feature = "video")]
impl IndexedVideo {
    /// Its row; nothing where its packets are more than can be numbered.
    pub(crate) fn into_row(self, facts: &FileIndexFacts) -> Option<Row> {
        let Self { stored, places, stamp } = self;
        i32::try_from(places.len()).ok()?;
        let bytes = places.len() * BYTES_OF_A_PACKET;
        let mut columns = stored.columns(0..places.len(), (0, 1));
        columns.extend([
            Arc::new(list(UInt64Array::from(places))) as ArrayRef,
            Arc::new(UInt64Array::from(vec![stamp.bytes])),
            Arc::new(Int64Array::from(vec![stamp.modified])),
        ]);
        let columns = RecordBatch::try_new(bare(&facts.schema()), columns)
            .expect("because the columns are those of the schema");
        Some(Row { key: stored.number.0, bytes, columns })
    }
}

/// Videos whose lists are in one page.
const VIDEOS_OF_A_PAGE: usize = 8;

/// Bytes that an index has for a packet, before they are packed.
#[cfg(feature = "video")]
const BYTES_OF_A_PACKET: usize = 33;

impl ShardFacts for FileIndexFacts {
    const VERSION: &'static str = file_index::VERSION;
    const FACTS_KEY: &'static str = file_index::FACTS_KEY;
    const KEY: &'static str = "video_number";
    const NAMES: &'static [&'static str] = &["index"];
    const MOST_ROWS: u32 = 1;
    const ROW_GROUP_BYTES: usize = 16 << 20;

    fn name(&self) -> &'static str {
        "index"
    }

    fn keys(&self) -> u64 {
        self.videos
    }

    fn keys_per_shard(&self) -> u32 {
        self.videos_per_shard
    }

    fn impossible(&self) -> Option<&'static str> {
        (self.videos_per_shard == 0).then_some("files of an index cannot be empty")
    }

    fn schema(&self) -> SchemaRef {
        file_index::schema(self)
    }

    fn blobs(&self) -> &'static str {
        "codec_data"
    }

    /// Pages of a few videos: whoever reads one unpacks the lists of these neighbours too, and keeps the places of all
    /// pages of a million videos in memory. Pages end at a megabyte all the same, as they do after long films.
    fn columns(&self, mut properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
        properties = properties.set_compression(Compression::LZ4_RAW);
        for column in PACKET_LISTS.iter().chain(&["places"]) {
            let items = ColumnPath::from(vec![(*column).to_owned(), "list".to_owned(), "item".to_owned()]);
            properties = properties
                .set_column_encoding(items.clone(), Encoding::DELTA_BINARY_PACKED)
                .set_column_data_page_row_count_limit(items, VIDEOS_OF_A_PAGE);
        }
        properties
    }
}
