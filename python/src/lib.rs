//! The native half of the Python package `tubelet`: what reads videos, and memory that others may look at.
//!
//! ```text
//! loader    clips of videos, batch after batch       batch     a record batch as arrays
//! decoder   frames of one video                      buffer    memory as arrays: DLPack, buffer protocol
//! scan      what is in a collection of videos        table     columns as Arrow: PyCapsule protocol
//! read_clips  clips of a table of paths and times
//! inference what a model makes of videos             command   the command itself
//! doctor    what this installation can read          contact_sheet  a picture of a batch
//! sandbox   decoding in processes of their own       allocator the command's memory
//! ```
//!
//! It does what takes time, with the interpreter let go; `python/tubelet/*.py` gives it the names and habits that
//! people know. Long work runs on threads that never call Python ([`waiting`]), or looks for signals itself ([`signals`]), so that
//! Ctrl-C is heard at once.

mod allocator;
mod batch;
mod buffer;
mod command;
mod contact_sheet;
mod decoder;
mod dlpack;
mod doctor;
mod error;
mod inference;
mod loader;
mod memory;
mod read_clips;
mod sandbox;
mod scan;
mod signals;
mod table;
mod waiting;

use pyo3::prelude::*;

/// The native half of `tubelet`.
#[pymodule]
fn _tubelet(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<buffer::Buffer>()?;
    module.add_class::<loader::ClipLoader>()?;
    module.add_class::<loader::ClipStream>()?;
    module.add_class::<decoder::FrameDecoder>()?;
    module.add_class::<table::Table>()?;
    module.add_function(wrap_pyfunction!(memory::copied_bytes, module)?)?;
    module.add_function(wrap_pyfunction!(buffer::buffer_of, module)?)?;
    module.add_function(wrap_pyfunction!(command::run_command, module)?)?;
    module.add_function(wrap_pyfunction!(contact_sheet::contact_sheet, module)?)?;
    module.add_function(wrap_pyfunction!(doctor::doctor, module)?)?;
    module.add_function(wrap_pyfunction!(read_clips::read_clips, module)?)?;
    module.add_function(wrap_pyfunction!(read_clips::read_clips_as_arrays, module)?)?;
    module.add_function(wrap_pyfunction!(table::table_of, module)?)?;
    module.add_function(wrap_pyfunction!(inference::embed, module)?)?;
    module.add_function(wrap_pyfunction!(inference::predict, module)?)?;
    module.add_function(wrap_pyfunction!(scan::scan, module)?)?;
    module.add_function(wrap_pyfunction!(sandbox::decode_by, module)?)?;
    module.add_function(wrap_pyfunction!(sandbox::serve, module)?)?;
    Ok(())
}
