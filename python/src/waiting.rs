//! Long work on a thread of its own, while the caller's thread waits and hears Ctrl-C.
//!
//! ```text
//! caller   waits 50 ms without the interpreter ─▶ logs notes, looks for signals ─▶ waits …      ends with the answer
//! worker   the work; sends notes and the answer, and never touches Python                       ends with its work
//! ```
//!
//! The first Ctrl-C raises the stop flag, and the exception comes once the work has ended. At a second one the worker is
//! left behind: it ends by itself, and nobody takes its answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{RecvTimeoutError, Sender};
use pyo3::prelude::*;
use tubelet::{Event, Observer, Result};

use crate::error;

/// How long a wait lasts before signals are looked for.
pub const SLICE: Duration = Duration::from_millis(50);

/// What comes from the worker.
enum Message<T> {
    Note(String),
    Done(Result<T>),
}

/// Sends notes to whoever waits.
struct Notes<T>(Sender<Message<T>>);

impl<T: Send> Observer for Notes<T> {
    fn on(&self, event: Event<'_>) {
        if let Event::Note(words) = event {
            // Nobody waits any more: nobody is to be told.
            let _ = self.0.send(Message::Note(words.to_owned()));
        }
    }
}

/// What the first Ctrl-C does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interrupt {
    /// The work is told, and waited for.
    Stops,
    /// The work is left behind.
    Leaves,
}

/// Does `work` and gives its answer; its notes go to the logger `tubelet`.
pub fn run<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce(&AtomicBool, &dyn Observer) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    wait_for(py, Interrupt::Stops, work)
}

/// Does `work`, which is not long and cannot be stopped, and gives its answer; nobody waits for it after Ctrl-C.
pub fn run_or_leave<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> PyResult<T> {
    wait_for(py, Interrupt::Leaves, |_, _| work())
}

fn wait_for<T: Send + 'static>(
    py: Python<'_>,
    interrupt: Interrupt,
    work: impl FnOnce(&AtomicBool, &dyn Observer) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let stop = Arc::new(AtomicBool::new(false));
    let (messages, inbox) = crossbeam_channel::unbounded();
    let raised = Arc::clone(&stop);
    let worker = move || {
        let notes = Notes(messages.clone());
        let answer = work(&raised, &notes);
        let _ = messages.send(Message::Done(answer));
    };
    thread::Builder::new().name("tubelet".to_owned()).spawn(worker)?;
    let mut interrupted: Option<PyErr> = None;
    loop {
        match py.detach(|| inbox.recv_timeout(SLICE)) {
            Ok(Message::Note(words)) => log(py, &words)?,
            Ok(Message::Done(answer)) => {
                return match interrupted {
                    Some(signal) => Err(signal),
                    None => answer.map_err(|why| error::exception(py, &why)),
                };
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(error::failed(py, "a thread panicked; stderr says where"));
            }
        }
        if let Err(signal) = py.check_signals() {
            if interrupted.is_some() || interrupt == Interrupt::Leaves {
                return Err(signal);
            }
            stop.store(true, Ordering::SeqCst);
            interrupted = Some(signal);
        }
    }
}

/// Tells Python's logging a sentence.
fn log(py: Python<'_>, words: &str) -> PyResult<()> {
    let logger = py.import("logging")?.call_method1("getLogger", ("tubelet",))?;
    logger.call_method1("info", ("%s", words))?;
    Ok(())
}
