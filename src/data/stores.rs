//! Videos in object stores: one object, or all films below an address.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pipeline::{
    file::{Extent, FileStamp},
    store, system,
    video_entry::VideoEntry,
};

use super::{folder, found::Found};
use crate::{
    error::{Result, Usage},
    observer::Observer,
};

/// The address, as it may be shown.
pub fn shown(address: &Path) -> String {
    store::shown(&pipeline::names::shown(address))
}

/// Refuses an address that may hold a secret.
///
/// # Errors
/// Usage error: it has a user, a password or a query.
pub fn check(path: &Path) -> Result<()> {
    store::check(path).map_err(|why| Usage::new(format!("{}: {why}", shown(path))).into())
}

/// The videos at an address: the object that it names, or the films below it, of which it is said how many there are.
///
/// # Errors
/// Usage error: the address is none, or the store has nothing there. When the store does not answer.
pub fn videos_at(address: &Path, observer: &dyn Observer) -> Result<Vec<Found>> {
    check(address)?;
    if folder::has_ending(address, &folder::VIDEO_ENDINGS) {
        let root = address.parent().unwrap_or(Path::new("")).into();
        return Ok(vec![Found::below(&root, VideoEntry::whole(address.to_owned(), None))]);
    }
    let listed = system::read(address, || store::list(address))?;
    let listed = listed.map_err(|why| Usage::new(format!("{}: {why}", shown(address))))?;
    let root: Arc<Path> = address.into();
    let films = listed.iter().filter(|(path, _)| folder::has_ending(path, &folder::VIDEO_ENDINGS));
    let found: Vec<Found> = films.map(|(path, stamp)| found(path, *stamp, &root)).collect();
    observer.note(format_args!(
        "{} has {} objects, {} of them films",
        shown(address),
        listed.len(),
        found.len()
    ));
    Ok(found)
}

/// An object that was listed: how long it is need not be asked again.
fn found(path: &PathBuf, stamp: FileStamp, root: &Arc<Path>) -> Found {
    let extent = Extent { start: 0, bytes: stamp.bytes, archive: stamp };
    Found::below(root, VideoEntry::whole(path.clone(), None)).with_extent(Some(extent))
}

/// A copy of an object that is read as a whole, for as long as the handle lives.
///
/// # Errors
/// Usage error: there is none. When the store does not answer.
pub fn copy(address: &Path) -> Result<tempfile::NamedTempFile> {
    check(address)?;
    let copied = system::read(address, || {
        let ending = address.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
        let mut copy = tempfile::NamedTempFile::with_suffix(ending.unwrap_or_default())?;
        store::fetch_whole(address, copy.as_file_mut())?;
        Ok(copy)
    })?;
    copied.map_err(|why| Usage::new(format!("{}: {why}", shown(address))).into())
}
