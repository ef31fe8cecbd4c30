//! The calls by which a file comes to stand in its place. Tests see them all, in their order, and try what a loss of
//! power between any two of them leaves (`crash.rs`).

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

#[cfg(test)]
use super::crash::{Call, record};

/// A file was made.
pub(super) fn created(path: &Path) {
    #[cfg(test)]
    record(|| Call::Create(path.to_owned()));
    let _ = path;
}

/// Writes to a file.
pub(super) fn write(mut file: &File, path: &Path, bytes: &[u8]) -> io::Result<usize> {
    let written = file.write(bytes)?;
    #[cfg(test)]
    record(|| Call::Write(path.to_owned(), bytes[..written].to_vec()));
    let _ = path;
    Ok(written)
}

/// Has the bytes of a file on the disk.
pub(super) fn sync(file: &File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    #[cfg(test)]
    record(|| Call::Sync(path.to_owned()));
    let _ = path;
    Ok(())
}

/// Gives a file another name.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    #[cfg(test)]
    record(|| Call::Rename(from.to_owned(), to.to_owned()));
    Ok(())
}

/// Has the names of a folder on the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()?;
    #[cfg(test)]
    record(|| Call::SyncFolder(folder.to_owned()));
    Ok(())
}
