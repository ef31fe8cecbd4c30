//! Lists of videos as people have them: a video a line, or a row of a table.
//!
//! ```text
//! lines.rs      path · path 3 · path,a name · path::3 · VideoMAE V2's and InternVideo's lines
//! table.rs      a head and rows, separated by commas, tabs, spaces or `::`         (.csv .tsv .txt .list .lst)
//! json.rs       an object a line, or one array of objects                         (.jsonl .json)
//! parquet.rs    columns                                                           (.parquet)
//!   columns.rs  which column says what: the names that data sets have, or those that are named (`--columns`)
//!   row.rs      the cells of a row ─▶ a path, a class and a segment
//! form.rs       the forms by their names; places.rs where the videos of each may lie
//! read.rs       chooses among them
//! ```
//!
//! A list is read line by line, and each video is handed over as soon as it is read: of a million lines nothing is kept
//! here. A line that fits nothing is an error that has its number; no video is looked at before.

mod columns;
mod error;
mod form;
mod json;
mod lines;
mod listed;
mod parquet;
mod places;
mod read;
mod row;
mod table;

use std::{
    borrow::Cow,
    io::{BufRead as _, BufReader},
    path::Path,
};

use schemas::regular_file;

use crate::names;

pub use self::{
    columns::Columns,
    error::ListError,
    form::Form,
    listed::Listed,
    read::{read, read_text},
};

/// Endings of files that list videos.
pub const ENDINGS: [&str; 8] = ["txt", "csv", "tsv", "list", "lst", "jsonl", "json", "parquet"];

/// Whether a file lists videos, by its ending.
pub fn is_list(path: &Path) -> bool {
    ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Lines of a list, so that room can be made for as many videos at once; 0 where it cannot be read.
pub fn lines_in(path: &Path) -> usize {
    let Ok(file) = regular_file::open(path) else { return 0 };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut lines = 1;
    loop {
        let Ok(bytes) = reader.fill_buf() else { return 0 };
        if bytes.is_empty() {
            return lines;
        }
        lines += bytes.iter().filter(|&&byte| byte == b'\n').count();
        let length = bytes.len();
        reader.consume(length);
    }
}

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase)
}

/// A line, or a cell, as text; where it is none, as a name would be escaped.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| Cow::Owned(names::escaped(bytes)), Cow::Borrowed)
}
