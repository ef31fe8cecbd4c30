//! Lists that are a table of Parquet.

use std::path::Path;

use parquet::arrow::ProjectionMask;
use schemas::regular_file;

use super::{Columns, ListError, Listed, columns::Meaning, row::Rows};
use crate::{dataset::labels::column_text::texts, parquet_table};

/// Reads the columns that say something of a video.
pub(super) fn read<E: From<ListError>>(
    file: &Path,
    columns: &Columns,
    take: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    let unreadable = |why: &dyn std::fmt::Display| ListError::Unreadable { why: why.to_string() };
    let table = regular_file::open(file).map_err(|why| unreadable(&why))?;
    let reader = parquet_table::open_foreign(table).map_err(|why| unreadable(&why))?;
    let head = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    let meaning = Meaning::of(head, columns)?;
    let wanted = [Some(meaning.path), meaning.label, meaning.start, meaning.stop, meaning.split];
    let mut wanted: Vec<usize> = wanted.into_iter().flatten().collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mask = ProjectionMask::roots(reader.parquet_schema(), wanted.iter().copied());
    let (mut rows, mut row) = (Rows::of(&meaning), 0);
    for batch in parquet_table::batches(reader.with_projection(mask)).map_err(|why| unreadable(&why))? {
        let batch = batch.map_err(|why| unreadable(&why))?;
        let mut cells: Vec<Vec<Option<String>>> = vec![Vec::new(); meaning.head.len()];
        for (column, &place) in batch.columns().iter().zip(&wanted) {
            cells[place] = texts(column.as_ref()).map_err(|why| unreadable(&why))?;
        }
        for at in 0..batch.num_rows() {
            row += 1;
            let cell = |place: usize| cells[place].get(at).and_then(Option::as_deref).unwrap_or("").trim();
            take(rows.listed(row, cell)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};

    use super::*;
    use crate::dataset::list_file::Form;

    #[test]
    fn tables_of_other_programs_are_read_by_their_columns() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("metadata.parquet");
        let columns: [(&str, ArrayRef); 5] = [
            ("caption", Arc::new(StringArray::from(vec!["one", "two"]))),
            ("file_name", Arc::new(StringArray::from(vec!["a.mp4", "b.mp4"]))),
            ("label", Arc::new(Int64Array::from(vec![Some(3), None]))),
            ("start_seconds", Arc::new(Float64Array::from(vec![Some(0.1), None]))),
            ("stop_seconds", Arc::new(Float64Array::from(vec![Some(2.5), None]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        // As pandas and pyarrow compress.
        let snappy = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let out = std::fs::File::create(&file).unwrap();
        let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(snappy)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let mut rows = Vec::new();
        let mut take = |listed: Listed| {
            rows.push((listed.line, listed.path, listed.class, listed.segment.to_string(), listed.form));
            Ok::<_, ListError>(())
        };
        read(&file, &Columns::default(), &mut take).unwrap();
        let row = |line, path: &str, class: Option<&str>, segment: &str| {
            (line, path.to_owned(), class.map(str::to_owned), segment.to_owned(), Form::HuggingFace)
        };
        let right = [row(1, "a.mp4", Some("3"), "seconds 0.1 to 2.5"), row(2, "b.mp4", None, "all of it")];
        assert_eq!(rows, right);
        let refused =
            read(&file, &"path=film".parse().unwrap(), &mut |_| Ok::<_, ListError>(())).unwrap_err();
        assert!(matches!(refused, ListError::NoColumn { .. }), "{refused}");
    }
}
