//! A test by many processes: predictions of slices of the videos, joined in the end without the model.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use schemas::{Slice, predictions::Predictions};
use serde_json::json;
use trainer::recipe::By;

use super::{Evaluated, Evaluation, Testing};
use crate::{
    error::Result,
    inference::prediction_files,
    observer::Observer,
    output_lock,
    slices::{
        folder::SlicesFolder,
        receipt::{Receipt, Work},
    },
};

/// Name of what is averaged, in receipts.
const BY_SCORE: &str = "score";

/// A test whose slices are all there.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The predictions of all slices.
    pub predictions: Predictions,
    /// What the slices were to average over the views.
    pub by: By,
    /// The slices, to be removed once the predictions are written.
    pub slices: SlicesFolder,
}

/// Tests a slice of the videos; its predictions wait beside `out` for the others. Nothing where `out` is there already.
/// `stop` is read between batches.
///
/// # Errors
/// Usage error: videos, classes or the model do not fit, or other slices are being made. When the data cannot be read.
pub fn evaluate_slice(
    settings: &Evaluation,
    slice: Slice,
    out: &Path,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Option<Evaluated>> {
    if out.exists() {
        return Ok(None);
    }
    let _shared = output_lock::shared_file(out, observer)?;
    let testing = Testing::open(settings, observer)?;
    let tested = testing.tester.tested(&testing.videos);
    let by = if testing.by == By::Score { BY_SCORE } else { "prob" };
    let facts = json!({ "test": &tested, "by": by });
    let work = Work::new("evaluate", tested.videos, tested.data.clone(), facts);
    let slices = SlicesFolder::of_file(out);
    let _own = slices.begin(slice, &work, observer)?;
    let rows: Vec<u64> = (0..tested.videos).filter(|row| slice.has(*row)).collect();
    let found = if rows.is_empty() {
        let predictions = Predictions { tested, ..Predictions::default() };
        Evaluated { predictions, by: testing.by, wanted: 0, stopped_after: None }
    } else {
        testing.test(&rows, stop, observer)?
    };
    if found.stopped_after.is_none() {
        prediction_files::write(&slices.part(slice, "parquet"), &found.predictions)?;
        slices.end(&Receipt { slice, work, failed: Vec::new() })?;
    }
    Ok(Some(found))
}

/// Reads the predictions of all slices of `out`; nothing where they were put together before.
///
/// # Errors
/// Usage error: slices are missing, or are of different tests. When one cannot be read.
pub fn read_all(out: &Path) -> Result<Option<Finished>> {
    let slices = SlicesFolder::of_file(out);
    if out.exists() && !slices.is_there() {
        return Ok(None);
    }
    let receipts = slices.all()?;
    let parts: Vec<PathBuf> = receipts.iter().map(|receipt| slices.part(receipt.slice, "parquet")).collect();
    let predictions = prediction_files::read_all(&parts)?;
    let is_score = receipts.iter().any(|receipt| receipt.work.settings["by"] == BY_SCORE);
    let by = if is_score { By::Score } else { By::Prob };
    Ok(Some(Finished { predictions, by, slices }))
}
