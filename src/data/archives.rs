//! Files that hold several videos: tars of samples, and tables of Parquet with films in them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pipeline::{
    dataset::film_table,
    file::{self, Kind},
    store,
};

use super::{found::Found, table_films, webdataset};
use crate::{error::Result, observer::Observer};

/// Whether a file holds several videos. A table of Parquet does where it has a column of films.
pub fn is_one(path: &Path) -> bool {
    match file::kind_of(path) {
        // Whether an object is there is found when it is read.
        Some(Kind::Tar) => store::is_address(path) || path.is_file(),
        Some(Kind::Parquet) => path.is_file() && film_table::has_films(path),
        None => false,
    }
}

/// The videos of these archives, in their order; they lie below `root`. Says how many there are.
///
/// # Errors
/// Usage error: an archive is damaged. When the system cannot read one.
pub fn videos_in(archives: &[PathBuf], root: &Arc<Path>, observer: &dyn Observer) -> Result<Vec<Found>> {
    let (tars, tables): (Vec<_>, Vec<_>) =
        archives.iter().cloned().partition(|path| file::kind_of(path) == Some(Kind::Tar));
    let mut videos = Vec::new();
    if !tars.is_empty() {
        videos.extend(webdataset::videos_in(&tars, root, observer)?);
    }
    if !tables.is_empty() {
        videos.extend(table_films::videos_in(&tables, root, observer)?);
    }
    Ok(videos)
}
