//! VIDEOS opened: files, folders, globs and lists, a manifest, or a folder of shards.

use std::path::{Path, PathBuf};

use pipeline::{dataset::Dataset, store};

use super::{stores, videos};
use crate::{
    error::{Result, Usage},
    observer::Observer,
};

/// Opens VIDEOS, a manifest, or a folder of shards.
///
/// # Errors
/// Usage error where nothing is there; failed where it cannot be read.
#[doc(alias = "Dataset")]
pub fn open(given: &[PathBuf], observer: &dyn Observer) -> Result<Dataset> {
    match open_parquet(given)? {
        Some(dataset) => Ok(dataset),
        None => Ok(Dataset::of_videos(videos::find_videos(given, observer)?)),
    }
}

/// Opens a manifest, or a folder of shards; none where something else is given.
///
/// # Errors
/// Usage error where it is not given alone; failed where it cannot be read.
pub fn open_parquet(given: &[PathBuf]) -> Result<Option<Dataset>> {
    if let [address] = given
        && store::is_address(address)
        && address.extension().is_some_and(|ending| ending == "parquet")
    {
        let copy = stores::copy(address)?;
        if is_parquet(copy.path()) {
            return Ok(Some(Dataset::open_parquet(copy.path())?));
        }
    }
    if let [path] = given
        && is_parquet(path)
    {
        return Ok(Some(Dataset::open_parquet(path)?));
    }
    if let Some(path) = given.iter().find(|path| is_parquet(path)) {
        return Err(Usage::new(format!(
            "{}: a manifest or a folder of shards cannot be combined with other videos",
            pipeline::names::shown(path)
        ))
        .into());
    }
    Ok(None)
}

/// Whether this is a Parquet file that was written here, or a folder of shards.
fn is_parquet(path: &Path) -> bool {
    if path.is_dir() {
        return Dataset::is_shard_folder(path).unwrap_or(false);
    }
    path.is_file()
        && path.extension().is_some_and(|ending| ending == "parquet")
        && !Dataset::is_foreign_table(path)
}
