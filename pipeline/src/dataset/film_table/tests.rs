//! Tables as `datasets` writes them, and as it wrote them before: the same films either way.

use std::{collections::HashMap, fs::File, path::PathBuf, sync::Arc};

use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding},
    file::properties::{WriterProperties, WriterVersion},
};

use super::*;
use crate::file::{FileBytes, Place, cell_name};

/// Films of a table: some, one that is a file beside it, and none at all.
const FILMS: [Option<&[u8]>; 5] = [Some(b"first film"), None, Some(b""), None, Some(b"the last")];

/// Writes a table of [`FILMS`], with so many in a group of rows.
fn table(folder: &Path, properties: WriterProperties) -> PathBuf {
    let path = folder.join("train-00000-of-00001.parquet");
    let fields: Fields =
        vec![Field::new("bytes", DataType::Binary, true), Field::new("path", DataType::Utf8, true)].into();
    let bytes: ArrayRef = Arc::new(BinaryArray::from_iter(FILMS));
    let paths: ArrayRef =
        Arc::new(StringArray::from(vec![Some("a.mp4"), Some("beside/b.mp4"), None, None, Some("e.mp4")]));
    let there = NullBuffer::from(vec![true, true, true, false, true]);
    let films = StructArray::new(fields.clone(), vec![bytes, paths], Some(there));
    let about = r#"{"info": {"features": {"video": {"_type": "Video"},
                   "label": {"names": ["run", "walk"], "_type": "ClassLabel"}}}}"#;
    let about = HashMap::from([("huggingface".to_owned(), about.to_owned())]);
    let fields = vec![
        Field::new("caption", DataType::Utf8, true),
        Field::new("video", DataType::Struct(fields), true),
        Field::new("label", DataType::Int64, true),
    ];
    let schema = Arc::new(Schema::new_with_metadata(fields, about));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["one", "two", "three", "four", "five"])),
        Arc::new(films),
        Arc::new(Int64Array::from(vec![Some(0), Some(1), Some(-1), None, Some(1)])),
    ];
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn plain() -> parquet::file::properties::WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_max_row_group_row_count(Some(3))
}

fn film(table: &Path, row: u64, extent: Option<&crate::file::Extent>) -> io::Result<Vec<u8>> {
    let path = table.join(cell_name("video", row));
    let bytes = FileBytes::open(Place { path: &path, extent }, 4)?;
    let all = bytes.slice(0..bytes.length()).as_ref().to_vec();
    Ok(all)
}

#[test]
fn films_are_ranges_of_the_table_where_they_are_written_as_they_are() {
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path(), plain().set_writer_version(version).build());
        assert!(has_films(&table));
        let films = read(&table).unwrap();
        assert_eq!(films.len(), FILMS.len());
        for (film, written) in films.iter().zip(FILMS) {
            assert_eq!(film.column, "video");
            let Some(written) = written else {
                assert_eq!(film.part, None);
                continue;
            };
            let extent = film.part.unwrap().extent().unwrap();
            assert_eq!(extent.bytes, written.len() as u64);
            for extent in [None, Some(&extent)] {
                assert_eq!(self::film(&table, film.row, extent).unwrap(), written);
            }
        }
        let paths: Vec<_> = films.iter().map(|film| film.path.as_deref()).collect();
        assert_eq!(paths, [None, Some("beside/b.mp4"), None, None, None]);
        let classes: Vec<_> = films.iter().map(|film| (film.class.as_deref(), film.label)).collect();
        let walk = (Some("walk"), Some(1));
        assert_eq!(classes, [(Some("run"), Some(0)), walk, (None, None), (None, None), walk]);
    }
}

#[test]
fn films_in_compressed_or_encoded_pages_are_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    for properties in [
        plain().set_compression(Compression::SNAPPY).build(),
        WriterProperties::builder().set_dictionary_enabled(true).build(),
    ] {
        let table = table(folder.path(), properties);
        let films = read(&table).unwrap();
        assert!(films.iter().all(|film| matches!(film.part, Some(Part::Packed { .. }))), "{films:?}");
        for (row, written) in FILMS.into_iter().enumerate() {
            match written {
                Some(written) => assert_eq!(film(&table, row as u64, None).unwrap(), written),
                None => {
                    let why = film(&table, row as u64, None).unwrap_err();
                    assert_eq!(
                        (why.kind(), why.to_string().as_str()),
                        (io::ErrorKind::NotFound, "its cell has no film")
                    );
                }
            }
        }
    }
}

#[test]
fn rows_and_columns_that_are_not_there_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), plain().build());
    assert_eq!(film(&table, 5, None).unwrap_err().kind(), io::ErrorKind::NotFound);
    for name in ["label/0", "video", "video/x", "video/0/1"] {
        let why = FileBytes::open(&table.join(name), 0).unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::NotFound, "{name}: {why}");
    }
    let text = folder.path().join("text.parquet");
    std::fs::write(&text, "no table").unwrap();
    assert!(!has_films(&text));
}

#[test]
fn damage_is_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), plain().build());
    let whole = std::fs::read(&table).unwrap();
    for at in (0..whole.len()).step_by(3) {
        for bit in [0x01, 0x40, 0x80] {
            let mut damaged = whole.clone();
            damaged[at] ^= bit;
            std::fs::write(&table, &damaged).unwrap();
            for found in read(&table).unwrap_or_default() {
                // Whatever the place is, it lies in the file.
                let extent = found.part.and_then(Part::extent);
                assert!(extent.is_none_or(|extent| extent.range().end <= whole.len() as u64), "byte {at}");
                let _ = film(&table, found.row, None);
            }
        }
    }
}
