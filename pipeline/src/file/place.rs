//! What the bytes of a video are found by: a path, and where in the file they are, if it holds several videos.

use std::{fs, io, path::Path};

use super::{
    archive::{archive_of, file_of},
    extent::Extent,
    parts::part,
    stamp::FileStamp,
};
use crate::store;

/// What a video's bytes are found by.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The path, which may lead into a file.
    pub path: &'a Path,
    /// Where in that file they are, as far as it is known: else it is looked for.
    pub extent: Option<&'a Extent>,
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Place<'a> {
    fn from(path: &'a P) -> Self {
        Self { path: path.as_ref(), extent: None }
    }
}

impl Place<'_> {
    /// How many bytes there are, or about how many in a part that must be unpacked. Nothing is read, unless it is a part
    /// whose place is not known.
    ///
    /// # Errors
    /// When there is no such file, or no such part of it.
    pub fn bytes(&self) -> io::Result<u64> {
        if let Some(extent) = self.extent {
            return Ok(extent.bytes);
        }
        match archive_of(self.path) {
            Some((archive, kind, name)) => Ok(part(archive, kind, name)?.bytes()),
            None if store::is_address(self.path) => Ok(store::stamp(self.path)?.bytes),
            None => Ok(fs::metadata(self.path)?.len()),
        }
    }

    /// The stamp of the file; of a part of one, that of the file that it is a part of.
    ///
    /// # Errors
    /// When there is none, or the system keeps no times.
    pub fn stamp(&self) -> io::Result<FileStamp> {
        let file = file_of(self.path);
        if store::is_address(file) { store::stamp(file) } else { FileStamp::of(file) }
    }

    /// Whether the file, or the one that it is a part of, is there. Of an object that is not asked.
    pub fn exists(&self) -> bool {
        store::is_address(self.path) || file_of(self.path).exists()
    }
}
