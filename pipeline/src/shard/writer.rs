//! Writes one shard: the rows of a range of keys, in order, whole or not at all.
//!
//! The Parquet settings make a random row as cheap as the next one (one blob a page, with an index of
//! pages) and keep readers from unpacking blobs into anything but bytes: no dictionary, no statistics
//! over them.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};

use super::{
    ShardError,
    blocks::{BLOCKS_KEY, Hashed},
    footer,
    kind::ShardFacts,
    layout,
};
use crate::store::{self, Output};

/// A row, ready to be written.
#[derive(Clone, Debug)]
pub struct Row {
    /// The slot of its clip, or the number of its video.
    pub key: u64,
    /// Bytes of its blob.
    pub bytes: usize,
    /// The columns of the kind's schema; one row.
    pub columns: RecordBatch,
}

/// A shard in the making; dropped before [`Self::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct ShardWriter {
    path: PathBuf,
    /// Keys that are still open; a row of the last key may be followed by more of it.
    keys: Range<u64>,
    last: Option<u64>,
    /// Whether a key may have more rows than one.
    several: bool,
    group_bytes: usize,
    writer: ArrowWriter<Hashed<Output>>,
    bytes: usize,
}

impl ShardWriter {
    /// Starts the shard of `keys` in `out`, which is made where it does not exist.
    ///
    /// # Errors
    /// When `keys` are not those of one shard, or the folder cannot be written.
    pub fn create<F: ShardFacts>(out: &Path, facts: &F, keys: Range<u64>) -> Result<Self, ShardError> {
        footer::possible(out, facts)?;
        let shard = keys.start / u64::from(facts.keys_per_shard());
        if keys.is_empty() || keys != layout::keys_of(facts, shard) {
            let reason = format!("{} to {} are not those of one shard", keys.start, keys.end);
            return Err(ShardError::WrongKey { key: keys.start, reason });
        }
        let path = out.join(layout::file_name(facts.name(), shard));
        let failed = |cause| ShardError::Io { action: "write", path: path.clone(), cause };
        store::make_folder(out).map_err(failed)?;
        let file = Hashed::new(Output::create(&path).map_err(failed)?);

        let described = facts.schema();
        let schema: SchemaRef = Schema::new(described.fields().clone()).into();
        let options = ArrowWriterOptions::new()
            .with_properties(properties(facts, &described))
            .with_skip_arrow_metadata(!F::HOLDS_ARROW_SCHEMA);
        let writer = ArrowWriter::try_new_with_options(file, schema, options)
            .map_err(|cause| not_written(&path, cause))?;
        Ok(Self {
            path,
            keys,
            last: None,
            several: F::MOST_ROWS > 1,
            group_bytes: F::ROW_GROUP_BYTES,
            writer,
            bytes: 0,
        })
    }

    /// Adds a row. Rows come by rising key; one that failed is left out.
    ///
    /// # Errors
    /// When the row does not fit into this place, or cannot be written.
    pub fn push(&mut self, row: Row) -> Result<(), ShardError> {
        let Row { key, bytes, columns } = row;
        if !self.keys.contains(&key) && !(self.several && self.last == Some(key)) {
            let reason = format!("{} to {} are open", self.keys.start, self.keys.end);
            return Err(ShardError::WrongKey { key, reason });
        }
        // By bytes of blobs, not by those compressed so far: where a group ends then depends on the
        // rows alone.
        self.bytes += bytes;
        self.writer.write(&columns).map_err(|cause| not_written(&self.path, cause))?;
        if self.bytes >= self.group_bytes {
            self.writer.flush().map_err(|cause| not_written(&self.path, cause))?;
            self.bytes = 0;
        }
        self.last = Some(key);
        self.keys.start = key + 1;
        Ok(())
    }

    /// Puts the shard in its place, also when it has no row: it is finished all the same.
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

fn properties<F: ShardFacts>(facts: &F, described: &Schema) -> WriterProperties {
    let blobs = ColumnPath::from(facts.blobs());
    // A hash map has no order; the file needs one.
    let mut metadata: Vec<KeyValue> =
        described.metadata().iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    metadata.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    facts
        .columns(WriterProperties::builder())
        .set_created_by(schemas::MADE_BY.to_owned())
        .set_key_value_metadata(Some(metadata))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(blobs.clone(), EnabledStatistics::None)
        .set_column_data_page_row_count_limit(blobs, 1)
        // The limit above is checked once a batch of this many rows.
        .set_write_batch_size(1)
        .build()
}

/// The Parquet writer wraps what the system says.
fn not_written(path: &Path, cause: ParquetError) -> ShardError {
    ShardError::Io { action: "write", path: path.to_owned(), cause: std::io::Error::other(cause) }
}
