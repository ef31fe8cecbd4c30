//! Lists of videos as people have them: a video a line, or a row of a table.
//!
//! ```text
//! lines.rs      path · path 3 · path,a name · path::3 · VideoMAE V2's and InternVideo's lines
//! table.rs      a head and rows, separated by commas, tabs, spaces or `::`         (.csv .tsv .txt .list .lst)
//! json.rs       an object a line, or one array of objects                         (.jsonl .json)
//! parquet.rs    columns                                                           (.parquet)
//!   columns.rs  which column says what: the names that data sets have, or those that are named (`--columns`)
//!   row.rs      the cells of a row ─▶ a path, a class and a segment
//! form.rs       the forms by their names, and where the videos of each may lie
//! ```
//!
//! A list is read line by line, and each video is handed over as soon as it is read: of a million lines nothing is kept
//! here. A line that fits nothing is an error that has its number; no video is looked at before.

mod columns;
mod form;
mod json;
mod lines;
mod parquet;
mod row;
mod table;

use std::{borrow::Cow, path::Path, sync::Arc};

use schemas::regular_file;

use crate::{
    names,
    segment::{Segment, SegmentError},
    system,
};

pub use self::{columns::Columns, form::Form};

/// Endings of files that list videos.
pub const ENDINGS: [&str; 8] = ["txt", "csv", "tsv", "list", "lst", "jsonl", "json", "parquet"];

/// A video of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its line, or its row in a table of Parquet, from 1.
    pub line: usize,
    /// The path as it is written, or the name by which its data set knows it.
    pub path: String,
    /// The class as it is written.
    pub class: Option<String>,
    /// Which part of the video.
    pub segment: Segment,
    /// The part of the data set that it belongs to (`train`), where its files may lie in a folder of this name.
    pub split: Option<Arc<str>>,
    /// The form of its line.
    pub form: Form,
}

/// Why a list is none, or a line of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// A line without a path.
    #[error("line {line}: `{text}` has no path")]
    NoPath {
        /// The line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// Numbers that name no part of a video.
    #[error(
        "line {line}: `{numbers}` after the path is no first frame with a number of frames; `0 -1` means all of it"
    )]
    Frames {
        /// The line, from 1.
        line: usize,
        /// The two numbers.
        numbers: String,
    },
    /// A part of a video that is none.
    #[error("line {line}: {cause}")]
    Segment {
        /// The line, from 1.
        line: usize,
        /// Why.
        #[source]
        cause: SegmentError,
    },
    /// A cell that should hold a number, or a time.
    #[error("line {line}: `{text}` in column `{column}` is no {wanted}")]
    Cell {
        /// The line, from 1.
        line: usize,
        /// The column.
        column: String,
        /// What it says.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A row of another length than the head.
    #[error("line {line}: it has {found} columns, and the head has {wanted}")]
    Width {
        /// The line, from 1.
        line: usize,
        /// Its cells.
        found: usize,
        /// Cells of the head.
        wanted: usize,
    },
    /// No column of what is looked for.
    #[error("no column of {what}; there are: {}", found.join(", "))]
    NoColumn {
        /// What: `paths`, or a name that was given.
        what: String,
        /// The columns.
        found: Vec<String>,
    },
    /// Columns that may be frames or seconds.
    #[error("the columns `start` and `end` may count frames or seconds")]
    FramesOrSeconds,
    /// A column was named, and the list has no head.
    #[error("line 1 is no head of a table, so no column has a name")]
    NoHead,
    /// Text that is not what its ending says.
    #[error("line {line}: {why}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// A file that cannot be read.
    #[error("it cannot be read: {why}")]
    Unreadable {
        /// Why.
        why: String,
    },
}

impl ListError {
    /// What would do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::FramesOrSeconds => Some(
                "name what they are: `start_seconds=start,stop_seconds=end`, or `start=start,stop=end` for frames",
            ),
            Self::NoColumn { .. } => Some(
                "the columns of a list are path, label, start and stop (frames), start_seconds and stop_seconds; \
                 others are named as in `path=FILE,label=ACTION`",
            ),
            Self::Cell { wanted: row::WHOLE_NUMBER, .. } => {
                Some("start and stop count frames; times are the columns start_seconds and stop_seconds")
            }
            _ => None,
        }
    }
}

/// Whether a file lists videos, by its ending.
pub fn is_list(path: &Path) -> bool {
    ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase)
}

/// Reads the list in `file`, and hands each video to `take`; `endings` are those of video files.
///
/// # Errors
/// When the file cannot be read; the first line that is wrong, and whatever `take` fails with.
pub fn read<E: From<ListError>>(
    file: &Path,
    columns: &Columns,
    endings: &[&str],
    take: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    if ending(file).as_deref() == Some("parquet") {
        return parquet::read(file, columns, take);
    }
    let bytes = system::persistently(|| regular_file::read(file));
    let bytes = bytes.map_err(|why| ListError::Unreadable { why: why.to_string() })?;
    match ending(file).as_deref() {
        Some("json") => json::read_array(&bytes, &json::labels_beside(file)?, columns, take),
        Some("jsonl") => json::read_lines(&bytes, columns, take),
        Some("csv" | "tsv") => of_text(&bytes, columns, endings, true, take),
        _ => of_text(&bytes, columns, endings, false, take),
    }
}

/// Reads a list of lines, or a table of text; `is_table` says that a first line of one word may be a head.
fn of_text<E: From<ListError>>(
    bytes: &[u8],
    columns: &Columns,
    endings: &[&str],
    is_table: bool,
    take: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match table::head(bytes, columns, is_table)? {
        Some(head) => table::read(bytes, &head, columns, take),
        None => lines::read(bytes, endings, take),
    }
}

/// Reads a list of this text.
///
/// # Errors
/// As [`read`].
pub fn read_text(text: &str, endings: &[&str]) -> Result<Vec<Listed>, ListError> {
    let mut all = Vec::new();
    of_text(text.as_bytes(), &Columns::default(), endings, true, &mut |listed| {
        all.push(listed);
        Ok::<_, ListError>(())
    })?;
    Ok(all)
}

/// A line, or a cell, as text; where it is none, as a name would be escaped.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| Cow::Owned(names::escaped(bytes)), Cow::Borrowed)
}
