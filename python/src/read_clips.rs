//! `tubelet.read_clips`: a table of paths and times to a table of clips.

use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use pyo3::{prelude::*, types::PyDict};
use tubelet::{
    ClipReading, ClipSegment, Usage, machine,
    recipe_choice::{RecipeChoice, RecipeSource},
    schemas::{PixelLayout, WholeClips},
};

use crate::{
    batch::{self, RowShape},
    error,
    table::Table,
    waiting,
};

/// A path, and the seconds at which a clip begins and ends.
type Segment = (PathBuf, Option<f64>, Option<f64>);

/// Columns of clips of epochs and tests, which say nothing of clips that are named; a table's own may have these names.
const OF_EPOCHS: [&str; 6] = ["clip", "epoch", "label", "view", "flip", "erase"];

/// The clips as columns.
#[pyfunction]
pub fn read_clips(
    py: Python<'_>,
    segments: Vec<Segment>,
    recipe: Option<String>,
    set: Vec<String>,
    layout: &str,
    threads: Option<usize>,
) -> PyResult<Table> {
    let clips = read(py, segments, recipe, set, layout, threads)?;
    Ok(Table::of(without_epochs(&clips).map_err(|why| error::failed(py, &why.to_string()))?))
}

/// The clips as arrays by key, and columns of text.
#[pyfunction]
pub fn read_clips_as_arrays<'py>(
    py: Python<'py>,
    segments: Vec<Segment>,
    recipe: Option<String>,
    set: Vec<String>,
    layout: &str,
    threads: Option<usize>,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let odd = |why: &dyn std::fmt::Display| error::failed(py, &why.to_string());
    let clips =
        WholeClips::try_from(read(py, segments, recipe, set, layout, threads)?).map_err(|why| odd(&why))?;
    let shape = RowShape { geometry: clips.shape().geometry, layout: clips.shape().layout };
    // One owner is left, so that the pixels need not be copied.
    let batch = without_epochs(clips.record_batch()).map_err(|why| odd(&why))?;
    drop(clips);
    batch::arrays(batch, shape).ok_or_else(|| odd(&"a batch is not of its format"))?.into_dicts(py)
}

/// A batch without [`OF_EPOCHS`].
fn without_epochs(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let kept = schema.fields().iter().enumerate();
    let kept: Vec<usize> =
        kept.filter(|(_, field)| !OF_EPOCHS.contains(&field.name().as_str())).map(|(at, _)| at).collect();
    batch.project(&kept)
}

fn read(
    py: Python<'_>,
    segments: Vec<Segment>,
    recipe: Option<String>,
    set: Vec<String>,
    layout: &str,
    threads: Option<usize>,
) -> PyResult<RecordBatch> {
    let layout = layout.parse::<PixelLayout>();
    let source = recipe.map_or(RecipeSource::Fitting, RecipeSource::Named);
    let clips = segments.into_iter().map(|(path, start, end)| ClipSegment { path, start, end }).collect();
    waiting::run(py, move |stop, observer| {
        let wanted = ClipReading {
            clips,
            recipe: RecipeChoice { source, set, precision: None },
            layout: layout.map_err(|why| Usage::new(format!("layout: {why}")))?,
            workers: threads.unwrap_or_else(machine::default_workers),
        };
        tubelet::read_clips(&wanted, stop, observer)
    })
}
