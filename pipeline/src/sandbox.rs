//! Decoding in processes of their own: what a film does to a decoder costs the film a verdict, and the run a moment.
//!
//! ```text
//! worker thread ─ VideoReader ─▶ process ──socket: requests, the file's handle──▶ serve ─ VideoReader ─▶ GStreamer, dav1d
//!                                     ◀──socket: facts, index, signs of life────
//!                                     ◀──shared memory: planes of pictures──────
//! ```
//!
//! Each [`VideoReader`](crate::video::VideoReader) that asks for it has one child process, which is started when it is first
//! needed. The parent opens files; the child takes them apart and decodes them, and can do little else (`confine.rs`). A
//! child that dies is started again, and what was asked of it is asked once more; a film on which it dies twice, or is stuck,
//! gets a verdict. Pictures are those that a thread gives, to the byte.
//!
//! How a child is started is known to the program alone: [`start_by`] tells it.
//!
//! ```no_run
//! use pipeline::sandbox::{self, Launch, serve};
//!
//! fn main() -> std::io::Result<()> {
//!     if std::env::args().nth(1).as_deref() == Some(sandbox::ARGUMENT) {
//!         serve::serve();
//!         return Ok(());
//!     }
//!     sandbox::start_by(Launch::of_this_program()?);
//!     // Train, scan, read frames.
//!     Ok(())
//! }
//! ```

mod channel;
pub(crate) mod client;
mod confine;
pub(crate) mod film;
mod link;
pub(crate) mod memory;
pub(crate) mod message;
mod process;
pub mod serve;

use std::{ffi::OsString, path::PathBuf, sync::OnceLock};

use rustix::process::{Resource, getrlimit};

pub use client::unfiltered;

/// The first argument of a process that decodes and does nothing else.
pub const ARGUMENT: &str = "__decode";

/// How a decoding process is started: this program, which then calls [`serve::serve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// All its arguments.
    pub arguments: Vec<OsString>,
}

static LAUNCH: OnceLock<Launch> = OnceLock::new();

impl Launch {
    /// The program that runs, with [`ARGUMENT`]: for one whose `main` calls [`serve::serve`] when it sees it.
    ///
    /// # Errors
    /// When the system does not say which program runs.
    pub fn of_this_program() -> std::io::Result<Self> {
        // The program may be replaced while it runs; this name leads to the one that does.
        let own = PathBuf::from("/proc/self/exe");
        let program = if own.exists() { own } else { std::env::current_exe()? };
        Ok(Self { program, arguments: vec![ARGUMENT.into()] })
    }
}

/// Tells how decoding processes are started; only the first word counts. Where nobody says it, readers decode on their
/// own threads.
pub fn start_by(launch: Launch) {
    // Somebody said it before.
    let _ = LAUNCH.set(launch);
}

/// How decoding processes are started, if anybody said it and they can be had.
pub fn launch() -> Option<&'static Launch> {
    LAUNCH.get().filter(|_| !has_file_limit())
}

/// Whether decoding processes would be started, but for a limit of the size of files (`ulimit -f`), which the shared
/// memory counts as.
pub fn is_held_back() -> bool {
    LAUNCH.get().is_some() && has_file_limit()
}

fn has_file_limit() -> bool {
    getrlimit(Resource::Fsize).current.is_some()
}
