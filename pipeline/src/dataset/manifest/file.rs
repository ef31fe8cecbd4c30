//! A manifest written as a Parquet file, whole or not at all.

use std::{
    io,
    path::{Path, PathBuf},
};

use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::{metadata::KeyValue, properties::WriterProperties},
};
use schemas::{MADE_BY, manifest::VERSION};

use super::{ManifestError, ManifestRow, columns};
use crate::{parquet_digest, store::Output};

/// Rows that are written at once; a row has thousands of times.
const ROWS_AT_ONCE: usize = 1024;

/// Writes a manifest row by row; dropped before it is finished, nothing of it stays.
#[derive(Debug)]
pub struct ManifestWriter {
    path: PathBuf,
    writer: ArrowWriter<Output>,
    /// Rows that are not yet enough to be written.
    waiting: Vec<ManifestRow>,
}

impl ManifestWriter {
    /// Begins a manifest at `path`; its folder must exist.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path) -> Result<Self, ManifestError> {
        let properties = WriterProperties::builder()
            .set_created_by(MADE_BY.to_owned())
            .set_key_value_metadata(Some(vec![
                KeyValue::new("tubelet.format".to_owned(), VERSION.to_owned()),
                KeyValue::new("tubelet.made_by".to_owned(), MADE_BY.to_owned()),
                parquet_digest::entry(),
            ]))
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let file = Output::create(path).map_err(|cause| not_written(path, cause))?;
        let writer = ArrowWriter::try_new(file, columns::schema(), Some(properties));
        let writer = writer.map_err(|cause| not_written(path, io::Error::other(cause)))?;
        Ok(Self { path: path.to_owned(), writer, waiting: Vec::new() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(&mut self, row: ManifestRow) -> Result<(), ManifestError> {
        self.waiting.push(row);
        if self.waiting.len() < ROWS_AT_ONCE {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.waiting);
        self.put(&rows)
    }

    fn put(&mut self, rows: &[ManifestRow]) -> Result<(), ManifestError> {
        let written = self.writer.write(&columns::of_rows(rows));
        written.map_err(|cause| not_written(&self.path, io::Error::other(cause)))
    }

    /// Puts the manifest in its place.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<(), ManifestError> {
        let rows = std::mem::take(&mut self.waiting);
        if !rows.is_empty() {
            self.put(&rows)?;
        }
        let Self { path, writer, .. } = self;
        let file = writer.into_inner().map_err(|cause| not_written(&path, io::Error::other(cause)))?;
        parquet_digest::finish(file).map_err(|cause| not_written(&path, cause))
    }
}

/// Writes a manifest to `path`, whole or not at all; its folder must exist.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, rows: &[ManifestRow]) -> Result<(), ManifestError> {
    let mut writer = ManifestWriter::create(path)?;
    for rows in rows.chunks(ROWS_AT_ONCE) {
        writer.put(rows)?;
    }
    writer.finish()
}

fn not_written(path: &Path, cause: io::Error) -> ManifestError {
    ManifestError::Io { action: "write", path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::dataset::manifest::read;

    fn rows() -> Vec<ManifestRow> {
        let good = ManifestRow {
            path: "films/a.mp4".to_owned(),
            path_bytes: None,
            bytes: 1 << 40,
            label: Some(-1),
            verdict: "good".to_owned(),
            reason: None,
            kind: Some("good".to_owned()),
            container: Some("mp4".to_owned()),
            codec: Some("h264".to_owned()),
            width: Some(340),
            height: Some(256),
            pixel_aspect_width: Some(4),
            pixel_aspect_height: Some(3),
            rotation: Some(270),
            frames: Some(3),
            packets: Some(4),
            times: Some(vec![0, 33_366_667, 66_733_333]),
            key_frames: Some(vec![0, 2]),
            duration_ns: Some(100_100_000),
            variable_rate: Some(false),
            frames_per_second: Some(29.97),
            has_b_frames: Some(true),
            verified: Some(true),
            numbers: Some("decoded".to_owned()),
            start: None,
            stop: None,
            start_seconds: Some(0.1),
            stop_seconds: Some(0.3),
            member_start: Some(512),
            member_bytes: Some(1234),
            archive_bytes: Some(10_240),
            archive_modified: Some(5),
            blake3: Some("0f".repeat(32)),
        };
        let mut bad = ManifestRow::unopened(r"films/\xFF.mp4", None);
        bad.path_bytes = Some(b"films/\xff.mp4".to_vec());
        bad.verdict = "truncated".to_owned();
        bad.reason = Some("the file is cut: 3 of 9 packets".to_owned());
        vec![good, bad]
    }

    #[test]
    fn rows_survive_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.parquet");
        let rows: Vec<_> = rows().into_iter().cycle().take(2 * ROWS_AT_ONCE + 1).collect();
        write(&path, &rows).unwrap();
        assert!(read(&path).unwrap() == rows);
    }

    #[test]
    fn a_manifest_without_videos_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.parquet");
        write(&path, &[]).unwrap();
        assert_eq!(read(&path).unwrap(), []);
    }

    #[test]
    fn a_manifest_cut_short_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.parquet");
        write(&path, &rows()).unwrap();
        let bytes = fs::read(&path).unwrap();
        for length in [0, 4, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            let error = read(&path).unwrap_err();
            assert!(
                matches!(&error, ManifestError::Damaged { path: named, .. } if *named == path),
                "{error}"
            );
        }
    }
}
