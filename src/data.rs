//! From what a person names to batches of clips: the only place where recipe and pipeline meet.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use pipeline::dataset::Dataset;

use crate::arguments;

/// Opens VIDEOS, a manifest, or a folder of frame shards.
///
/// # Errors
/// Asked wrongly where nothing is there; failed where it cannot be read.
pub fn open(given: &[PathBuf]) -> Result<Dataset> {
    if let [path] = given
        && is_parquet(path)
    {
        return Ok(Dataset::open_parquet(path)?);
    }
    Ok(Dataset::of_videos(arguments::find_videos(given)?))
}

/// Whether this is a Parquet file, or a folder of frame shards.
fn is_parquet(path: &Path) -> bool {
    if path.is_dir() {
        let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut names = inside.map(|entry| entry.file_name().to_string_lossy().into_owned());
        return names.any(|name| name.starts_with("frames-") && name.ends_with(".parquet"));
    }
    path.extension().is_some_and(|ending| ending == "parquet")
}
