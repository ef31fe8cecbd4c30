//! Folders of files, and addresses with objects below them, which stores have instead.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{address::is_address, children, remove};

/// Whether a path is a folder; an address is one where it does not end as a table does.
pub fn is_folder(path: &Path) -> bool {
    if is_address(path) {
        return !path.extension().is_some_and(|ending| ending == "parquet");
    }
    path.is_dir()
}

/// What lies in a folder, in no order. Below an address nothing may lie: a store has no empty folders.
///
/// # Errors
/// When it cannot be read.
pub fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if is_address(folder) {
        return children(folder);
    }
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// Makes a folder, and those above it; stores need none.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if is_address(folder) { Ok(()) } else { fs::create_dir_all(folder) }
}

/// Takes a file or an object away.
///
/// # Errors
/// When it cannot be.
pub fn remove_file(path: &Path) -> io::Result<()> {
    if is_address(path) { remove(path) } else { fs::remove_file(path) }
}
