//! Builds that read no stores: whoever asks for an object is told so.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::address::NOT_BUILT;
use crate::file::{Fetch, FileStamp};

/// An object that a store lists.
pub type Listed = (PathBuf, FileStamp);

fn none<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::Unsupported, NOT_BUILT))
}

pub(crate) fn open(_: &Path) -> io::Result<(fs::File, Arc<dyn Fetch>, FileStamp)> {
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

/// Lets each object be asked for again; there are none.
pub fn look_again() {}

/// Bytes that stores have given to this process, and in how many answers.
pub fn fetched() -> (u64, u64) {
    (0, 0)
}

pub(crate) fn children(_: &Path) -> io::Result<Vec<PathBuf>> {
    none()
}

/// Writes an object of these bytes.
///
/// # Errors
/// Always: this build writes no stores.
pub fn put(_: &Path, _: Vec<u8>) -> io::Result<()> {
    none()
}

pub(crate) fn upload(_: &Path, _: fs::File) -> io::Result<()> {
    none()
}

pub(crate) fn remove(_: &Path) -> io::Result<()> {
    none()
}
