//! An open file, and where in it the bytes of a video are.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    archive::archive_of,
    fetch::Fetch,
    numbered,
    open_file::OpenFile,
    parts::{Part, absent, cell_named, part},
    place::Place,
    video_cells::VideoCells,
};
use crate::store;

/// An open file, and where in it the bytes of a video are.
#[derive(Debug)]
pub(crate) struct Handle {
    /// The file.
    pub file: fs::File,
    /// Its own path, by which it can be opened again.
    pub path: PathBuf,
    /// Where in it they are; all of it where nothing is said.
    pub part: Option<Range<u64>>,
    /// What brings its bytes, where they are not there yet.
    pub fetch: Option<Arc<dyn Fetch>>,
}

impl Handle {
    /// Opens what is at `place`. A folder of numbered pictures is opened as a file of all of them.
    ///
    /// # Errors
    /// When it cannot be read, or is no file: opening a pipe would wait for somebody to write to it.
    pub fn open(place: Place<'_>) -> io::Result<Self> {
        let path = place.path;
        if !store::is_address(path) && path.is_dir() {
            return Ok(Self::whole(numbered::joined(path)?.into(), path));
        }
        let Some((archive, kind, name)) = archive_of(path) else {
            return Ok(Self::whole(OpenFile::open(path)?, path));
        };
        let file = OpenFile::open(archive)?;
        let stamp = file.stamp()?;
        let found = match place.extent.filter(|extent| extent.archive == stamp) {
            Some(known) => Part::Range(*known),
            None => part(archive, kind, name)?,
        };
        match found {
            Part::Range(extent) => Ok(Self { part: Some(extent.range()), ..Self::whole(file, archive) }),
            Part::Packed { .. } => Ok(Self::whole(unpacked(archive, name)?.into(), path)),
        }
    }

    /// All of a file.
    fn whole(opened: OpenFile, path: &Path) -> Self {
        let OpenFile { file, fetch, .. } = opened;
        Self { file, path: path.to_owned(), part: None, fetch }
    }

    /// One more of the same file.
    #[cfg(all(feature = "video", target_os = "linux"))]
    pub fn try_clone(&self) -> io::Result<Self> {
        let (path, part, fetch) = (self.path.clone(), self.part.clone(), self.fetch.clone());
        Ok(Self { file: self.file.try_clone()?, path, part, fetch })
    }

    /// Opens the file again, if it is still as long as it was. Of an object there is none again: what was brought of it is
    /// in the file that it has.
    pub fn open_again(path: &Path, length: u64) -> io::Result<Option<fs::File>> {
        if store::is_address(path) {
            return Ok(None);
        }
        let opened = Self::open(path.into())?.file;
        Ok((opened.metadata()?.len() == length).then_some(opened))
    }

    /// Reads the bytes from the first to the last.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn into_reader(mut self) -> io::Result<io::Take<fs::File>> {
        let part = self.part.unwrap_or(0..u64::MAX);
        if let Some(fetch) = &self.fetch {
            fetch.fetch(part.clone())?;
        }
        self.file.seek(SeekFrom::Start(part.start))?;
        Ok(self.file.take(part.end - part.start))
    }
}

/// The film in a cell that is packed, as a file that has no name.
fn unpacked(parquet: &Path, name: &Path) -> io::Result<fs::File> {
    let (column, row) = cell_named(name).ok_or_else(|| absent(parquet, name))?;
    let cells = VideoCells::open(parquet)?;
    let film = cells.read(&cells.column(column)?, row)?;
    let mut file = tempfile::tempfile()?;
    file.write_all(&film)?;
    Ok(file)
}
