//! The checkpoints of a run, by the names of their files: `checkpoint-STEP.safetensors` in the run's folder.

use std::{
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
};

use super::{CheckpointError, native};
use crate::recipe::Recipe;

/// The checkpoint of step `step` of the run in `folder`.
pub(crate) fn path_of(folder: &Path, step: u64) -> PathBuf {
    folder.join(format!("checkpoint-{step}.safetensors"))
}

/// Steps and files of all checkpoints of the run in `folder`, by step.
pub(crate) fn in_folder(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let step = name.strip_prefix("checkpoint-").and_then(|rest| rest.strip_suffix(".safetensors"));
        if let Some(step) = step.and_then(|step| step.parse().ok()) {
            found.push((step, path));
        }
    }
    found.sort();
    Ok(found)
}

/// The newest checkpoint beside the damaged one at `path` that is whole, if that is one of a run's.
pub fn last_whole_beside(path: &Path) -> Option<PathBuf> {
    let others = in_folder(path.parent()?).ok()?;
    others.iter().find(|(_, other)| other == path)?;
    others.into_iter().rev().map(|(_, other)| other).find(|other| native::verify(other).is_ok())
}

/// The newest checkpoint of the run in `folder`.
pub(super) fn newest(folder: &Path) -> Result<PathBuf, CheckpointError> {
    let unknown = |why: String| CheckpointError::Unknown { path: folder.to_owned(), why };
    let at = |path: &Path, why: &dyn Display| unknown(format!("{}: {why}", schemas::names::shown(path)));
    let recipe = folder.join("recipe.toml");
    let text = fs::read_to_string(&recipe).map_err(|why| at(&recipe, &why))?;
    Recipe::from_toml(&text).map_err(|why| at(&recipe, &why))?;
    let newest = in_folder(folder).map_err(|why| at(folder, &why))?.pop();
    let (_, checkpoint) = newest.ok_or_else(|| unknown("the run has no checkpoint yet".to_owned()))?;
    native::read_about(&checkpoint)?;
    Ok(checkpoint)
}
