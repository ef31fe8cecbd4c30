//! A film that a child opens, and opens again where the child died; its bytes may have to be brought first.

use std::{
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::message::Request;
use crate::{
    file::{Fetch, Handle},
    heartbeat, system,
};

/// A film that a child opens, once or again.
#[derive(Debug)]
pub(crate) struct Film {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) file: Mutex<File>,
    /// The path by which the file can be opened again, and its bytes; nothing where the film is in memory only.
    pub(super) again: Option<(PathBuf, u64)>,
    /// What brings its bytes, where they are not there yet.
    pub(super) fetch: Option<Arc<dyn Fetch>>,
    pub(super) open: Request,
    pub(super) seconds: u32,
}

impl Film {
    /// The path of its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same film, whose bytes are brought when the child needs them.
    pub fn with_fetch(self, fetch: Option<Arc<dyn Fetch>>) -> Self {
        Self { fetch, ..self }
    }

    /// Lets these bytes be there; the reason why they cannot be had.
    pub(super) fn bring(&self, range: Range<u64>) -> Option<String> {
        let fetched = heartbeat::reading(|| self.fetch.as_ref().map(|fetch| fetch.fetch(range)));
        fetched?.err().map(|why| why.to_string())
    }

    /// Puts bytes into the memory that it is in.
    pub fn put(&self, bytes: &[u8], place: u64) -> io::Result<()> {
        self.lock_file().write_all_at(bytes, place)
    }

    /// Opens its file again: to a network file system a handle can be lost that its path is not. Says whether that
    /// worked, with a file of the same length.
    pub(super) fn open_again(&self) -> bool {
        let Some((path, length)) = &self.again else { return false };
        let opened = system::persistently(|| Handle::open_again(path, *length)).ok().flatten();
        let is_open = opened.is_some();
        if let Some(file) = opened {
            *self.lock_file() = file;
        }
        is_open
    }

    /// Loses the handle of its file: what is read through it fails until it is opened again.
    #[cfg(test)]
    pub(crate) fn lose_handle(&self) {
        let (path, _) = self.again.as_ref().unwrap();
        *self.lock_file() = File::options().write(true).open(path).unwrap();
    }

    pub(super) fn lock_file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
