//! A manifest as a Parquet file: written whole or not at all, read with all its columns or not at all.

use std::path::Path;

use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties},
};
use schemas::{MADE_BY, WholeFile, manifest::VERSION, regular_file};

use super::{ManifestError, ManifestRow, columns};
use crate::{parquet_digest, parquet_table, system};

/// Rows that are written and read at once; a row has thousands of times.
const ROWS_AT_ONCE: usize = 1024;

/// Writes a manifest to `path`, whole or not at all; its folder must exist.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, rows: &[ManifestRow]) -> Result<(), ManifestError> {
    let io = |cause| ManifestError::Io { action: "write", path: path.to_owned(), cause };
    let parquet = |cause: ParquetError| io(std::io::Error::other(cause));
    let properties = WriterProperties::builder()
        .set_created_by(MADE_BY.to_owned())
        .set_key_value_metadata(Some(vec![
            KeyValue::new("tubelet.format".to_owned(), VERSION.to_owned()),
            KeyValue::new("tubelet.made_by".to_owned(), MADE_BY.to_owned()),
            parquet_digest::entry(),
        ]))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let file = WholeFile::create(path).map_err(io)?;
    let mut writer = ArrowWriter::try_new(file, columns::schema(), Some(properties)).map_err(parquet)?;
    for rows in rows.chunks(ROWS_AT_ONCE) {
        writer.write(&columns::of_rows(rows)).map_err(parquet)?;
    }
    parquet_digest::finish(writer.into_inner().map_err(parquet)?).map_err(io)
}

/// Reads the manifest at `path`.
///
/// # Errors
/// When it cannot be read, or is no manifest.
pub fn read(path: &Path) -> Result<Vec<ManifestRow>, ManifestError> {
    let damaged = |cause| ManifestError::Damaged { path: path.to_owned(), cause };
    // Read whole: what the system fails at is then told from what is wrong with the file.
    let file = system::persistently(|| regular_file::read(path)).map_err(|cause| ManifestError::Io {
        action: "read",
        path: path.to_owned(),
        cause,
    })?;
    let file = bytes::Bytes::from(file);
    let reader = parquet_table::open(file)
        .and_then(|builder| builder.with_batch_size(ROWS_AT_ONCE).build())
        .map_err(damaged)?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|cause| damaged(cause.into()))?;
        let read = columns::to_rows(&batch)
            .map_err(|column| ManifestError::WrongColumn { path: path.to_owned(), column })?;
        rows.extend(read);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
