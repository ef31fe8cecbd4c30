//! Some columns of a CSV, TSV or Parquet file as text, beside its column of paths.

use std::{
    io,
    path::{Path, PathBuf},
};

use parquet::arrow::ProjectionMask;
use schemas::regular_file;

use super::{
    LabelError,
    column_text::texts,
    table::{PATHS, io_error, missing, records},
};
use crate::parquet_table;

/// Which columns hold what is right of a video.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// The one of a usual name.
    #[default]
    Usual,
    /// These.
    Named(Vec<String>),
    /// All but the column of paths.
    Others,
}

/// Cells of some columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cells {
    /// The file.
    pub file: PathBuf,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Each row's path, and its cells in the order of the columns.
    pub rows: Vec<(String, Vec<String>)>,
}

impl Columns {
    /// The columns of these words after `FILE:`; `*` means all but that of paths.
    pub fn of(words: Option<&str>) -> Self {
        match words {
            None => Self::Usual,
            Some("*") => Self::Others,
            Some(names) => Self::Named(names.split(',').map(|name| name.trim().to_owned()).collect()),
        }
    }

    /// The names of the columns among those of `head`; by their usual name they are one of `usual`.
    fn among(&self, file: &Path, head: &[String], usual: &[&str]) -> Result<Vec<String>, LabelError> {
        let names = match self {
            Self::Usual => {
                let found = usual.iter().find(|name| head.iter().any(|column| column == *name));
                let found = found.ok_or_else(|| missing(file, "labels", usual, head))?;
                vec![(*found).to_owned()]
            }
            Self::Named(names) => match names.iter().find(|name| !head.contains(name)) {
                Some(absent) => return Err(missing(file, "that name", &[absent], head)),
                None => names.clone(),
            },
            Self::Others => {
                let path = path_column(file, head)?;
                let others = head.iter().enumerate().filter(|(at, _)| *at != path);
                others.map(|(_, name)| name.clone()).collect()
            }
        };
        match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            Some((_, twice)) => {
                let why = format!("column `{twice}` is there, or is named, twice");
                Err(LabelError::Table { path: file.to_owned(), why })
            }
            None => Ok(names),
        }
    }
}

fn path_column(file: &Path, head: &[String]) -> Result<usize, LabelError> {
    let found = PATHS.iter().find_map(|name| head.iter().position(|column| column == name));
    found.ok_or_else(|| missing(file, "paths", &PATHS, head))
}

impl Cells {
    /// Reads `columns` of a `.csv`, `.tsv` or `.parquet` file; `usual` are the usual names of one.
    ///
    /// # Errors
    /// When it cannot be read, lacks a column, or a row has no path.
    pub(super) fn read(file: &Path, columns: &Columns, usual: &[&str]) -> Result<Self, LabelError> {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "parquet" => Self::of_parquet(file, columns, usual),
            "tsv" => Self::of_text(file, '\t', columns, usual),
            _ => Self::of_text(file, ',', columns, usual),
        }
    }

    fn of_text(file: &Path, separator: char, columns: &Columns, usual: &[&str]) -> Result<Self, LabelError> {
        let text = regular_file::read_to_string(file).map_err(io_error(file))?;
        let mut lines = records(text.strip_prefix('\u{feff}').unwrap_or(&text), separator).into_iter();
        let head = lines.next().unwrap_or_default();
        let (path, columns) = (path_column(file, &head)?, columns.among(file, &head, usual)?);
        let places = places(&head, &columns);
        let lines = lines.filter(|line| line.iter().any(|cell| !cell.is_empty()));
        let cell = |line: &[String], place: usize| line.get(place).cloned().unwrap_or_default();
        let rows = lines.map(|line| {
            (cell(&line, path), places.iter().map(|&place| cell(&line, place)).collect::<Vec<_>>())
        });
        Self { file: file.to_owned(), columns, rows: rows.collect() }.with_paths()
    }

    fn of_parquet(file: &Path, columns: &Columns, usual: &[&str]) -> Result<Self, LabelError> {
        let other = |why: &dyn std::fmt::Display| io_error(file)(io::Error::other(why.to_string()));
        let table = regular_file::open(file).map_err(io_error(file))?;
        let reader = parquet_table::open_foreign(table).map_err(|why| other(&why))?;
        let head: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
        let (path, columns) = (path_column(file, &head)?, columns.among(file, &head, usual)?);
        let wanted = [head[path].clone()].into_iter().chain(columns.iter().cloned());
        let wanted: Vec<usize> = places(&head, &wanted.collect::<Vec<_>>());
        let mask = ProjectionMask::roots(reader.parquet_schema(), wanted);
        let mut rows = Vec::new();
        for batch in parquet_table::batches(reader.with_projection(mask)).map_err(|why| other(&why))? {
            let batch = batch.map_err(|why| other(&why))?;
            let text = |name: &str| {
                let column = batch.column_by_name(name).ok_or_else(|| other(&format!("no column {name}")))?;
                let cells = texts(column).map_err(|why| other(&why))?;
                Ok::<Vec<String>, LabelError>(cells.into_iter().map(Option::unwrap_or_default).collect())
            };
            let paths = text(&head[path])?;
            let cells = columns.iter().map(|name| text(name)).collect::<Result<Vec<_>, _>>()?;
            rows.extend(paths.into_iter().enumerate().map(|(row, path)| {
                (path, cells.iter().map(|column| column[row].clone()).collect::<Vec<_>>())
            }));
        }
        Self { file: file.to_owned(), columns, rows }.with_paths()
    }

    /// The same, if every row has a path.
    fn with_paths(self) -> Result<Self, LabelError> {
        match self.rows.iter().position(|(path, _)| path.is_empty()) {
            Some(row) => Err(self.wrong(format!("row {} has no path", row + 1))),
            None => Ok(self),
        }
    }

    /// What is wrong with the file.
    pub(super) fn wrong(&self, why: String) -> LabelError {
        LabelError::Table { path: self.file.clone(), why }
    }
}

/// The places of columns whose names are all there.
fn places(head: &[String], columns: &[String]) -> Vec<usize> {
    columns.iter().filter_map(|name| head.iter().position(|column| column == name)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;

    #[test]
    fn a_parquet_file_and_a_text_have_the_same_cells() {
        let folder = tempfile::tempdir().unwrap();
        let (table, text) = (folder.path().join("a.parquet"), folder.path().join("a.csv"));
        let columns: [(&str, ArrayRef); 3] = [
            ("speed", Arc::new(Float64Array::from(vec![Some(0.1), None]))),
            ("path", Arc::new(StringArray::from(vec!["a.mp4", "b.mp4"]))),
            ("red", Arc::new(BooleanArray::from(vec![true, false]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer =
            ArrowWriter::try_new(std::fs::File::create(&table).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        std::fs::write(&text, "speed,path,red\n0.1,a.mp4,true\n,b.mp4,false\n").unwrap();
        for columns in [Columns::Others, Columns::of(Some("red, speed"))] {
            let of_text = Cells::read(&text, &columns, &[]).unwrap();
            let of_table = Cells::read(&table, &columns, &[]).unwrap();
            assert_eq!((&of_text.columns, &of_text.rows), (&of_table.columns, &of_table.rows));
        }
        let refused = Cells::read(&table, &Columns::of(Some("blue")), &[]).unwrap_err().to_string();
        assert!(refused.contains("no column of that name (blue); there are: speed, path, red"), "{refused}");
        let refused = Cells::read(&table, &Columns::of(Some("red,red")), &[]).unwrap_err().to_string();
        assert!(refused.ends_with("column `red` is there, or is named, twice"), "{refused}");
        let refused = Cells::read(&text, &Columns::Usual, &["label"]).unwrap_err().to_string();
        assert!(refused.contains("no column of labels (label)"), "{refused}");
    }
}
