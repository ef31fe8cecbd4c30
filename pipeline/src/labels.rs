//! Classes of videos: where they come from, and what is wrong with them.
//!
//! ```text
//! list: second column (a number) ─┐
//! folder/class/video.mp4 ─────────┼─▶ a class number for every video, and the names of the classes
//! CSV or Parquet, joined by path ─┘      (classes.txt: a name a line, its line is its number)
//! ```
//!
//! A wrong label stops everything before a video is opened, and the error names the rows.

mod cells;
mod classes;
pub mod folders;
pub mod leaks;
pub mod list;
mod numbers;
mod several;
mod split;
mod table;
mod weights;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::{self, Display, Formatter},
    path::PathBuf,
};

pub use cells::Columns;
pub use classes::Classes;
pub use numbers::numbers;
pub use several::several;
pub use split::{DrawnBy, Split, held_out_by_rows, is_held_out};
pub use table::Table;
pub use weights::{balanced_weights, positive_weights};
pub use words::unlabelled;
use words::{check_names, words};

use crate::{dataset::VideoEntry, names};

/// Rows that an error names; the others are counted.
const NAMED: usize = 5;

/// Where labels come from.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelSource {
    /// The numbers of a manifest or of shards.
    Videos,
    /// What stands behind each path of a list: numbers where every one is a whole number, names otherwise.
    List(Vec<Option<String>>),
    /// The name of a folder of each video.
    Folders(Vec<Option<String>>),
    /// A table, joined by path.
    Table(Table),
}

/// Some rows of a list, the first ones by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    named: Vec<(usize, PathBuf)>,
    count: usize,
}

impl Rows {
    /// The rows (counted from 0) of `videos`.
    fn of(videos: &[VideoEntry], rows: &[usize]) -> Self {
        let named = rows.iter().take(NAMED).filter_map(|&row| Some((row, videos.get(row)?.path.clone())));
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
    #[error("{path} names no class")]
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
    #[error("{rows} of {videos} videos: no label")]
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
    #[error("in train and in test: {rows} of the test videos")]
    InBoth {
        /// Which rows of the test list.
        rows: Rows,
    },
    /// Classes that are measurements.
    #[error("`{word}` is a fraction, and a class is a whole number or a name: {rows}")]
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
        cause: list::ListError,
    },
    /// A video of the test whose bytes are also trained on, under another name.
    #[error("in train and in test under two names, with the same bytes: {pairs}")]
    SameContent {
        /// The first ones, `train = test`.
        pairs: String,
    },
    /// A split that cannot be understood.
    #[error("`{text}` is no split: {why}")]
    Split {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A class as a source writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Number(i64),
    Name(String),
}

/// Gives every video its class number. Without `classes`, the classes are those that occur: names sorted, or
/// the numbers from 0 to the largest.
///
/// # Errors
/// When a video has no label, or one that is no class.
pub fn label(
    videos: &mut [VideoEntry],
    source: &LabelSource,
    classes: Option<Classes>,
) -> Result<Classes, LabelError> {
    let words = words(videos, source)?;
    let without: Vec<usize> = (0..videos.len()).filter(|&row| words[row].is_none()).collect();
    if !without.is_empty() {
        return Err(LabelError::Unlabelled { rows: Rows::of(videos, &without), videos: videos.len() });
    }
    let words: Vec<Word> = words.into_iter().flatten().collect();
    let classes = match classes {
        Some(classes) => classes,
        None => {
            check_names(videos, &words)?;
            occurring(&words)
        }
    };
    let mut numbers = Vec::with_capacity(words.len());
    for word in &words {
        let number = match word {
            Word::Number(number) => usize::try_from(*number).ok().filter(|&number| number < classes.len()),
            Word::Name(name) => classes.number_of(name),
        };
        let same = || (0..words.len()).filter(|&row| words[row] == *word).collect::<Vec<_>>();
        numbers.push(number.ok_or_else(|| match word {
            Word::Name(name) => LabelError::UnknownClass {
                name: name.clone(),
                classes: classes.len(),
                rows: Rows::of(videos, &same()),
            },
            Word::Number(number) => LabelError::Outside {
                label: *number,
                last: classes.len().saturating_sub(1),
                classes: classes.len(),
                rows: Rows::of(videos, &same()),
            },
        })?);
    }
    for (video, number) in videos.iter_mut().zip(numbers) {
        video.label = i32::try_from(number).ok();
    }
    Ok(classes)
}

/// The classes that occur.
fn occurring(words: &[Word]) -> Classes {
    let numbers_only = words.iter().all(|word| matches!(word, Word::Number(_)));
    if numbers_only {
        let largest =
            words.iter().map(|word| if let Word::Number(number) = word { *number } else { 0 }).max();
        // A class list is held in memory: a number beyond 16 bits is a mistake, and is refused as outside.
        let count = largest.map_or(0, |largest| largest.clamp(-1, i64::from(u16::MAX)) + 1);
        return Classes::numbered(count as usize);
    }
    let names: BTreeSet<String> = words
        .iter()
        .map(|word| match word {
            Word::Number(number) => number.to_string(),
            Word::Name(name) => name.clone(),
        })
        .collect();
    Classes::of(names.into_iter().collect())
}

/// Refuses parts that share a video. Paths are compared as the file system resolves them, so a link or
/// another spelling does not hide one.
///
/// # Errors
/// Names the rows of `test`.
pub fn check_disjoint(train: &[VideoEntry], test: &[VideoEntry]) -> Result<(), LabelError> {
    let resolved = |video: &VideoEntry| video.path.canonicalize().unwrap_or_else(|_| video.path.clone());
    let known: std::collections::HashSet<PathBuf> = train.iter().map(resolved).collect();
    let both: Vec<usize> = (0..test.len()).filter(|&row| known.contains(&resolved(&test[row]))).collect();
    if both.is_empty() { Ok(()) } else { Err(LabelError::InBoth { rows: Rows::of(test, &both) }) }
}

/// Videos of each class, by class number.
pub fn counts(videos: &[VideoEntry], classes: &Classes) -> Vec<usize> {
    let mut counts: HashMap<i32, usize> = HashMap::new();
    for label in videos.iter().filter_map(|video| video.label) {
        *counts.entry(label).or_default() += 1;
    }
    let count = |class: usize| i32::try_from(class).ok().and_then(|class| counts.get(&class).copied());
    (0..classes.len()).map(|class| count(class).unwrap_or(0)).collect()
}

/// The rows of each class, ascending; unlabelled videos form the class −1.
fn by_class(videos: &[VideoEntry]) -> BTreeMap<i32, Vec<usize>> {
    let mut rows: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (row, video) in videos.iter().enumerate() {
        rows.entry(video.label.unwrap_or(-1)).or_default().push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(path: &str, label: Option<i32>) -> VideoEntry {
        VideoEntry { path: path.into(), label }
    }

    #[test]
    fn folders_become_classes_in_the_order_of_their_names() {
        let mut videos = ["d/run/a.mp4", "d/jump/b.mp4", "d/run/c.mp4"].map(|path| video(path, None));
        let folders = ["run", "jump", "run"].map(|name| Some(name.to_owned())).to_vec();
        let classes = label(&mut videos, &LabelSource::Folders(folders), None).unwrap();
        assert_eq!(classes.names(), ["jump", "run"]);
        assert_eq!(videos.each_ref().map(|video| video.label), [Some(1), Some(0), Some(1)]);
        assert_eq!(counts(&videos, &classes), [1, 2]);
    }

    #[test]
    fn numbers_of_a_list_are_kept() {
        let mut videos = [video("a.mp4", Some(2)), video("b.mp4", Some(0))];
        let classes = label(&mut videos, &LabelSource::Videos, None).unwrap();
        assert_eq!((classes.len(), videos[0].label), (3, Some(2)));
    }

    #[test]
    fn wrong_labels_name_their_rows() {
        let names = || Some(Classes::of(vec!["jump".into(), "run".into()]));
        let mut videos = [video("a.mp4", Some(2)), video("b.mp4", Some(0)), video("c.mp4", Some(2))];
        let refused = label(&mut videos, &LabelSource::Videos, names()).unwrap_err().to_string();
        assert_eq!(refused, "label 2 is outside 0…1 of 2 classes: row 1 (a.mp4), row 3 (c.mp4)");

        let mut videos = [video("a.mp4", Some(1)), video("b.mp4", None)];
        let refused = label(&mut videos, &LabelSource::Videos, names()).unwrap_err().to_string();
        assert_eq!(refused, "row 2 (b.mp4) of 2 videos: no label");

        let mut videos = [video("swim/a.mp4", None), video("run/b.mp4", None)];
        let folders = LabelSource::Folders(vec![Some("swim".into()), Some("run".into())]);
        let refused = label(&mut videos, &folders, names()).unwrap_err().to_string();
        assert_eq!(refused, "class `swim` is not in the list of 2 classes: row 1 (swim/a.mp4)");

        let mut videos = [video("a.mp4", Some(-1)), video("b.mp4", Some(i32::MAX))];
        assert!(matches!(
            label(&mut videos, &LabelSource::Videos, None),
            Err(LabelError::Outside { label: -1, .. })
        ));
    }

    #[test]
    fn a_video_in_both_parts_is_found_however_it_is_spelt() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("a.mp4"), "").unwrap();
        let train = [video(&path("a.mp4"), None)];
        let test = [video(&path("b.mp4"), None), video(&path("./../"), None), video(&path("./a.mp4"), None)];
        let refused = check_disjoint(&train, &test).unwrap_err().to_string();
        assert!(refused.starts_with("in train and in test: row 3"), "{refused}");
        check_disjoint(&train, &test[..2]).unwrap();
    }
}
