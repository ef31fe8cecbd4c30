//! Video files in the order that numbers them, with what a scan found of them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
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

/// Video files in the order that numbers them; a clone shares them.
#[derive(Clone, Debug, Default)]
pub struct VideoList {
    entries: Arc<Vec<VideoEntry>>,
    found: Arc<Found>,
    /// Whether a scan opened those that are not known to be bad.
    scanned: bool,
    /// Where their packets are, if the manifest has that beside it.
    index: Option<FileIndex>,
    /// The first video of the file of each, where some are parts of files.
    files: Option<Arc<[VideoNumber]>>,
}

/// What a scan found.
#[derive(Clone, Debug, Default)]
struct Found {
    failures: BTreeMap<VideoNumber, KnownFailure>,
    /// Bytes of each video that was decoded whole without complaint.
    verified: BTreeMap<VideoNumber, u64>,
    /// Digests of files that were.
    digests: Arc<HashSet<blake3::Hash>>,
}

impl VideoList {
    /// The videos of a list; none is known to be bad.
    pub fn new(entries: Vec<VideoEntry>) -> Self {
        let files = files(&entries);
        Self { entries: Arc::new(entries), files, ..Self::default() }
    }

    /// The videos with these numbers, in this order, with what a scan found of them. The index of packets is left behind:
    /// it goes by the numbers of the whole list.
    pub fn chosen(&self, numbers: &[VideoNumber]) -> Self {
        let digests = Arc::clone(&self.found.digests);
        let (mut entries, mut found) = (Vec::new(), Found { digests, ..Found::default() });
        for (behind, number) in numbers.iter().zip((0..).map(VideoNumber)) {
            let Some(entry) = self.entries.get(behind.index()) else { continue };
            entries.push(entry.clone());
            if let Some(failure) = self.found.failures.get(behind) {
                found.failures.insert(number, failure.clone());
            }
            if let Some(&bytes) = self.found.verified.get(behind) {
                found.verified.insert(number, bytes);
            }
        }
        let files = files(&entries);
        Self { entries: Arc::new(entries), found: Arc::new(found), files, ..Self::default() }
    }

    /// The videos of the manifest at `path`, with the index beside it.
    ///
    /// # Errors
    /// When it cannot be read, or is no manifest.
    pub(super) fn of_manifest_file(path: &Path) -> Result<Self, ManifestError> {
        let (mut entries, mut found) = (Vec::new(), Found::default());
        for (row, number) in manifest::listed(path)?.zip((0..).map(VideoNumber)) {
            let ListedRow { path, bytes, label, verdict, reason, verified, segment, extent } = row?;
            if verified {
                found.verified.insert(number, bytes);
            }
            entries.push(VideoEntry { path: path.into(), label, segment, extent: extent.map(Arc::new) });
            if verdict != GOOD {
                let reason = reason.unwrap_or_default();
                found.failures.insert(number, KnownFailure { verdict, reason });
            }
        }
        entries.shrink_to_fit();
        let (index, files) = (manifest::index::beside(path, &digest(&entries)), files(&entries));
        Ok(Self { entries: Arc::new(entries), found: Arc::new(found), scanned: true, index, files })
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

    /// The same, shared: a list may have millions.
    pub fn shared_entries(&self) -> Arc<Vec<VideoEntry>> {
        Arc::clone(&self.entries)
    }

    /// Whether video `number` was there when a scan opened it.
    pub fn was_there(&self, number: VideoNumber) -> bool {
        self.scanned && !self.found.failures.contains_key(&number)
    }

    /// What a scan found wrong with video `number`.
    pub fn known_failure(&self, number: VideoNumber) -> Option<&KnownFailure> {
        self.found.failures.get(&number)
    }

    /// How many bytes video `number` had when a scan decoded it whole without complaint, if it did.
    pub fn verified_bytes(&self, number: VideoNumber) -> Option<u64> {
        self.found.verified.get(&number).copied()
    }

    /// The same videos; one whose bytes have one of these BLAKE3 digests is known to decode without complaint.
    pub fn with_verified_digests(mut self, digests: HashSet<blake3::Hash>) -> Self {
        self.found = Arc::new(Found { digests: Arc::new(digests), ..Found::clone(&self.found) });
        self
    }

    /// Digests of files that are known to decode without complaint.
    pub fn verified_digests(&self) -> &HashSet<blake3::Hash> {
        &self.found.digests
    }

    /// The same videos, taken for decoded whole without complaint: for who measures what that costs, not for training.
    pub fn taken_for_verified(mut self) -> Self {
        let verified = (0..).map(VideoNumber).zip(self.entries.iter().map(VideoEntry::bytes)).collect();
        self.found = Arc::new(Found { verified, ..Found::clone(&self.found) });
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
    for VideoEntry { path, label, segment, .. } in entries {
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
