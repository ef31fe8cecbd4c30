//! The index beside a manifest: where the packets of its videos are in their files, so that an epoch does not take
//! every file apart again.
//!
//! `manifest.parquet` has `manifest.index/`, a folder of [`FileIndex`] files. It is a help and no more: without
//! it, or where a file has changed since, a video is opened as ever.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use schemas::{MADE_BY, Slice, file_index::FileIndexFacts};

use crate::{
    VideoNumber,
    shard::{FileIndex, Row, ShardError, ShardFacts as _, ShardWriter},
    store,
};
#[cfg(feature = "video")]
use crate::{file::FileStamp, names, video::OpenVideo, video_entry::VideoEntry};

/// Videos of a file of the index.
const VIDEOS_PER_FILE: u32 = 4096;

/// Writes the rows of an index, which come in any order.
#[derive(Debug)]
pub struct IndexWriter {
    folder: PathBuf,
    facts: FileIndexFacts,
    /// The videos that have rows here.
    slice: Option<Slice>,
    /// Rows that wait for those before them; nothing for a video without one.
    waiting: BTreeMap<VideoNumber, Option<Row>>,
    /// The video whose row is written next.
    next: VideoNumber,
    file: Option<ShardWriter>,
}

/// The folder of a manifest's index.
fn folder_of(manifest: &Path) -> PathBuf {
    manifest.with_extension("index")
}

/// The index beside `manifest`, if it has a whole one for the list of videos with the digest `source`.
pub fn beside(manifest: &Path, source: &str) -> Option<FileIndex> {
    let folder = folder_of(manifest);
    let index = if store::is_folder(&folder) { FileIndex::open(&folder).ok()? } else { return None };
    (index.facts().source == source).then_some(index)
}

/// Takes away the files of an index.
fn clear(folder: &Path) -> Result<(), ShardError> {
    let failed = |cause| ShardError::Io { action: "write", path: folder.to_owned(), cause };
    if store::is_folder(folder) {
        for path in store::entries(folder).map_err(failed)? {
            if FileIndex::is_name(&path) {
                store::remove_file(&path).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// The row of video `number` of a manifest, `stamp` being that of its file before it was opened; nothing where it has
/// no index ([`OpenVideo::to_indexed`]).
#[cfg(feature = "video")]
pub fn row(
    open: &OpenVideo,
    number: VideoNumber,
    entry: &VideoEntry,
    stamp: FileStamp,
    facts: &FileIndexFacts,
) -> Option<Row> {
    open.to_indexed(number, names::name_of(&entry.path), entry.label, stamp)?.into_row(facts)
}

/// Puts the indexes beside manifests of slices together to that of `manifest`: row i is the next of slice i mod N, if
/// that has a row of it.
///
/// # Errors
/// When an index of a slice is not there, or cannot be read, or the new one cannot be written.
#[cfg(feature = "video")]
pub fn join(slices: &[PathBuf], manifest: &Path, videos: u64, source: String) -> Result<(), ShardError> {
    let indexes =
        slices.iter().map(|slice| FileIndex::open(&folder_of(slice))).collect::<Result<Vec<_>, _>>()?;
    let mut rows: Vec<_> = indexes.iter().map(|index| index.all_rows().peekable()).collect();
    let mut joined = IndexWriter::create(manifest, videos, source)?;
    for (video, slice) in (0..videos).zip((0..rows.len()).cycle()) {
        let is_its_own = |row: &Result<Row, ShardError>| row.as_ref().map_or(true, |row| row.key == video);
        let row = rows[slice].next_if(is_its_own).transpose()?;
        joined.put(VideoNumber(video), row)?;
    }
    Ok(())
}

impl IndexWriter {
    /// Begins the index of a manifest of so many videos, whose list has the digest `source`. What an earlier scan
    /// left is taken away.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(manifest: &Path, videos: u64, source: String) -> Result<Self, ShardError> {
        let folder = folder_of(manifest);
        clear(&folder)?;
        let made_by = MADE_BY.to_owned();
        let facts = FileIndexFacts { videos, videos_per_shard: VIDEOS_PER_FILE, source, made_by };
        Ok(Self { folder, facts, slice: None, waiting: BTreeMap::new(), next: VideoNumber(0), file: None })
    }

    /// The same index of the videos of a slice alone: of the others [`Self::put`] is told nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn of_slice(self, slice: Slice) -> Result<Self, ShardError> {
        let mut index = Self { slice: Some(slice), ..self };
        index.write_waiting()?;
        Ok(index)
    }

    /// Takes away what was written: a scan that stops leaves no half of an index.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn discard(self) -> Result<(), ShardError> {
        let Self { folder, file, .. } = self;
        // A file that is not whole yet lies in the folder until it is dropped.
        drop(file);
        clear(&folder)?;
        // Where others keep something in the folder it stays.
        let _ = fs::remove_dir(&folder);
        Ok(())
    }

    /// What a row is made with.
    pub fn facts(&self) -> &FileIndexFacts {
        &self.facts
    }

    /// Takes the row of a video, or word that it has none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&mut self, video: VideoNumber, row: Option<Row>) -> Result<(), ShardError> {
        self.waiting.insert(video, row);
        self.write_waiting()
    }

    /// The row of the next video, once it is known.
    fn next_row(&mut self) -> Option<Option<Row>> {
        let is_of_another = self.slice.is_some_and(|slice| !slice.has(self.next.0));
        if is_of_another && self.next.0 < self.facts.keys() {
            return Some(None);
        }
        self.waiting.remove(&self.next)
    }

    fn write_waiting(&mut self) -> Result<(), ShardError> {
        while let Some(row) = self.next_row() {
            let (VideoNumber(key), per_file) = (self.next, u64::from(VIDEOS_PER_FILE));
            if key.is_multiple_of(per_file) {
                let end = (key + per_file).min(self.facts.keys());
                self.file = Some(ShardWriter::create(&self.folder, &self.facts, key..end)?);
            }
            if let (Some(file), Some(row)) = (&mut self.file, row) {
                file.push(row)?;
            }
            self.next = VideoNumber(key + 1);
            if (self.next.0.is_multiple_of(per_file) || self.next.0 == self.facts.keys())
                && let Some(file) = self.file.take()
            {
                file.finish()?;
            }
        }
        Ok(())
    }
}
