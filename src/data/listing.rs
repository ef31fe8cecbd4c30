//! Videos as they are named: where each was found, and its name below that folder.
//!
//! ```text
//! --data films              films/pouring/a.mp4       is pouring/a.mp4 below films
//! --data lists/train.txt    lists/pouring/a.mp4       is pouring/a.mp4 below lists
//! a manifest, shards, a list of other places           below the deepest folder that holds them all
//! ```
//!
//! A name is the same wherever the folder lies. It is what a run knows its videos by, what a split is drawn from,
//! and what a folder's class is read from.

use std::{
    collections::HashMap,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use pipeline::{
    VideoNumber,
    dataset::{Dataset, labels::folders::Placed},
    video_entry::VideoEntry,
};

use super::{dataset, videos};
use crate::{
    error::{Result, Usage},
    observer::Observer,
};

/// Videos, and where their clips come from.
#[derive(Clone, Debug)]
pub struct Listing {
    /// It may hold other videos too.
    pub dataset: Dataset,
    /// The videos as the dataset numbers them.
    pub numbers: Vec<VideoNumber>,
    /// Their files and classes; shared with the dataset until classes are given to them.
    pub entries: Arc<Vec<VideoEntry>>,
    /// Where each was found.
    pub placed: Vec<Placed>,
    /// What lists say of their classes, if any does.
    pub words: Option<Vec<Option<Arc<str>>>>,
}

impl Listing {
    /// Opens VIDEOS, a manifest or shards.
    ///
    /// # Errors
    /// Usage error: nothing is there.
    pub fn open(given: &[PathBuf], observer: &dyn Observer) -> Result<Self> {
        let (dataset, roots, words) = match dataset::open_parquet(given)? {
            Some(dataset) => (dataset, Vec::new(), None),
            None => {
                let found = videos::find(given, observer)?;
                let has_words = found.iter().any(|found| found.class.is_some());
                let words = has_words.then(|| found.iter().map(|found| found.class.clone()).collect());
                let roots = found.iter().map(|found| found.root.clone()).collect();
                let entries = found.into_iter().map(|found| found.entry).collect();
                (Dataset::of_videos(entries), roots, words)
            }
        };
        let (numbers, entries) = match &dataset {
            Dataset::Videos(videos) => {
                ((0..dataset.videos()).map(VideoNumber).collect(), videos.shared_entries())
            }
            shards => {
                let (numbers, entries): (Vec<VideoNumber>, Vec<VideoEntry>) =
                    shards.listing()?.into_iter().unzip();
                (numbers, Arc::new(entries))
            }
        };
        if entries.is_empty() {
            return Err(Usage::new("there is no video in these shards").into());
        }
        let placed = place(&entries, &roots);
        Ok(Self { dataset, numbers, entries, placed, words })
    }

    /// Refuses videos of which not one is there, before anything is made for them.
    ///
    /// # Errors
    /// Usage error: names the first of them.
    pub fn check_there(&self) -> Result<()> {
        let shards = !matches!(self.dataset, Dataset::Videos(_));
        if shards || self.entries.iter().any(|video| video.place().exists()) {
            return Ok(());
        }
        let first =
            self.entries.first().map_or_else(String::new, |video| pipeline::names::shown(&video.path));
        Err(Usage::new(format!("none of the {} videos is there, the first: {first}", self.entries.len()))
            .hint("paths in a list are relative to the folder of the list, or to the working directory")
            .into())
    }

    /// The name of each video below the folder that it was found in, and which part of it is meant.
    pub fn names(&self) -> Vec<String> {
        let name =
            |(placed, entry): (&Placed, &VideoEntry)| slashed(placed.name()) + &entry.segment.fragment();
        self.placed.iter().zip(self.entries.iter()).map(name).collect()
    }

    /// The name of the file of each: parts of one file have one.
    pub fn file_names(&self) -> Vec<String> {
        self.placed.iter().map(|placed| slashed(placed.name())).collect()
    }

    /// Those in these rows, in this order.
    pub fn chosen(&self, rows: &[usize]) -> Self {
        fn pick<T: Clone>(all: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().filter_map(|&row| all.get(row).cloned()).collect()
        }
        Self {
            dataset: self.dataset.clone(),
            numbers: pick(&self.numbers, rows),
            entries: Arc::new(pick(&self.entries, rows)),
            placed: pick(&self.placed, rows),
            words: self.words.as_ref().map(|words| pick(words, rows)),
        }
    }
}

/// The rows of `found` that are the videos of `known`, in the order of `known`, and the rows of others. Names that
/// begin with another folder are the same where that is all they differ in: the list was made elsewhere.
///
/// # Errors
/// The names that are not there.
pub fn find_again(known: &[&str], found: &[String]) -> Result<(Vec<usize>, Vec<usize>), Vec<String>> {
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    match by_name(known, &found) {
        Ok(rows) => Ok(rows),
        Err(missing) => by_name(&without_common_folder(known), &without_common_folder(&found))
            .ok()
            .filter(|(_, others)| others.is_empty())
            .ok_or(missing),
    }
}

fn by_name(known: &[&str], found: &[&str]) -> Result<(Vec<usize>, Vec<usize>), Vec<String>> {
    let mut rows: HashMap<&str, Vec<usize>> = HashMap::new();
    // A name that stands twice is taken in its order.
    for (row, name) in found.iter().enumerate().rev() {
        rows.entry(name).or_default().push(row);
    }
    let taken: Vec<Option<usize>> = known.iter().map(|name| rows.get_mut(name)?.pop()).collect();
    let missing: Vec<String> = known
        .iter()
        .zip(&taken)
        .filter(|(_, row)| row.is_none())
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let mut others: Vec<usize> = rows.into_values().flatten().collect();
    others.sort_unstable();
    Ok((taken.into_iter().flatten().collect(), others))
}

fn without_common_folder<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let folders = |name: &'a str| name.rsplit_once('/').map_or("", |(folders, _)| folders);
    let mut common: Option<Vec<&str>> = None;
    for name in names {
        let parts: Vec<&str> = folders(name).split_terminator('/').collect();
        common = Some(match common {
            None => parts,
            Some(common) => shared(common, parts),
        });
    }
    let length: usize = common.unwrap_or_default().iter().map(|part| part.len() + 1).sum();
    names.iter().map(|name| name.get(length..).unwrap_or(name)).collect()
}

fn shared<T: PartialEq>(one: Vec<T>, other: Vec<T>) -> Vec<T> {
    one.into_iter().zip(other).take_while(|(one, other)| one == other).map(|(one, _)| one).collect()
}

/// Where each video was found: below its root, or below the folder that all without one have in common.
fn place(entries: &[VideoEntry], roots: &[Option<Arc<Path>>]) -> Vec<Placed> {
    let root_of = |row: usize| roots.get(row).cloned().flatten();
    let mut common: Option<Vec<Component<'_>>> = None;
    for (row, entry) in entries.iter().enumerate() {
        if root_of(row).is_none() {
            let parts = entry.path.parent().unwrap_or(Path::new("")).components().collect();
            common = Some(match common {
                None => parts,
                Some(common) => shared(common, parts),
            });
        }
    }
    let common: PathBuf = common.unwrap_or_default().into_iter().collect();
    let common: Arc<Path> = common.into();
    let placed = |(row, entry): (usize, &VideoEntry)| {
        let root = root_of(row).unwrap_or_else(|| common.clone());
        Placed { root, path: Arc::clone(&entry.path) }
    };
    entries.iter().enumerate().map(placed).collect()
}

/// A path with `/` between its parts, on every system.
fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| match part {
            Component::RootDir => "".into(),
            part => part.as_os_str().to_string_lossy(),
        })
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str], roots: &[Option<&str>]) -> Vec<String> {
        let entries: Vec<_> = paths.iter().map(|path| VideoEntry::whole(path.into(), None)).collect();
        let roots: Vec<_> = roots.iter().map(|root| root.map(|root| Path::new(root).into())).collect();
        place(&entries, &roots).iter().map(|placed| slashed(placed.name())).collect()
    }

    #[test]
    fn a_name_is_the_path_below_the_folder_that_was_given() {
        assert_eq!(names(&["/d/films/a/1.mp4"], &[Some("/d/films")]), ["a/1.mp4"]);
        assert_eq!(names(&["./a/1.mp4", "b.mp4"], &[Some("."), Some("")]), ["a/1.mp4", "b.mp4"]);
    }

    #[test]
    fn without_a_folder_the_deepest_one_that_holds_all_does() {
        let paths = ["/d/films/a/1.mp4", "/d/films/b/2.mp4"];
        assert_eq!(names(&paths, &[]), ["a/1.mp4", "b/2.mp4"]);
        assert_eq!(names(&["/d/1.mp4", "e/2.mp4"], &[]), ["/d/1.mp4", "e/2.mp4"]);
    }

    #[test]
    fn videos_are_found_again_in_their_order_with_those_that_came_and_those_that_went() {
        let found = ["a/1", "a/0", "b/2", "a/1"].map(str::to_owned);
        assert_eq!(find_again(&["a/0", "a/1", "a/1"], &found), Ok((vec![1, 0, 3], vec![2])));
        assert_eq!(find_again(&["a/0", "c/9"], &found), Err(vec!["c/9".to_owned()]));
        // The same list, made in another place.
        let (old, moved) = (["/x/k/a/1", "/x/k/b/2"], ["/y/a/1", "/y/b/2"].map(str::to_owned));
        assert_eq!(find_again(&old, &moved), Ok((vec![0, 1], vec![])));
    }
}
