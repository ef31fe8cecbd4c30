//! The entries of the metadata of tubelet's own file, and the prefixes of what is not weights.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use crate::checkpoint::{
    CheckpointError, Description,
    about::About,
    format::{FORMAT, FORMAT_KEY},
};

/// Entry of the metadata that says what a model is whose lengths do not follow from a recipe.
pub(super) const MODEL: &str = "model";

/// Prefixes of what is not weights.
pub(super) const FIRST: &str = "optimiser.m.";
pub(super) const SECOND: &str = "optimiser.v.";
pub(super) const AVERAGE: &str = "ema.";

/// What its metadata say the model is.
pub(super) fn description(
    metadata: Option<&HashMap<String, String>>,
    path: &Path,
) -> Result<Option<Description>, CheckpointError> {
    let Some(text) = metadata.and_then(|metadata| metadata.get(MODEL)) else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|why| CheckpointError::NoModel {
        path: path.to_owned(),
        why: format!("its `{MODEL}` cannot be read: {why}"),
    })
}

pub(super) fn metadata(about: &About) -> BTreeMap<String, String> {
    let About { recipe, step, clips, data, made_by } = about;
    let entries = [
        (FORMAT_KEY, FORMAT.to_owned()),
        ("recipe", recipe.clone()),
        ("step", step.to_string()),
        ("clips", clips.to_string()),
        ("data", data.clone()),
        ("made_by", made_by.clone()),
    ];
    entries.map(|(key, value)| (key.to_owned(), value)).into()
}

pub(super) fn about(
    metadata: Option<&HashMap<String, String>>,
    path: &Path,
) -> Result<About, CheckpointError> {
    let find = |key: &str| metadata.and_then(|metadata| metadata.get(key)).cloned();
    let foreign = |key, found| CheckpointError::Foreign { path: path.to_owned(), key, found };
    let text = |key| find(key).ok_or_else(|| foreign(key, None));
    let number = |key| {
        let found = text(key)?;
        found.parse::<u64>().map_err(|_| foreign(key, Some(found)))
    };
    match find(FORMAT_KEY) {
        Some(format) if format == FORMAT => Ok(About {
            recipe: text("recipe")?,
            step: number("step")?,
            clips: number("clips")?,
            data: text("data")?,
            made_by: text("made_by")?,
        }),
        found => Err(foreign(FORMAT_KEY, found)),
    }
}
