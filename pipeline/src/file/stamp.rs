//! By what a file is known again.

use std::{fs, io, path::Path, time::UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::archive::file_of;

/// By what a file is known again: whoever changes it changes this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileStamp {
    /// Its length.
    pub bytes: u64,
    /// When it was changed last, in ns since 1970.
    pub modified: i64,
}

impl FileStamp {
    /// The stamp of a file; of a part of one, that of the file that it is a part of.
    ///
    /// # Errors
    /// When there is none, or the system keeps no times.
    pub fn of(path: &Path) -> io::Result<Self> {
        Self::by(&fs::metadata(file_of(path))?)
    }

    /// The stamp of a file that is open.
    pub(super) fn of_file(file: &fs::File) -> io::Result<Self> {
        Self::by(&file.metadata()?)
    }

    fn by(metadata: &fs::Metadata) -> io::Result<Self> {
        if !metadata.is_file() {
            // Whoever changes a picture in a folder does not change the folder.
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self { bytes: metadata.len(), modified: since.as_nanos() as i64 })
    }
}
