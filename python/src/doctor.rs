//! `tubelet.doctor`: what this installation can read, and which package brings what is missing.

use pyo3::prelude::*;
use tubelet::doctor::{System, install_line};

/// What was found as JSON, and for each family of systems the line that installs what is missing; this system first.
#[pyfunction]
pub fn doctor(py: Python<'_>) -> PyResult<(String, bool, Vec<(&'static str, String)>)> {
    let found = py.detach(tubelet::doctor::doctor);
    let others = System::ALL.into_iter().filter(|system| Some(*system) != found.system);
    let systems = found.system.into_iter().chain(others);
    let lines = systems.map(|system| (system.name(), install_line(found.missing(), system)));
    let lines = if found.missing().next().is_some() { lines.collect() } else { Vec::new() };
    let json = serde_json::to_string(&found).map_err(|why| crate::error::failed(py, &why.to_string()))?;
    Ok((json, found.is_complete(), lines))
}
