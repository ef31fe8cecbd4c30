//! Opening a Parquet file whose rows are kept in memory: a manifest, embeddings, predictions.

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
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    page_limits::check(&file, metadata.metadata())?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata))
}
