//! Looks up parts of archives by their paths; each archive is read once.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::{
    archive::archive_of,
    parts::{Part, absent, all},
};

/// Archives that were read.
#[derive(Debug, Default)]
pub struct Archives(HashMap<PathBuf, HashMap<PathBuf, Part>>);

impl Archives {
    /// Where in its archive the bytes of the video at `path` are; nothing for one that lies in none.
    ///
    /// # Errors
    /// When the archive cannot be read, or has no part of this name.
    pub fn part(&mut self, path: &Path) -> io::Result<Option<Part>> {
        let Some((archive, kind, name)) = archive_of(path) else { return Ok(None) };
        if !self.0.contains_key(archive) {
            self.0.insert(archive.to_owned(), all(archive, kind)?);
        }
        let part = self.0.get(archive).and_then(|parts| parts.get(name));
        part.map(|part| Some(*part)).ok_or_else(|| absent(archive, name))
    }
}
