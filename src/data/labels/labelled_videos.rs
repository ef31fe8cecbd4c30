//! Videos with their classes, or with several labels or numbers each.

use std::{path::PathBuf, sync::Arc};

use pipeline::{
    VideoNumber,
    dataset::{self, Dataset},
    source::subset::SubsetVideo,
    video_entry::VideoEntry,
};

use crate::{data::listing::Listing, error::Result, observer::Observer};

/// Videos with their classes, and where their clips come from.
#[derive(Clone, Debug)]
pub struct LabelledVideos {
    pub(crate) listing: Listing,
    /// Several labels, or numbers, of each; empty where they have one class each or none.
    labels: Vec<Arc<[f32]>>,
}

impl LabelledVideos {
    /// Opens VIDEOS, a manifest or shards; classes are those that are stored there.
    ///
    /// # Errors
    /// Usage error: nothing is there.
    pub fn open(given: &[PathBuf], observer: &dyn Observer) -> Result<Self> {
        let listing = Listing::open(given, observer)?;
        let videos = listing.dataset.videos();
        let missing = videos.saturating_sub(listing.entries.len() as u64);
        if missing > 0 {
            observer
                .note(format_args!("{missing} of {videos} videos are not in the shards and are left out"));
        }
        Ok(Self { listing, labels: Vec::new() })
    }

    /// Refuses videos of which not one is there.
    ///
    /// # Errors
    /// Usage error.
    pub fn check_there(&self) -> Result<()> {
        self.listing.check_there()
    }

    /// Paths and classes; a video's row is its place.
    pub fn entries(&self) -> &[VideoEntry] {
        &self.listing.entries
    }

    /// The name of each video below the folder that it was found in, and which part of it is meant.
    pub fn names(&self) -> Vec<String> {
        self.listing.names()
    }

    /// The name of the file of each: parts of one file have one.
    pub fn file_names(&self) -> Vec<String> {
        self.listing.file_names()
    }

    /// How many.
    pub fn len(&self) -> u64 {
        self.listing.entries.len() as u64
    }

    /// Whether there is none, which [`Self::open`] refuses.
    pub fn is_empty(&self) -> bool {
        self.listing.entries.is_empty()
    }

    /// Where their clips come from; it may hold other videos too.
    pub fn dataset(&self) -> &Dataset {
        &self.listing.dataset
    }

    /// The videos as the dataset numbers them.
    pub fn chosen(&self) -> Vec<SubsetVideo> {
        let chosen =
            |(&number, entry): (&VideoNumber, &VideoEntry)| SubsetVideo { number, label: entry.label };
        self.listing.numbers.iter().zip(self.listing.entries.iter()).map(chosen).collect()
    }

    /// Several labels, or numbers, of each video; empty where they have one class each or none.
    pub fn labels(&self) -> &[Arc<[f32]>] {
        &self.labels
    }

    /// Digest of paths and classes in their order.
    pub fn digest(&self) -> String {
        let of_list = dataset::digest(&self.listing.entries);
        if self.labels.is_empty() { of_list } else { digest(&of_list, &self.labels) }
    }

    /// Those in these rows, in this order.
    pub fn rows(&self, rows: &[usize]) -> Self {
        let labels = rows.iter().filter_map(|&row| self.labels.get(row).map(Arc::clone)).collect();
        Self { listing: self.listing.chosen(rows), labels }
    }

    /// Gives the videos these class numbers.
    pub fn with_classes(mut self, numbers: impl IntoIterator<Item = Option<i32>>) -> Self {
        for (entry, number) in Arc::make_mut(&mut self.listing.entries).iter_mut().zip(numbers) {
            entry.label = number;
        }
        self
    }

    /// Gives the videos several labels, or numbers, each. They are in no class then.
    pub fn set_labels(&mut self, labels: Vec<Arc<[f32]>>) {
        Arc::make_mut(&mut self.listing.entries).iter_mut().for_each(|entry| entry.label = None);
        self.labels = labels;
    }
}

/// Digest of a list of videos of this digest with these labels.
fn digest(of_list: &str, labels: &[Arc<[f32]>]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(of_list.as_bytes());
    for labels in labels {
        hasher.update(&(labels.len() as u64).to_le_bytes());
        labels.iter().for_each(|label| {
            hasher.update(&label.to_le_bytes());
        });
    }
    hasher.finalize().to_hex().to_string()
}
