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
    given.iter().filter(|path| store::is_address(path)).try_for_each(|address| stores::check(address))?;
    for path in given {
        if !is_parquet(path)? {
            continue;
        }
        if given.len() == 1 {
            return Ok(Some(Dataset::open_parquet(path)?));
        }
        return Err(Usage::new(format!(
            "{}: a manifest or a folder of shards cannot be combined with other videos",
            pipeline::names::shown(path)
        ))
        .into());
    }
    Ok(None)
}

/// Whether this is a Parquet file that was written here, or a folder of shards.
fn is_parquet(path: &Path) -> Result<bool> {
    let is_address = store::is_address(path);
    if is_address && !stores::may_be_parquet(path) {
        return Ok(false);
    }
    if store::is_folder(path) {
        let is_one = Dataset::is_shard_folder(path);
        return if is_address { Ok(is_one?) } else { Ok(is_one.unwrap_or(false)) };
    }
    Ok((is_address || path.is_file())
        && path.extension().is_some_and(|ending| ending == "parquet")
        && !Dataset::is_foreign_table(path))
}
