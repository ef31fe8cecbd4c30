//! A file of vectors: opened and read, and how one is written.

use std::{fs::File, path::Path};

use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use pipeline::{names, parquet_table};
use schemas::{
    MADE_BY, WholeFile,
    embeddings::{Embedded, Embedding},
    regular_file,
};

use crate::error::{Context as _, Result};

/// Bytes of vectors of a row group.
const GROUP_BYTES: usize = 64 << 20;

/// What the vectors of a file are.
///
/// # Errors
/// When it is no file of embeddings.
pub fn facts_of(path: &Path) -> Result<Embedded> {
    facts_in(path, &reader(path)?)
}

/// How many rows a file has.
///
/// # Errors
/// When it is no Parquet file.
pub(super) fn rows_in(path: &Path) -> Result<u64> {
    Ok(reader(path)?.metadata().file_metadata().num_rows().try_into().unwrap_or(0))
}

/// The rows of a file, a few at a time.
///
/// # Errors
/// When it is no file of embeddings.
pub fn rows_of(path: &Path) -> Result<(Embedded, impl Iterator<Item = Result<Vec<Embedding>>>)> {
    let reader = reader(path)?;
    let embedded = facts_in(path, &reader)?;
    let shown = names::shown(path);
    let batches = parquet_table::batches(reader)?;
    let facts = embedded.clone();
    let rows = batches.map(move |batch| {
        let batch = batch.with_context(|| shown.clone())?;
        facts.rows(&batch).with_context(|| shown.clone())
    });
    Ok((embedded, rows))
}

fn facts_in(path: &Path, reader: &ParquetRecordBatchReaderBuilder<File>) -> Result<Embedded> {
    Embedded::of(reader.schema()).with_context(|| format!("{} contains no embeddings", names::shown(path)))
}

pub(super) fn reader(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = regular_file::open(path).with_context(|| format!("{} cannot be read", names::shown(path)))?;
    parquet_table::open(file)
        .with_context(|| format!("{} is not a Parquet file, or is damaged or truncated", names::shown(path)))
}

pub(super) fn writer(file: WholeFile, embedded: &Embedded) -> Result<ArrowWriter<WholeFile>> {
    let rows = GROUP_BYTES / (4 * embedded.length().max(1));
    let properties = WriterProperties::builder()
        .set_created_by(MADE_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        // Floats hardly repeat.
        .set_column_dictionary_enabled("vector.list.element".into(), false)
        .set_max_row_group_row_count(Some(rows.clamp(1, 1 << 16)))
        .build();
    Ok(ArrowWriter::try_new(file, embedded.schema(), Some(properties))?)
}
