//! Builds that read no stores.

use std::{fs, io, path::Path, sync::Arc};

use crate::file::{Fetch, FileStamp};

/// An object that a store lists.
pub type Listed = (std::path::PathBuf, FileStamp);

fn none<T>() -> io::Result<T> {
    let words = "this build reads no object stores: build with `--features cloud`";
    Err(io::Error::new(io::ErrorKind::Unsupported, words))
}

pub(crate) fn open(_: &Path) -> io::Result<(fs::File, Arc<dyn Fetch>)> {
    none()
}

pub(crate) fn stamp(_: &Path) -> io::Result<FileStamp> {
    none()
}

/// The objects below an address.
///
/// # Errors
/// Always: this build reads no stores.
pub fn list(_: &Path) -> io::Result<Vec<Listed>> {
    none()
}

/// Copies an object into a file.
///
/// # Errors
/// Always: this build reads no stores.
pub fn fetch_whole(_: &Path, _: &mut fs::File) -> io::Result<()> {
    none()
}
