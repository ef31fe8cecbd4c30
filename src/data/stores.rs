//! Videos in object stores: one object, the videos of a tar, or all films below an address; and addresses as outputs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pipeline::{
    dataset::list_file,
    file::{self, Archives, Extent, FileStamp, Kind, Part},
    names, store, system,
    video_entry::VideoEntry,
};

use super::{archives, folder, found::Found, webdataset};
use crate::{
    error::{Result, Usage},
    observer::Observer,
    slices::Share,
};

/// Refuses an address that may hold a secret, and any in a build that reads no stores.
///
/// # Errors
/// Usage error: it has a user, a password or a query; this build has no feature `cloud`.
pub fn check(address: &Path) -> Result<()> {
    Ok(store::check(address).map_err(|why| usage(address, why))?)
}

/// Refuses an output that cannot be written to a store: slices share an output by locks, which stores have not.
///
/// # Errors
/// Usage error: it cannot.
pub fn check_out(address: &Path, share: Share) -> Result<()> {
    store::check_out(address).map_err(|why| usage(address, why))?;
    match share {
        Share::All => Ok(()),
        Share::Slice(_) | Share::Finish => {
            Err(usage(address, "slices are written to a folder that all processes reach").into())
        }
    }
}

fn usage(address: &Path, why: impl std::fmt::Display) -> Usage {
    Usage::new(format!("{}: {why}", names::shown(address)))
}

/// Whether an address may be one of shards, or of a manifest: those of films, tars and lists are not asked for.
pub fn may_be_parquet(address: &Path) -> bool {
    is_table(address) || !(is_film(address) || names_one(address) || file::archive_of(address).is_some())
}

fn is_table(address: &Path) -> bool {
    file::kind_of(address) == Some(Kind::Parquet)
}

/// Whether an address is a film's. One of HTTP is, unless it says that it is something else: there are no lists of such
/// servers, and films there may have names without an ending.
fn is_film(address: &Path) -> bool {
    folder::has_ending(address, &folder::VIDEO_ENDINGS) || (is_of_http(address) && !names_one(address))
}

fn is_of_http(address: &Path) -> bool {
    address.to_str().is_some_and(|address| address.starts_with("http"))
}

/// Whether an address names a tar, a table or a list.
fn names_one(address: &Path) -> bool {
    file::kind_of(address).is_some() || list_file::is_list(address)
}

/// The videos at an address: the object that it names, those of a tar, or the films below it, of which it is said how many
/// there are.
///
/// # Errors
/// Usage error: the address is none, or the store has nothing there. When the store does not answer.
pub fn videos_at(address: &Path, observer: &dyn Observer) -> Result<Vec<Found>> {
    check(address)?;
    webdataset::check_uncompressed(address)?;
    let root: Arc<Path> = address.parent().unwrap_or(Path::new("")).into();
    if archives::is_one(address) {
        return archives::videos_in(&[address.to_owned()], &root, observer);
    }
    if let Some((archive, ..)) = file::archive_of(address) {
        let part = system::read(archive, || Archives::default().part(address))?;
        let part = part.map_err(|why| usage(address, why))?;
        let found = Found::below(&root, VideoEntry::whole(address.to_owned(), None));
        return Ok(vec![found.with_extent(part.and_then(Part::extent))]);
    }
    if is_film(address) {
        return Ok(vec![Found::below(&root, VideoEntry::whole(address.to_owned(), None))]);
    }
    if names_one(address) {
        let words = "lists, and tables with films in them, are read from files only";
        return Err(usage(address, words).hint("copy it; its lines may be addresses").into());
    }
    below(address, observer)
}

/// The films below an address; where there are none, those of the tars there.
fn below(address: &Path, observer: &dyn Observer) -> Result<Vec<Found>> {
    let listed = system::read(address, || store::list(address))?.map_err(|why| usage(address, why))?;
    let root: Arc<Path> = address.into();
    let films = listed.iter().filter(|(path, _)| folder::has_ending(path, &folder::VIDEO_ENDINGS));
    let films: Vec<Found> = films.map(|(path, stamp)| found(path, *stamp, &root)).collect();
    let tars = listed.iter().filter(|(path, _)| archives::is_one(path));
    let tars: Vec<PathBuf> = tars.map(|(path, _)| path.clone()).collect();
    if films.is_empty() && !tars.is_empty() {
        return archives::videos_in(&tars, &root, observer);
    }
    observer.note(format_args!(
        "{} has {} objects, {} of them films",
        names::shown(address),
        listed.len(),
        films.len()
    ));
    Ok(films)
}

/// An object that was listed: how long it is need not be asked again.
fn found(path: &PathBuf, stamp: FileStamp, root: &Arc<Path>) -> Found {
    let extent = Extent { start: 0, bytes: stamp.bytes, archive: stamp };
    Found::below(root, VideoEntry::whole(path.clone(), None)).with_extent(Some(extent))
}
