//! Labels from a CSV or Parquet file with a column of paths and one of classes.
//!
//! A video belongs to the row whose path is its own, or the longest end of its own: `run/a.mp4` and `a.mp4`
//! both fit `clips/run/a.mp4`.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
};

use schemas::regular_file;

use super::{LabelError, Rows, classes::Word, column_text::texts};
use crate::{names, parquet_table, video_entry::VideoEntry};

/// Names of a column of paths, the first that is there counts.
pub(super) const PATHS: [&str; 5] = ["path", "video", "file", "filename", "file_name"];
/// Names of a column of classes.
pub(super) const LABELS: [&str; 3] = ["label", "class", "class_name"];

/// A table of paths and classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    file: PathBuf,
    /// Row (from 0) and class of each path.
    rows: HashMap<String, (usize, Word)>,
}

impl Table {
    /// Reads a `.csv`, `.tsv` or `.parquet` file. `column` names the column of classes; by default it is
    /// `label`, `class` or `class_name`. Classes are names, or numbers where every one is a whole number.
    ///
    /// # Errors
    /// When it cannot be read, lacks a column, or contradicts itself.
    pub fn read(file: &Path, column: Option<&str>) -> Result<Self, LabelError> {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let labels: Vec<&str> = column.map_or_else(|| LABELS.to_vec(), |column| vec![column]);
        let pairs = match ending.to_ascii_lowercase().as_str() {
            "parquet" => of_parquet(file, &labels)?,
            "tsv" => of_text(file, '\t', &labels)?,
            _ => of_text(file, ',', &labels)?,
        };
        let numbers = pairs.iter().all(|(_, label)| label.parse::<i64>().is_ok());
        let mut rows: HashMap<String, (usize, Word)> = HashMap::new();
        for (row, (path, label)) in pairs.into_iter().enumerate() {
            let word = match label.parse() {
                Ok(number) if numbers => Word::Number(number),
                _ => Word::Name(label),
            };
            let key = key(Path::new(&path));
            match rows.get(&key) {
                Some((first, known)) if *known != word => {
                    let (first, second) = (first + 1, row + 1);
                    let path = file.to_owned();
                    return Err(LabelError::TableContradicts { path, first, second, video: key });
                }
                _ => rows.insert(key, (row, word)),
            };
        }
        Ok(Self { file: file.to_owned(), rows })
    }

    /// The class of each video.
    pub(super) fn words(&self, videos: &[VideoEntry]) -> Result<Vec<Option<Word>>, LabelError> {
        join(&self.file, &self.rows, videos)
    }
}

/// What the rows of `file` (number and content by path) say of each video.
pub(super) fn join<T: Clone>(
    file: &Path,
    by_path: &HashMap<String, (usize, T)>,
    videos: &[VideoEntry],
) -> Result<Vec<Option<T>>, LabelError> {
    let mut fitting: BTreeMap<usize, (String, Vec<usize>)> = BTreeMap::new();
    let mut words = Vec::with_capacity(videos.len());
    for (at, video) in videos.iter().enumerate() {
        let found = ends(&video.path).find_map(|end| by_path.get(&end).map(|found| (end, found)));
        if let Some((name, (row, _))) = &found {
            fitting.entry(*row).or_insert_with(|| (name.clone(), Vec::new())).1.push(at);
        }
        words.push(found.map(|(_, (_, word))| word.clone()));
    }
    for (name, rows) in fitting.into_values() {
        let distinct = rows.iter().any(|&row| videos[row].path != videos[rows[0]].path);
        if distinct {
            let path = file.to_owned();
            return Err(LabelError::TableAmbiguous { path, name, rows: Rows::of(videos, &rows) });
        }
    }
    Ok(words)
}

/// A path as it is compared: its parts joined by `/`, without `.`.
pub(super) fn key(path: &Path) -> String {
    let parts = path.components().filter(|part| !matches!(part, std::path::Component::CurDir));
    let parts: Vec<_> = parts.map(|part| names::name_of(part.as_ref())).collect();
    parts.join("/")
}

/// A path, then its ends, from the longest to the file's name alone.
fn ends(path: &Path) -> impl Iterator<Item = String> {
    let whole = key(path);
    let mut next = Some(whole);
    std::iter::from_fn(move || {
        let here = next.take()?;
        next = here.split_once('/').map(|(_, end)| end.to_owned());
        Some(here)
    })
}

pub(super) fn io_error(path: &Path) -> impl Fn(io::Error) -> LabelError {
    move |cause| LabelError::Io { action: "read", path: path.to_owned(), cause }
}

pub(super) fn missing(file: &Path, what: &str, names: &[&str], found: &[String]) -> LabelError {
    let why = format!("no column of {what} ({}); there are: {}", names.join(", "), found.join(", "));
    LabelError::Table { path: file.to_owned(), why }
}

/// The places of the two columns.
fn columns(file: &Path, head: &[String], labels: &[&str]) -> Result<(usize, usize), LabelError> {
    let find = |names: &[&str]| names.iter().find_map(|name| head.iter().position(|column| column == name));
    let paths = find(&PATHS).ok_or_else(|| missing(file, "paths", &PATHS, head))?;
    let labels = find(labels).ok_or_else(|| missing(file, "classes", labels, head))?;
    Ok((paths, labels))
}

fn of_text(file: &Path, separator: char, labels: &[&str]) -> Result<Vec<(String, String)>, LabelError> {
    let text = regular_file::read_to_string(file).map_err(io_error(file))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut lines = records(text, separator).into_iter();
    let head = lines.next().unwrap_or_default();
    let (paths, labels) = columns(file, &head, labels)?;
    lines
        .filter(|line| line.iter().any(|cell| !cell.is_empty()))
        .enumerate()
        .map(|(row, line)| match (line.get(paths), line.get(labels)) {
            (Some(path), Some(label)) if !label.is_empty() => Ok((path.clone(), label.clone())),
            _ => Err(LabelError::Table {
                path: file.to_owned(),
                why: format!("row {} has no path or no class", row + 1),
            }),
        })
        .collect()
}

/// The cells of each line, quotes taken off as RFC 4180 has them.
pub(super) fn records(text: &str, separator: char) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            '\r' if !quoted && letters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell).trim().to_owned());
                records.push(std::mem::take(&mut record));
            }
            letter if letter == separator && !quoted => {
                record.push(std::mem::take(&mut cell).trim().to_owned())
            }
            letter => cell.push(letter),
        }
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(cell.trim().to_owned());
        records.push(record);
    }
    records
}

fn of_parquet(file: &Path, labels: &[&str]) -> Result<Vec<(String, String)>, LabelError> {
    let other = |why: &dyn std::fmt::Display| io_error(file)(io::Error::other(why.to_string()));
    let table = regular_file::open(file).map_err(io_error(file))?;
    let reader = parquet_table::open_foreign(table).map_err(|why| other(&why))?;
    let head: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    let (paths, labels) = columns(file, &head, labels)?;
    let mut pairs = Vec::new();
    for batch in parquet_table::batches(reader).map_err(|why| other(&why))? {
        let batch = batch.map_err(|why| other(&why))?;
        let text = |column: usize| texts(batch.column(column)).map_err(|why| other(&why));
        for (path, label) in text(paths)?.into_iter().zip(text(labels)?) {
            let (Some(path), Some(label)) = (path, label) else {
                let why = format!("row {} has no path or no class", pairs.len() + 1);
                return Err(LabelError::Table { path: file.to_owned(), why });
            };
            pairs.push((path, label));
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::dataset::labels::{LabelSource, label};

    fn videos(paths: &[&str]) -> Vec<VideoEntry> {
        paths.iter().map(|path| VideoEntry::whole(path.into(), None)).collect()
    }

    fn table(text: &str, column: Option<&str>) -> Result<Table, LabelError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels.csv");
        std::fs::write(&file, text).unwrap();
        Table::read(&file, column)
    }

    #[test]
    fn rows_are_joined_by_path_or_its_end() {
        let table =
            table("path,label\r\nrun/a.mp4,\"run, fast\"\r\nb.mp4,\"say \"\"hi\"\"\"\r\n", None).unwrap();
        let mut found = videos(&["clips/run/a.mp4", "clips/b.mp4"]);
        let classes = label(&mut found, &LabelSource::Table(table), None).unwrap();
        assert_eq!(classes.names(), ["run, fast", "say \"hi\""]);
        assert_eq!((found[0].label, found[1].label), (Some(0), Some(1)));
    }

    #[test]
    fn a_column_of_whole_numbers_holds_class_numbers() {
        let table = table("file,class\na.mp4,3\nb.mp4,0\n", None).unwrap();
        let mut found = videos(&["b.mp4", "a.mp4"]);
        assert_eq!(label(&mut found, &LabelSource::Table(table), None).unwrap().len(), 4);
        assert_eq!((found[0].label, found[1].label), (Some(0), Some(3)));
    }

    #[test]
    fn a_parquet_column_is_read_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels.parquet");
        let columns: [(&str, ArrayRef); 2] = [
            ("video", Arc::new(StringArray::from(vec!["a.mp4", "b.mp4"]))),
            ("action", Arc::new(Int64Array::from(vec![1, 0]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer =
            ArrowWriter::try_new(std::fs::File::create(&file).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let table = Table::read(&file, Some("action")).unwrap();
        let mut found = videos(&["x/a.mp4", "x/b.mp4"]);
        label(&mut found, &LabelSource::Table(table), None).unwrap();
        assert_eq!((found[0].label, found[1].label), (Some(1), Some(0)));
        let refused = Table::read(&file, None).unwrap_err().to_string();
        assert!(refused.contains("no column of classes") && refused.contains("video, action"), "{refused}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = table("path,label\na.mp4,run\na.mp4,jump\n", None).unwrap_err();
        assert!(matches!(refused, LabelError::TableContradicts { first: 1, second: 2, .. }), "{refused}");
        let refused = table("path,label\na.mp4\n", None).unwrap_err().to_string();
        assert!(refused.ends_with("row 1 has no path or no class"), "{refused}");

        let table = table("path,label\na.mp4,run\n", None).unwrap();
        let refused = label(&mut videos(&["x/a.mp4", "y/a.mp4"]), &LabelSource::Table(table.clone()), None);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("`a.mp4` fits more than one video: row 1 (x/a.mp4), row 2"), "{refused}");
        let refused = label(&mut videos(&["b.mp4"]), &LabelSource::Table(table), None).unwrap_err();
        assert!(matches!(refused, LabelError::Unlabelled { .. }), "{refused}");
    }
}
