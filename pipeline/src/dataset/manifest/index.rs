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

use schemas::{MADE_BY, file_index::FileIndexFacts};

use crate::{
    VideoNumber,
    shard::{FileIndex, Row, ShardError, ShardFacts as _, ShardWriter},
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
    let index = if folder.is_dir() { FileIndex::open(&folder).ok()? } else { return None };
    (index.facts().source == source).then_some(index)
}

/// Takes away the files of an index.
fn clear(folder: &Path) -> Result<(), ShardError> {
    let failed = |cause| ShardError::Io { action: "write", path: folder.to_owned(), cause };
    if folder.is_dir() {
        for file in fs::read_dir(folder).map_err(failed)? {
            let path = file.map_err(failed)?.path();
            if FileIndex::is_name(&path) {
                fs::remove_file(&path).map_err(failed)?;
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
        Ok(Self { folder, facts, waiting: BTreeMap::new(), next: VideoNumber(0), file: None })
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
        while let Some(row) = self.waiting.remove(&self.next) {
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
