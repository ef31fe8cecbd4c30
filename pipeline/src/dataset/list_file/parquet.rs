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
    for batch in reader.with_projection(mask).build().map_err(|why| unreadable(&why))? {
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
