//! An open file, or an open object of a store, whose bytes are brought as they are read.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::Arc,
};

use schemas::regular_file;

use super::{fetch::Fetch, stamp::FileStamp};
use crate::store;

/// A file or an object, open for reading.
#[derive(Debug)]
pub struct OpenFile {
    pub(super) file: fs::File,
    pub(super) fetch: Option<Arc<dyn Fetch>>,
    stamp: Option<FileStamp>,
}

impl OpenFile {
    /// Opens the file at a path, or the object at an address.
    ///
    /// # Errors
    /// When it cannot be read, or is no file: opening a pipe would wait for somebody to write to it.
    pub fn open(path: &Path) -> io::Result<Self> {
        if store::is_address(path) {
            let (file, fetch, stamp) = store::open(path)?;
            return Ok(Self { file, fetch: Some(fetch), stamp: Some(stamp) });
        }
        Ok(regular_file::open(path)?.into())
    }

    /// How many bytes it has.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// By what it is known again.
    ///
    /// # Errors
    /// When the system keeps no times.
    pub fn stamp(&self) -> io::Result<FileStamp> {
        self.stamp.map_or_else(|| FileStamp::of_file(&self.file), Ok)
    }
}

impl From<fs::File> for OpenFile {
    fn from(file: fs::File) -> Self {
        Self { file, fetch: None, stamp: None }
    }
}

impl Read for OpenFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&*self).read(into)
    }
}

impl Read for &OpenFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut file = &self.file;
        if let Some(fetch) = &self.fetch {
            let start = file.stream_position()?;
            fetch.fetch(start..start.saturating_add(into.len() as u64))?;
        }
        file.read(into)
    }
}

impl Seek for OpenFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Seek for &OpenFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&self.file).seek(to)
    }
}
