//! One video of a dataset, by its file and its class, and what a scan found wrong with it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    file::{Extent, Place},
    names,
    segment::Segment,
};

/// One video of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VideoEntry {
    /// Its file, or its place in one (`shards-000.tar/key.mp4`); parts of one file, and copies of a list, share its name.
    pub path: Arc<Path>,
    /// Its class, where the list has classes.
    pub label: Option<i32>,
    /// Which part of it is meant.
    pub segment: Segment,
    /// Where in an archive its bytes are, if it lies in one and that is known.
    pub extent: Option<Arc<Extent>>,
}

impl VideoEntry {
    /// All of the video in this file.
    pub fn whole(path: PathBuf, label: Option<i32>) -> Self {
        Self { path: path.into(), label, segment: Segment::Whole, extent: None }
    }

    /// Where its bytes are.
    pub fn place(&self) -> Place<'_> {
        Place { path: &self.path, extent: self.extent.as_deref() }
    }

    /// Bytes of its file, 0 where that cannot be had.
    pub fn bytes(&self) -> u64 {
        self.place().bytes().unwrap_or(0)
    }

    /// Its name: that of its file, and for a part of it which part that is.
    pub fn name(&self) -> String {
        names::name_of(&self.path) + &self.segment.fragment()
    }
}

impl<'a> From<&'a VideoEntry> for Place<'a> {
    fn from(entry: &'a VideoEntry) -> Self {
        entry.place()
    }
}

/// Why a scan found that a video gives no clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFailure {
    /// The stable word.
    pub verdict: String,
    /// The sentence.
    pub reason: String,
}
