//! A file or an object in the making: there whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use schemas::WholeFile;

use super::{address, upload};

/// A file or an object in the making. Dropped before [`Self::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct Output(Place);

#[derive(Debug)]
enum Place {
    File(WholeFile),
    /// What is written stands in a file without a name until it is whole.
    Object {
        address: PathBuf,
        bytes: fs::File,
    },
}

impl Output {
    /// Begins what shall stand at `target`, a path or an address.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn create(target: &Path) -> io::Result<Self> {
        if !address::is_address(target) {
            return Ok(Self(Place::File(WholeFile::create(target)?)));
        }
        address::check_out(target)?;
        Ok(Self(Place::Object { address: target.to_owned(), bytes: tempfile::tempfile()? }))
    }

    /// The file that it is until it is finished, for writers that go back in it.
    pub fn as_file_mut(&mut self) -> &mut fs::File {
        match &mut self.0 {
            Place::File(file) => file.as_file_mut(),
            Place::Object { bytes, .. } => bytes,
        }
    }

    /// Puts it in its place, replacing what stands there.
    ///
    /// # Errors
    /// When it cannot be synced or sent; nothing of it stays then.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Place::File(file) => file.finish(),
            Place::Object { address, bytes } => upload(&address, bytes),
        }
    }
}

impl From<WholeFile> for Output {
    fn from(file: WholeFile) -> Self {
        Self(Place::File(file))
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Place::File(file) => file.write(bytes),
            Place::Object { bytes: file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.as_file_mut().flush()
    }
}
