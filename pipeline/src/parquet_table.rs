//! Opening a Parquet file whose rows are kept in memory: a manifest, embeddings, predictions, tables of labels.

use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    errors::Result,
    file::reader::ChunkReader,
};

use crate::{page_limits, parquet_digest};

/// A reader of a file whose digest, if it has one, is right, and whose pages take no more memory than such files do.
///
/// # Errors
/// When it is no Parquet file, is damaged, or asks for more than such a file ever has.
pub fn open<R: ChunkReader + 'static>(file: R) -> Result<ParquetRecordBatchReaderBuilder<R>> {
    parquet_digest::check(&file)?;
    open_foreign(file)
}

/// The same of any program's file, which is not asked for a digest.
///
/// # Errors
/// When it is no Parquet file, or asks for more than such a file ever has.
pub fn open_foreign<R: ChunkReader + 'static>(file: R) -> Result<ParquetRecordBatchReaderBuilder<R>> {
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    page_limits::check(&file, metadata.metadata())?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata))
}
