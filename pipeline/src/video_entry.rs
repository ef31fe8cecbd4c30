//! One video of a dataset, by its file and its class, and what a scan found wrong with it.

use std::path::PathBuf;

/// One video of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VideoEntry {
    /// Its file.
    pub path: PathBuf,
    /// Its class, where the list has classes.
    pub label: Option<i32>,
}

/// Why a scan found that a video gives no clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFailure {
    /// The stable word.
    pub verdict: String,
    /// The sentence.
    pub reason: String,
}
