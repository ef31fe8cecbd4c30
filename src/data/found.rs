//! A video as it was found.

use std::{path::Path, sync::Arc};

use pipeline::{file::Extent, video_entry::VideoEntry};

/// A video as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its file, and its number in a list.
    pub entry: VideoEntry,
    /// The folder that it was looked for in, if it lies below one.
    pub root: Option<Arc<Path>>,
    /// What a list says of its class.
    pub class: Option<Arc<str>>,
}

impl Found {
    /// A video that was looked for below `root`.
    pub fn below(root: &Arc<Path>, entry: VideoEntry) -> Self {
        Self { entry, root: Some(Arc::clone(root)), class: None }
    }

    /// The same video, whose bytes are there in its archive.
    pub fn with_extent(self, extent: Option<Extent>) -> Self {
        Self { entry: VideoEntry { extent: extent.map(Arc::new), ..self.entry }, ..self }
    }
}
