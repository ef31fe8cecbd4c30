//! What is wrong with labels, and in which rows.

use std::{
    fmt::{self, Display, Formatter},
    path::PathBuf,
};

use crate::{names, video_entry::VideoEntry};

/// Rows that an error names; the others are counted.
const NAMED: usize = 5;

/// Some rows of a list, the first ones by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    named: Vec<(usize, PathBuf)>,
    count: usize,
}

impl Rows {
    /// The rows (counted from 0) of `videos`.
    pub(super) fn of(videos: &[VideoEntry], rows: &[usize]) -> Self {
        let named =
            rows.iter().take(NAMED).filter_map(|&row| Some((row, videos.get(row)?.path.to_path_buf())));
        Self { named: named.collect(), count: rows.len() }
    }
}

impl Display for Rows {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self
            .named
            .iter()
            .map(|(row, path)| format!("row {} ({})", row + 1, names::shown(path)))
            .collect();
        write!(out, "{}", rows.join(", "))?;
        match self.count - self.named.len() {
            0 => Ok(()),
            more => write!(out, " and {more} more"),
        }
    }
}

/// What is wrong with labels.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {cause}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system, or the Parquet reader, says.
        #[source]
        cause: std::io::Error,
    },
    /// A class list without a class.
    #[error("{path} contains no class")]
    NoClass {
        /// The file.
        path: PathBuf,
    },
    /// A class that stands twice in a class list.
    #[error("{path} names `{name}` in line {first} and in line {second}")]
    ClassTwice {
        /// The file.
        path: PathBuf,
        /// The class.
        name: String,
        /// Its first line, from 1.
        first: usize,
        /// Its second.
        second: usize,
    },
    /// Videos without a label.
    #[error("no label for {rows} of {videos} videos")]
    Unlabelled {
        /// Which.
        rows: Rows,
        /// Videos in all.
        videos: usize,
    },
    /// Class numbers beyond the class list.
    #[error("label {label} is outside 0…{last} of {classes} classes: {rows}")]
    Outside {
        /// The first such label.
        label: i64,
        /// The largest possible one.
        last: usize,
        /// Classes.
        classes: usize,
        /// Which videos.
        rows: Rows,
    },
    /// Class names that the class list lacks.
    #[error("class `{name}` is not in the list of {classes} classes: {rows}")]
    UnknownClass {
        /// The class.
        name: String,
        /// Classes of the list.
        classes: usize,
        /// Which videos.
        rows: Rows,
    },
    /// A table that is none, or lacks a column.
    #[error("{path}: {why}")]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Two rows of a table give one video different labels.
    #[error("{path}: rows {first} and {second} give {video} different labels")]
    TableContradicts {
        /// The file.
        path: PathBuf,
        /// First row, from 1 without the head.
        first: usize,
        /// Second row.
        second: usize,
        /// The video as the table names it.
        video: String,
    },
    /// One row of a table fits several videos.
    #[error("{path}: `{name}` fits more than one video: {rows}")]
    TableAmbiguous {
        /// The file.
        path: PathBuf,
        /// The name in the table.
        name: String,
        /// Which videos.
        rows: Rows,
    },
    /// Videos that are in both parts.
    #[error("these test videos are also in train: {rows}")]
    InBoth {
        /// Which rows of the test list.
        rows: Rows,
    },
    /// Classes that are measurements.
    #[error("`{word}` is a fraction, but a class is a whole number or a name: {rows}")]
    Score {
        /// The first of them.
        word: String,
        /// Which videos.
        rows: Rows,
    },
    /// Classes that are several.
    #[error("`{word}` looks like several classes of one video: {rows}")]
    Several {
        /// The first of them.
        word: String,
        /// Which videos.
        rows: Rows,
    },
    /// A list with a wrong line.
    #[error("{path}: {cause}")]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: crate::dataset::list_file::ListError,
    },
    /// A video of the test whose bytes are also trained on, under another name.
    #[error("the same bytes are in train and in test under two names: {pairs}")]
    SameContent {
        /// The first ones, `train = test`.
        pairs: String,
    },
    /// A split that cannot be understood.
    #[error("`{text}` is not a split: {why}")]
    Split {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}
