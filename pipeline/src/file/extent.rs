//! Where in an archive the bytes of a video are.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::stamp::FileStamp;

/// Where in an archive, which is a file, the bytes of a video are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Extent {
    /// The place of the first.
    pub start: u64,
    /// How many there are.
    pub bytes: u64,
    /// The stamp that the archive had: of another archive this says nothing.
    pub archive: FileStamp,
}

impl Extent {
    /// The places of the bytes in the archive.
    pub fn range(&self) -> Range<u64> {
        self.start..self.start.saturating_add(self.bytes)
    }
}
