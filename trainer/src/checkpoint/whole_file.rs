//! Checkpoints are written beside their place, synced and renamed: files, and folders of files.

use std::{fs::File, io, path::Path};

use schemas::{WholeFile, WholeFolder};

/// Has `write` fill a file that then stands at `path`.
pub(super) fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = WholeFile::create(path)?;
    write(file.as_file_mut())?;
    file.finish()
}

/// Has `write` fill a folder that then stands at `path`, where there is nothing or an empty folder.
pub(super) fn write_whole_folder(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let folder = WholeFolder::create(path)?;
    write(folder.path())?;
    folder.finish()
}
