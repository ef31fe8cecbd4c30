//! Tables of Parquet that have their films in them, as Hugging Face's `datasets` writes them.
//!
//! A row has a film in each column of the type `Video`: its bytes, or the path of a file beside the table. Its class is in
//! the column `label`; the names of numbered classes stand in what `datasets` says of the table (`ClassLabel`).

use std::{io, path::Path};

use arrow_array::cast::AsArray as _;

use super::labels::column_text::texts;
use crate::{
    file::{
        FileStamp, Part,
        video_cells::{Cell, VideoCells, VideoColumn},
    },
    parquet_table,
};

/// Names of a column of classes; the first that is there counts.
const LABELS: [&str; 4] = ["label", "labels", "class", "class_name"];

/// A film of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFilm {
    /// The column that it is in.
    pub column: String,
    /// Its row.
    pub row: u64,
    /// Where its bytes are, if they are in the table.
    pub part: Option<Part>,
    /// The file that it is in otherwise.
    pub path: Option<String>,
    /// Its class by its name, or as it is written.
    pub class: Option<String>,
    /// Its class by its number.
    pub label: Option<i32>,
}

/// Whether this is a table of Parquet that has films in it.
pub fn has_films(path: &Path) -> bool {
    VideoCells::open(path).is_ok_and(|cells| !cells.columns().is_empty())
}

/// The films of a table, row by row.
///
/// # Errors
/// When it cannot be read, or a page of it says what cannot be.
pub fn read(path: &Path) -> io::Result<Vec<TableFilm>> {
    let (stamp, file) = (FileStamp::of(path)?, VideoCells::open(path)?);
    let classes = Classes::read(path)?;
    let mut columns = Vec::new();
    for column in file.columns() {
        let cells = file.cells(&column)?;
        let paths = if cells.contains(&Cell::Null) { paths(path, &column)? } else { Vec::new() };
        columns.push((column.name, cells, paths));
    }
    let rows = columns.first().map_or(0, |(_, cells, _)| cells.len());
    let film = |(row, column): (usize, &(String, Vec<Cell>, Vec<Option<String>>))| {
        let (column, cells, paths) = column;
        let part = cells.get(row).and_then(|cell| Part::of_cell(cell, stamp));
        let path = paths.get(row).cloned().flatten().filter(|_| part.is_none());
        let (class, label) = classes.of(row);
        TableFilm { column: column.clone(), row: row as u64, part, path, class, label }
    };
    Ok((0..rows).flat_map(|row| columns.iter().map(move |column| (row, column))).map(film).collect())
}

/// The classes of a table's rows.
#[derive(Debug, Default)]
struct Classes {
    cells: Vec<Option<String>>,
    /// The names of numbers.
    names: Vec<String>,
}

impl Classes {
    fn read(path: &Path) -> io::Result<Self> {
        let schema = parquet_table::schema_of(path)?;
        let Some(name) = LABELS.into_iter().find(|name| schema.field_with_name(name).is_ok()) else {
            return Ok(Self::default());
        };
        let features = schema.metadata().get("huggingface");
        let features: Option<serde_json::Value> = features.and_then(|text| serde_json::from_str(text).ok());
        let names = features.as_ref().map(|all| &all["info"]["features"][name]["names"]);
        let names = names.and_then(|names| names.as_array()).into_iter().flatten();
        let names = names.map(|name| name.as_str().unwrap_or_default().to_owned()).collect();
        let mut cells = Vec::new();
        for batch in parquet_table::columns(path, |name_of_leaf| name_of_leaf == name)? {
            cells.extend(texts(batch.column(0).as_ref()).map_err(damaged)?);
        }
        Ok(Self { cells, names })
    }

    fn of(&self, row: usize) -> (Option<String>, Option<i32>) {
        let Some(cell) = self.cells.get(row).cloned().flatten() else { return (None, None) };
        let label: Option<i32> = cell.parse().ok();
        // What stands for no class is -1 there.
        if label.is_some_and(|label| label < 0) && !self.names.is_empty() {
            return (None, None);
        }
        let name = label.and_then(|label| self.names.get(usize::try_from(label).ok()?));
        (Some(name.cloned().unwrap_or(cell)), label)
    }
}

/// The paths of a column of films.
fn paths(file: &Path, column: &VideoColumn) -> io::Result<Vec<Option<String>>> {
    let wanted = format!("{}.path", column.name);
    let mut paths = Vec::new();
    for batch in parquet_table::columns(file, |name| name == wanted)? {
        let column = batch.column(0).as_struct_opt().and_then(|films| films.columns().first());
        let column = column.ok_or_else(|| damaged("its films have no paths"))?;
        paths.extend(texts(column.as_ref()).map_err(damaged)?);
    }
    Ok(paths)
}

fn damaged(why: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

#[cfg(test)]
mod tests;
