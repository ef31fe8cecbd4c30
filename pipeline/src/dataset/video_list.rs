//! Video files in the order that numbers them, with what a scan found of them.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use schemas::manifest::GOOD;

use super::manifest::{self, ListedRow, ManifestError};
use crate::{
    VideoNumber,
    shard::FileIndex,
    video::stored_video::IndexedVideo,
    video_entry::{KnownFailure, VideoEntry},
};

/// Video files in the order that numbers them.
#[derive(Clone, Debug, Default)]
pub struct VideoList {
    entries: Vec<VideoEntry>,
    failures: BTreeMap<VideoNumber, KnownFailure>,
    /// Whether a scan opened those that are not known to be bad.
    scanned: bool,
    /// Bytes of each video that a scan decoded whole without complaint.
    verified: BTreeMap<VideoNumber, u64>,
    /// Where their packets are, if the manifest has that beside it.
    index: Option<FileIndex>,
    /// The first video of the file of each, where some are parts of files.
    files: Option<Arc<[VideoNumber]>>,
}

impl VideoList {
    /// The videos of a list; none is known to be bad.
    pub fn new(entries: Vec<VideoEntry>) -> Self {
        let files = files(&entries);
        Self { entries, files, ..Self::default() }
    }

    /// Adds a video of a manifest.
    fn add(&mut self, row: ListedRow) {
        let number = VideoNumber(self.entries.len() as u64);
        if row.verified {
            self.verified.insert(number, row.bytes);
        }
        self.entries.push(VideoEntry { path: row.path.into(), label: row.label, segment: row.segment });
        if row.verdict != GOOD {
            let reason = row.reason.unwrap_or_default();
            self.failures.insert(number, KnownFailure { verdict: row.verdict, reason });
        }
    }

    /// The videos with these numbers, in this order, with what a scan found of them. The index of packets is left behind:
    /// it goes by the numbers of the whole list.
    pub fn chosen(&self, numbers: &[VideoNumber]) -> Self {
        let mut chosen = Self::default();
        for (behind, number) in numbers.iter().zip((0..).map(VideoNumber)) {
            let Some(entry) = self.entries.get(behind.index()) else { continue };
            chosen.entries.push(entry.clone());
            if let Some(failure) = self.failures.get(behind) {
                chosen.failures.insert(number, failure.clone());
            }
            if let Some(&bytes) = self.verified.get(behind) {
                chosen.verified.insert(number, bytes);
            }
        }
        chosen.files = files(&chosen.entries);
        chosen
    }

    /// The videos of the manifest at `path`, with the index beside it.
    ///
    /// # Errors
    /// When it cannot be read, or is no manifest.
    pub(super) fn of_manifest_file(path: &Path) -> Result<Self, ManifestError> {
        let mut videos = Self { scanned: true, ..Self::default() };
        for row in manifest::listed(path)? {
            videos.add(row?);
        }
        videos.entries.shrink_to_fit();
        videos.files = files(&videos.entries);
        let index = manifest::index::beside(path, &videos.digest());
        Ok(Self { index, ..videos })
    }

    /// Where the packets of video `number` are in its file, as far as a scan kept it. A damaged index is none.
    pub fn indexed(&self, number: VideoNumber) -> Option<IndexedVideo> {
        self.index.as_ref()?.video(self.file_of(number)).ok().flatten()
    }

    /// Whether a scan kept where the packets of video `number` are.
    pub fn is_indexed(&self, number: VideoNumber) -> bool {
        self.index.as_ref().is_some_and(|index| index.holds(self.file_of(number)))
    }

    /// The first video of the list that lies in the same file as video `number`: videos that are parts of one file are
    /// opened and verified together. Where no video is a part, each is a file of its own.
    pub fn file_of(&self, number: VideoNumber) -> VideoNumber {
        self.files.as_ref().and_then(|files| files.get(number.index())).copied().unwrap_or(number)
    }

    /// The videos that are parts of a file.
    pub fn segments(&self) -> usize {
        self.entries.iter().filter(|video| !video.segment.is_whole()).count()
    }

    /// The videos, failed ones included; a video's number is its place.
    pub fn entries(&self) -> &[VideoEntry] {
        &self.entries
    }

    /// Whether video `number` was there when a scan opened it.
    pub fn was_there(&self, number: VideoNumber) -> bool {
        self.scanned && !self.failures.contains_key(&number)
    }

    /// What a scan found wrong with video `number`.
    pub fn known_failure(&self, number: VideoNumber) -> Option<&KnownFailure> {
        self.failures.get(&number)
    }

    /// How many bytes video `number` had when a scan decoded it whole without complaint, if it did.
    pub fn verified_bytes(&self, number: VideoNumber) -> Option<u64> {
        self.verified.get(&number).copied()
    }

    /// The same videos, taken for decoded whole without complaint: for who measures what that costs, not for training.
    pub fn taken_for_verified(mut self) -> Self {
        let bytes = |video: &VideoEntry| std::fs::metadata(&video.path).map_or(0, |file| file.len());
        self.verified = (0..).map(VideoNumber).zip(self.entries.iter().map(bytes)).collect();
        self
    }

    /// Digest of paths, labels and parts in their order, hexadecimal: two lists with the same digest give
    /// every clip the same video.
    pub fn digest(&self) -> String {
        digest(&self.entries)
    }
}

/// Digest of a list: see [`VideoList::digest`].
pub fn digest(entries: &[VideoEntry]) -> String {
    let mut hasher = blake3::Hasher::new();
    for VideoEntry { path, label, segment } in entries {
        let path = path.as_os_str().as_encoded_bytes();
        hasher.update(&(path.len() as u64).to_le_bytes());
        hasher.update(path);
        hasher.update(&[u8::from(label.is_some())]);
        hasher.update(&label.unwrap_or_default().to_le_bytes());
        // Lists of whole videos keep the digest that they had before there were parts.
        hasher.update(segment.fragment().as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// The first video of the file of each of `entries`; nothing where none is a part of a file.
pub fn files(entries: &[VideoEntry]) -> Option<Arc<[VideoNumber]>> {
    if entries.iter().all(|video| video.segment.is_whole()) {
        return None;
    }
    let mut first: HashMap<&Path, VideoNumber> = HashMap::new();
    let numbered = entries.iter().zip((0..).map(VideoNumber));
    Some(numbered.map(|(video, number)| *first.entry(&video.path).or_insert(number)).collect())
}
