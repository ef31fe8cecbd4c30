//! Clips of videos, batch after batch: what `tubelet.ClipDataset` is made of.
//!
//! A loader is opened once; each stream of it is a part of an epoch, made by threads of its own. A stream belongs to the
//! process that began it: threads do not come along when a process is forked, so a copy of a stream in a forked process
//! is never asked, and never dropped either.

use std::{
    io, mem,
    path::PathBuf,
    process,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::{
    prelude::*,
    types::{PyCapsule, PyDict},
};
use tubelet::{
    ClipBatches, ClipDataset, ClipKind, ClipLoading, Usage, Waited,
    data::labels::settings::LabelSettings,
    machine,
    recipe_choice::{RecipeChoice, RecipeSource},
    schemas::{ClipGeometry, PixelLayout},
};

use crate::{
    batch::{self, RowShape},
    error, signals, table,
    waiting::{self, SLICE},
};

/// What a loader is asked for, as Python's keywords.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Wanted {
    videos: Vec<PathBuf>,
    recipe: Option<String>,
    set: Vec<String>,
    kind: String,
    labels: Option<String>,
    classes: Option<PathBuf>,
    class_level: Option<String>,
    only_labelled: bool,
    /// Whether views have classes.
    with_labels: bool,
    clips: Option<u32>,
    crops: Option<u32>,
    layout: String,
    batch_size: Option<usize>,
    threads: Option<usize>,
    rank: u32,
    world_size: u32,
    quarantine: Option<PathBuf>,
}

impl Wanted {
    fn loading(self) -> tubelet::Result<ClipLoading> {
        let level = self.class_level.map(|level| level.parse()).transpose().map_err(Usage::new)?;
        let labels = LabelSettings {
            classes: self.classes,
            labels: self.labels,
            class_level: level,
            only_labelled: self.only_labelled,
            ..LabelSettings::default()
        };
        let clips = match self.kind.as_str() {
            "masked" => ClipKind::Masked,
            "whole" => ClipKind::Whole,
            "labelled" => ClipKind::Labelled(labels),
            _ => {
                let labels = self.with_labels.then_some(labels);
                ClipKind::Views { labels, clips: self.clips, crops: self.crops }
            }
        };
        let layout: PixelLayout = self.layout.parse().map_err(|why| Usage::new(format!("layout: {why}")))?;
        let source = self.recipe.map_or(RecipeSource::Fitting, RecipeSource::Named);
        Ok(ClipLoading {
            videos: self.videos,
            recipe: RecipeChoice { source, set: self.set, precision: None },
            clips,
            layout,
            batch: self.batch_size,
            workers: self.threads.unwrap_or_else(machine::default_workers),
            rank: self.rank,
            world_size: self.world_size,
            quarantine: self.quarantine,
        })
    }
}

/// Videos that were opened as clips.
#[pyclass(frozen, module = "tubelet")]
pub struct ClipLoader(Arc<ClipDataset>);

#[pymethods]
impl ClipLoader {
    /// Opens the videos; decodes none.
    #[new]
    fn new(py: Python<'_>, wanted: Wanted) -> PyResult<Self> {
        let opened =
            waiting::run(py, |_, observer| wanted.loading().and_then(|it| ClipDataset::open(&it, observer)))?;
        Ok(Self(Arc::new(opened)))
    }

    /// Batches of an epoch for this rank.
    #[getter]
    fn batches_per_epoch(&self) -> u64 {
        self.0.batches_per_epoch()
    }

    /// Every setting as `section.key` and its value in TOML.
    #[getter]
    fn settings(&self) -> Vec<(String, String)> {
        self.0.recipe().settings()
    }

    /// Names of the classes.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.0.classes().names().to_vec()
    }

    /// Videos, failing ones included.
    #[getter]
    fn videos(&self) -> u64 {
        self.0.videos()
    }

    /// Digest of all that decides what a batch holds.
    #[getter]
    fn fingerprint(&self) -> String {
        self.0.fingerprint()
    }

    /// The shape of a clip.
    #[getter]
    fn geometry<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let it: ClipGeometry = self.0.geometry();
        let found = PyDict::new(py);
        for (name, number) in [
            ("frames", it.frames()),
            ("height", it.height()),
            ("width", it.width()),
            ("tubelet", it.tubelet()),
            ("patch", it.patch()),
            ("tokens", it.tokens()),
        ] {
            found.set_item(name, number)?;
        }
        Ok(found)
    }

    /// The videos that gave no clip so far: name, verdict, reason.
    fn quarantined(&self) -> Vec<(String, String, String)> {
        self.0.quarantined().into_iter().map(|line| (line.video, line.verdict, line.reason)).collect()
    }

    /// This rank's batches of an epoch, from number `first` of the batches of all ranks on.
    fn stream(&self, py: Python<'_>, epoch: u32, first: u64) -> PyResult<ClipStream> {
        let batches = py.detach(|| self.0.batches(epoch, first)).map_err(|why| error::exception(py, &why))?;
        let shape = RowShape { geometry: self.0.geometry(), layout: self.0.layout() };
        Ok(ClipStream { process: process::id(), batches: Some(Mutex::new(batches)), shape })
    }

    /// The same as a C stream of Arrow in a capsule.
    fn arrow_stream<'py>(&self, py: Python<'py>, epoch: u32, first: u64) -> PyResult<Bound<'py, PyCapsule>> {
        let mut batches =
            py.detach(|| self.0.batches(epoch, first)).map_err(|why| error::exception(py, &why))?;
        let Some(batch) = next(py, |patience| batches.wait(patience))? else {
            return Err(error::usage(
                py,
                &format!("epoch {epoch} has no batch from number {first} on"),
                None,
            ));
        };
        let hears = hears_signals(py)?.then(|| thread::current().id());
        table::stream(py, Box::new(Reader { schema: batch.schema(), first: Some(batch), batches, hears }))
    }
}

/// A part of an epoch.
#[pyclass(frozen, module = "tubelet")]
pub struct ClipStream {
    /// The process whose threads make the batches.
    process: u32,
    /// Always there; taken when the stream is dropped.
    batches: Option<Mutex<ClipBatches>>,
    shape: RowShape,
}

impl Drop for ClipStream {
    fn drop(&mut self) {
        if self.process != process::id() {
            // A forked process has the locks, and not the threads that would let go of them.
            mem::forget(self.batches.take());
        }
    }
}

#[pymethods]
impl ClipStream {
    /// Waits for the next batch: its arrays by key, and its columns of text; None at the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyDict>, Bound<'py, PyDict>)>> {
        let Some(batches) = self.batches.as_ref().filter(|_| self.process == process::id()) else {
            return Err(error::failed(
                py,
                "the threads that read for this iterator belong to another process",
            ));
        };
        let wait = |patience| batches.lock().unwrap_or_else(PoisonError::into_inner).wait(patience);
        let Some(batch) = next(py, wait)? else { return Ok(None) };
        let arrays = batch::arrays(batch, self.shape);
        arrays.ok_or_else(|| error::failed(py, "a batch is not of its format"))?.into_dicts(py).map(Some)
    }
}

/// Waits for a batch without the interpreter, and hears Ctrl-C meanwhile; nothing at the end.
fn next(
    py: Python<'_>,
    mut wait: impl FnMut(Duration) -> Waited<tubelet::Result<RecordBatch>> + Send,
) -> PyResult<Option<RecordBatch>> {
    loop {
        match py.detach(|| wait(SLICE)) {
            Waited::Batch(batch) => return batch.map(Some).map_err(|why| error::exception(py, &why)),
            Waited::End => return Ok(None),
            Waited::NotYet => py.check_signals()?,
        }
    }
}

/// Batches for a consumer of Arrow.
struct Reader {
    schema: SchemaRef,
    /// The first one, which was asked for its schema.
    first: Option<RecordBatch>,
    batches: ClipBatches,
    /// Python's main thread, where it is known.
    hears: Option<ThreadId>,
}

impl Reader {
    /// The exception of a signal, where this is the thread that hears it. No other may ask: the consumer may wait for it with
    /// the interpreter in its hands.
    fn signal(&self) -> Option<PyErr> {
        let hears = self.hears.is_some_and(|main| main == thread::current().id());
        if hears { Python::try_attach(|py| py.check_signals().err()).flatten() } else { None }
    }
}

/// Whether this is Python's main thread.
fn hears_signals(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    Ok(threading.call_method0("main_thread")?.is(&threading.call_method0("current_thread")?))
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(batch) = self.first.take() {
            return Some(Ok(batch));
        }
        loop {
            match self.batches.wait(SLICE) {
                Waited::Batch(batch) => {
                    return Some(batch.map_err(|why| ArrowError::ExternalError(Box::new(why))));
                }
                Waited::End => return None,
                Waited::NotYet => {}
            }
            if let Some(signal) = self.signal() {
                // What goes through a C stream is a text: the exception follows once the consumer is back in Python.
                let words = format!("the reading was interrupted: {signal}");
                signals::raise_again();
                return Some(Err(ArrowError::IoError(words, io::ErrorKind::Interrupted.into())));
            }
        }
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
