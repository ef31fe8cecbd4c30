//! A manifest read row by row: all of it, or what a run needs of each video.
//!
//! A row has thousands of times, so a manifest of a million videos is read in columns and in batches, and nothing is
//! kept of it but what is asked for. Whatever is read, the digest of all bytes is checked first, and the file must have
//! all columns.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    vec,
};

use arrow_array::RecordBatch;
use parquet::{
    arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder},
    errors::ParquetError,
};

use super::{ListedRow, ManifestError, ManifestRow, columns};
use crate::{
    parquet_table::{self, Batches},
    shard::{self, CheckedFile, Failure, ShardError},
};

/// Rows that are read at once.
const ROWS_AT_ONCE: usize = 1024;

/// The rows of a manifest, one after the other.
pub struct ManifestReader<T> {
    file: ManifestFile,
    batches: Batches,
    to_rows: ToRows<T>,
    ready: vec::IntoIter<T>,
}

/// Rows of a batch, or the first column that does not fit.
type ToRows<T> = fn(&RecordBatch) -> Result<Vec<T>, &'static str>;

/// The columns of a [`ListedRow`].
const LISTED: [&str; 15] = [
    "path",
    "path_bytes",
    "bytes",
    "label",
    "verdict",
    "reason",
    "verified",
    "start",
    "stop",
    "start_seconds",
    "stop_seconds",
    "member_start",
    "member_bytes",
    "archive_bytes",
    "archive_modified",
];

/// The manifest at `path` with all that it says of each video.
///
/// # Errors
/// When it cannot be read, or is no manifest.
pub fn rows(path: &Path) -> Result<ManifestReader<ManifestRow>, ManifestError> {
    ManifestReader::open(path, None, columns::to_rows)
}

/// The manifest at `path` with what a run needs of each video.
///
/// # Errors
/// When it cannot be read, or is no manifest.
pub fn listed(path: &Path) -> Result<ManifestReader<ListedRow>, ManifestError> {
    ManifestReader::open(path, Some(&LISTED), columns::to_listed)
}

/// BLAKE3 digests of the videos that the manifest at `path` lists as decoded whole without complaint.
///
/// # Errors
/// When it cannot be read, or is no manifest, or keeps no digests: an earlier version wrote it.
pub fn verified_digests(path: &Path) -> Result<HashSet<blake3::Hash>, ManifestError> {
    let reader = ManifestReader::open(path, Some(&["verified", "blake3"]), columns::to_verified_digests)?;
    reader.collect()
}

/// Reads the manifest at `path` as a whole.
///
/// # Errors
/// When it cannot be read, or is no manifest.
pub fn read(path: &Path) -> Result<Vec<ManifestRow>, ManifestError> {
    rows(path)?.collect()
}

impl<T> ManifestReader<T> {
    fn open(path: &Path, wanted: Option<&[&str]>, to_rows: ToRows<T>) -> Result<Self, ManifestError> {
        let file = ManifestFile { path: path.to_owned(), failure: Failure::default() };
        let builder = file.open()?;
        // A file that lacks a column is none of ours, also where the column is not asked for.
        let column = columns::to_rows(&RecordBatch::new_empty(builder.schema().clone())).err();
        if let Some(column) = column {
            return Err(ManifestError::WrongColumn { path: file.path, column });
        }
        let columns = match wanted {
            None => ProjectionMask::all(),
            Some(wanted) => ProjectionMask::columns(builder.parquet_schema(), wanted.iter().copied()),
        };
        let builder = builder.with_projection(columns).with_batch_size(ROWS_AT_ONCE);
        let batches = parquet_table::batches(builder).map_err(|cause| file.damaged(cause))?;
        Ok(Self { file, batches, to_rows, ready: Vec::new().into_iter() })
    }
}

impl<T> Iterator for ManifestReader<T> {
    type Item = Result<T, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.ready.next() {
                return Some(Ok(row));
            }
            let rows = match self.batches.next()? {
                Err(cause) => Err(self.file.damaged(cause)),
                Ok(batch) => (self.to_rows)(&batch).map_err(|column| self.file.wrong(column)),
            };
            match rows {
                Ok(rows) => self.ready = rows.into_iter(),
                Err(why) => return Some(Err(why)),
            }
        }
    }
}

/// A manifest's file, and what the system failed at when it was read.
struct ManifestFile {
    path: PathBuf,
    failure: Failure,
}

impl ManifestFile {
    fn open(&self) -> Result<ParquetRecordBatchReaderBuilder<CheckedFile>, ManifestError> {
        // The digest is of the whole file, so blocks have none.
        let file =
            shard::open_file(&self.path, Default::default(), &self.failure).map_err(|why| match why {
                ShardError::Io { cause, .. } => self.not_read(cause),
                why => self.not_read(std::io::Error::other(why)),
            })?;
        parquet_table::open(file).map_err(|cause| self.damaged(cause))
    }

    /// The system's failure, or else damage.
    fn damaged(&self, cause: ParquetError) -> ManifestError {
        match self.failure.get() {
            Some(why) => self.not_read(
                why.raw_os_error().map_or_else(|| why.kind().into(), std::io::Error::from_raw_os_error),
            ),
            None => ManifestError::Damaged { path: self.path.clone(), cause },
        }
    }

    fn not_read(&self, cause: std::io::Error) -> ManifestError {
        ManifestError::Io { action: "read", path: self.path.clone(), cause }
    }

    fn wrong(&self, column: &'static str) -> ManifestError {
        ManifestError::WrongColumn { path: self.path.clone(), column }
    }
}
