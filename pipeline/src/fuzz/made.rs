//! Small files of kinds that no film is: what the corpora of their targets begin with.

use std::{io, sync::Arc};

use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use parquet::{arrow::ArrowWriter, basic::Encoding, errors::Result, file::properties::WriterProperties};

/// Names of targets, with files for them.
pub fn made() -> Vec<(&'static str, Vec<u8>)> {
    let mut made: Vec<(&'static str, Vec<u8>)> = tar().ok().map(|tar| ("tar", tar)).into_iter().collect();
    let encodings = [Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY];
    for encoding in encodings {
        for table in [films(encoding), list(encoding)].into_iter().flatten() {
            made.extend([("table", table.clone()), ("pages", table)]);
        }
    }
    made.extend(lerobot().map(|folder| ("lerobot", folder)));
    made
}

/// Two members, of which one has a long name.
fn tar() -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for name in ["film.mp4".to_owned(), "a/".repeat(70) + "film.mp4"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        tar.append_data(&mut header, name, &b"film"[..])?;
    }
    tar.into_inner()
}

fn parquet(columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> Result<Vec<u8>> {
    let batch = RecordBatch::try_from_iter(columns)?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(bytes)
}

fn encoded(column: &str, encoding: Encoding) -> WriterProperties {
    let column = column.split('.').map(str::to_owned).collect::<Vec<_>>();
    let properties = WriterProperties::builder().set_dictionary_enabled(false);
    properties.set_column_encoding(column.into(), encoding).build()
}

/// Films in cells, as `datasets` writes them, with a class each.
fn films(encoding: Encoding) -> Result<Vec<u8>> {
    let fields = Fields::from(vec![
        Field::new("bytes", DataType::Binary, true),
        Field::new("path", DataType::Utf8, true),
    ]);
    let bytes: ArrayRef =
        Arc::new(BinaryArray::from_opt_vec(vec![Some(&b"film"[..]), None, Some(b"longer film")]));
    let paths: ArrayRef = Arc::new(StringArray::from(vec![None, Some("a.mp4"), Some("b.mp4")]));
    let films = StructArray::new(fields, vec![bytes, paths], None);
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 0]));
    parquet(vec![("video", Arc::new(films)), ("label", labels)], encoded("video.bytes", encoding))
}

/// A list of films with their classes.
fn list(encoding: Encoding) -> Result<Vec<u8>> {
    let paths = (0..40).map(|number| format!("films/{number:02}.mp4"));
    let paths: ArrayRef = Arc::new(StringArray::from_iter_values(paths));
    let labels: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..40).map(|row| ["run", "walk"][row % 2])));
    parquet(vec![("path", paths), ("label", labels)], encoded("path", encoding))
}

/// `info.json` in a line, then a table of episodes.
fn lerobot() -> Result<Vec<u8>> {
    let info = concat!(
        r#"{"codebase_version": "v3.0", "fps": 30, "features": {"camera": {"dtype": "video"}}, "#,
        r#""video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"}"#,
        "\n"
    );
    let whole = |numbers: [i64; 2]| Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
    let table = parquet(
        vec![
            ("episode_index", whole([0, 1])),
            ("length", whole([30, 45])),
            ("videos/camera/chunk_index", whole([0, 0])),
            ("videos/camera/file_index", whole([0, 0])),
            ("videos/camera/from_timestamp", Arc::new(Float64Array::from(vec![0.0, 1.0]))),
        ],
        WriterProperties::default(),
    )?;
    Ok([info.as_bytes(), &table].concat())
}
