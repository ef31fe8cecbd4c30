//! Opening a Parquet file whose rows are kept in memory: a manifest, embeddings, predictions, tables of labels.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use arrow_array::RecordBatch;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    errors::{ParquetError, Result},
    file::reader::{ChunkReader, Length as _},
};
use schemas::regular_file;

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

/// The rows of any program's table with those of its columns alone whose path (`video.path`) `is_wanted`.
///
/// # Errors
/// When it cannot be read, is no Parquet file, or asks for more memory than such columns ever take.
pub fn columns(file: &Path, is_wanted: impl Fn(&str) -> bool) -> io::Result<Vec<RecordBatch>> {
    let table = regular_file::open(file)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(table.try_clone()?).map_err(of_table)?;
    page_limits::check_places(reader.metadata(), table.len()).map_err(of_table)?;
    let columns = reader.parquet_schema().columns().iter().enumerate();
    let leaves: Vec<usize> =
        columns.filter(|(_, column)| is_wanted(&column.path().string())).map(|(leaf, _)| leaf).collect();
    for group in reader.metadata().row_groups() {
        for &leaf in &leaves {
            page_limits::check_chunk(&table, group.column(leaf)).map_err(of_table)?;
        }
    }
    let mask = ProjectionMask::leaves(reader.parquet_schema(), leaves);
    let batches = reader.with_projection(mask).build().map_err(of_table)?;
    let mut read = batches.map(|batch| batch.map_err(|why| of_table(why.into())));
    without_panic(|| read.by_ref().collect())?
}

/// What `read` gives, which reads pages: Parquet's reader panics at some that are damaged.
pub(crate) fn without_panic<T>(read: impl FnOnce() -> T) -> io::Result<T> {
    // What a panic leaves half done is not used any more.
    catch_unwind(AssertUnwindSafe(read))
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a page is damaged"))
}

/// What Parquet's reader says: the system's own words, where these are behind it.
pub(crate) fn of_table(why: ParquetError) -> io::Error {
    match why {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(of_system) => *of_system,
            Err(other) => io::Error::new(io::ErrorKind::InvalidData, other),
        },
        why => io::Error::new(io::ErrorKind::InvalidData, why),
    }
}
