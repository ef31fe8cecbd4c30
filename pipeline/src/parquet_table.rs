//! Opening a Parquet file whose rows are kept in memory: a manifest, embeddings, predictions, tables of labels.

use std::{io, path::Path};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    errors::{ParquetError, Result},
    file::reader::{ChunkReader, Length as _},
};
use schemas::regular_file;

use crate::{
    page_limits, parquet_digest,
    parquet_footer::{self, without_panic},
};

/// The batches of a reader: one at which it panics is damaged, and none comes after an error.
pub struct Batches(Option<ParquetRecordBatchReader>);

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
    let metadata = parquet_footer::load(&file)?;
    page_limits::check(&file, metadata.metadata())?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata))
}

/// The batches of a reader that was told what to read.
///
/// # Errors
/// When it is told what the file does not have.
pub fn batches<R: ChunkReader + 'static>(reader: ParquetRecordBatchReaderBuilder<R>) -> Result<Batches> {
    without_panic(|| reader.build()).map(Some).map(Batches)
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.0.take()?;
        match without_panic(|| Ok(reader.next().transpose()?)) {
            Ok(batch) => {
                self.0 = Some(reader);
                batch.map(Ok)
            }
            Err(why) => Some(Err(why)),
        }
    }
}

/// The schema of any program's table.
///
/// # Errors
/// When it is no Parquet file.
pub(crate) fn schema_of(file: &Path) -> io::Result<SchemaRef> {
    parquet_footer::load(&regular_file::open(file)?).map(|footer| footer.schema().clone()).map_err(of_table)
}

/// The rows of any program's table with those of its columns alone whose path (`video.path`) `is_wanted`.
///
/// # Errors
/// When it cannot be read, is no Parquet file, or asks for more memory than such columns ever take.
pub fn columns(file: &Path, is_wanted: impl Fn(&str) -> bool) -> io::Result<Vec<RecordBatch>> {
    let table = regular_file::open(file)?;
    let footer = parquet_footer::load(&table).map_err(of_table)?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(table.try_clone()?, footer);
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
    let batches = batches(reader.with_projection(mask)).map_err(of_table)?;
    batches.map(|batch| batch.map_err(of_table)).collect()
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

#[cfg(test)]
mod tests;
