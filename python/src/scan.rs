//! `tubelet.scan`: what is in a collection of videos.

use std::path::PathBuf;

use pyo3::prelude::*;
use tubelet::{Scanning, machine, pipeline::dataset::manifest};

use crate::{table::Table, waiting};

/// Opens every video; a row for each, as in a manifest.
#[pyfunction]
pub fn scan(
    py: Python<'_>,
    videos: Vec<PathBuf>,
    out: Option<PathBuf>,
    threads: Option<usize>,
    verify: bool,
    sandbox: bool,
) -> PyResult<Table> {
    let workers = threads.unwrap_or_else(machine::default_workers);
    let settings = Scanning { out, workers, verify, sandbox, ..Scanning::new(videos) };
    let scanned = waiting::run(py, move |stop, observer| tubelet::scan(&settings, stop, observer))?;
    Ok(Table::of(manifest::record_batch(&scanned.rows)))
}
