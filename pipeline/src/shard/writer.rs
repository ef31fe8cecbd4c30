//! Writes one shard: the clips of a range of slots, in order, whole or not at all.
//!
//! The Parquet settings make a random clip as cheap as the next one (one clip a page of pixels, with
//! an index of pages) and keep readers from unpacking pixels into anything but bytes: no dictionary,
//! no statistics over them. LZ4 saves about three bytes of ten for 0.9 ms a clip of 340×256.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use arrow::datatypes::{Schema, SchemaRef};
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};
use schemas::frame_shard::{self, FrameShardFacts};

use super::{
    ShardError, StoredClip,
    blocks::{BLOCKS_KEY, Hashed},
    footer, layout,
};
use schemas::WholeFile;

/// Bytes of pixels in a row group, about: what a reader that knows only row groups must read for a
/// clip, and what a writer holds in memory.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// A shard in the making; dropped before [`Self::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct ShardWriter {
    path: PathBuf,
    facts: FrameShardFacts,
    slots: Range<u64>,
    schema: SchemaRef,
    writer: ArrowWriter<Hashed<WholeFile>>,
    pixels: usize,
}

impl ShardWriter {
    /// Starts the shard that begins with slot `slots.start`, a range given by
    /// [`unfinished`](super::unfinished); the folder `out` is made if it does not exist.
    ///
    /// # Errors
    /// When `slots` are not those of one shard, or nothing can be written there.
    pub fn create(out: &Path, facts: &FrameShardFacts, slots: Range<u64>) -> Result<Self, ShardError> {
        footer::possible(out, facts)?;
        let shard = slots.start / u64::from(facts.clips_per_shard);
        if layout::slots_of(facts, shard) != slots {
            let reason = format!("slots {} to {} are not those of one shard", slots.start, slots.end);
            return Err(ShardError::WrongClip { slot: slots.start, reason });
        }
        let path = out.join(layout::file_name(shard));
        let failed = |cause| ShardError::Io { action: "write", path: path.clone(), cause };
        fs::create_dir_all(out).map_err(failed)?;
        let file = Hashed::new(WholeFile::create(&path).map_err(failed)?);

        let described = frame_shard::schema(facts);
        let schema: SchemaRef = Schema::new(described.fields().clone()).into();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties(facts, &described)))
            .map_err(|cause| not_written(&path, cause))?;
        Ok(Self { path, facts: facts.clone(), slots, schema, writer, pixels: 0 })
    }

    /// Adds a clip. Clips come by rising slot; a slot whose video failed is left out.
    ///
    /// # Errors
    /// When the clip does not fit into this dataset or place, or cannot be written.
    pub fn push(&mut self, clip: StoredClip) -> Result<(), ShardError> {
        let slot = clip.slot;
        if !self.slots.contains(&slot) {
            let reason = format!("slots {} to {} are open", self.slots.start, self.slots.end);
            return Err(ShardError::WrongClip { slot, reason });
        }
        if let Some(reason) = clip.flaw(&self.facts) {
            return Err(ShardError::WrongClip { slot, reason });
        }
        // By bytes of pixels, not by those compressed so far: where a group ends then depends on the
        // clips alone.
        self.pixels += clip.pixels.len();
        self.writer
            .write(&clip.into_row(self.schema.clone()))
            .map_err(|cause| not_written(&self.path, cause))?;
        if self.pixels >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(|cause| not_written(&self.path, cause))?;
            self.pixels = 0;
        }
        self.slots.start = slot + 1;
        Ok(())
    }

    /// Puts the shard in its place, also when it has no clip: it is finished all the same.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), ShardError> {
        let failed = |cause| ShardError::Io { action: "write", path: self.path.clone(), cause };
        self.writer.flush().map_err(|cause| not_written(&self.path, cause))?;
        self.writer.sync().map_err(failed)?;
        let blocks =
            serde_json::to_string(&self.writer.inner().blocks()).expect("because numbers always make JSON");
        self.writer.append_key_value_metadata(KeyValue::new(BLOCKS_KEY.to_owned(), blocks));
        let file = self.writer.into_inner().map_err(|cause| not_written(&self.path, cause))?;
        file.into_inner().finish().map_err(failed)
    }
}

fn properties(facts: &FrameShardFacts, described: &Schema) -> WriterProperties {
    let pixels = ColumnPath::from("pixels");
    // A hash map has no order; the file needs one.
    let mut metadata: Vec<KeyValue> =
        described.metadata().iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    metadata.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    WriterProperties::builder()
        .set_created_by(facts.made_by.clone())
        .set_key_value_metadata(Some(metadata))
        .set_compression(Compression::LZ4_RAW)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(pixels.clone(), EnabledStatistics::None)
        .set_column_data_page_row_count_limit(pixels, 1)
        // The limit above is checked once a batch of this many rows.
        .set_write_batch_size(1)
        .build()
}

/// The Parquet writer wraps what the system says.
fn not_written(path: &Path, cause: ParquetError) -> ShardError {
    ShardError::Io { action: "write", path: path.to_owned(), cause: std::io::Error::other(cause) }
}
