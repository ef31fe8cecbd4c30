//! The command `tubelet`, as the wheel brings it.

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use pyo3::prelude::*;

use crate::allocator;

/// Does what a command line asks for and gives the exit code; `arguments` begin with the name of the program. Signals are
/// the command's: the caller has set Python's handlers back before.
#[pyfunction]
pub fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    allocator::keep();
    let code = py.detach(|| {
        let code = tubelet::command::main(arguments);
        // At the end of Rust's own programs the system is given what is left; nobody does that here.
        let _ = std::io::stdout().flush();
        code
    });
    // An exit code has no number to be asked for; the command has three.
    [0, 1, 2].into_iter().find(|&number| code == ExitCode::from(number)).unwrap_or(1)
}
