//! Ctrl-C heard by work on the thread that called it, which Python's interpreter was let go for.
//!
//! Only Python's main thread hears signals, and only when it looks for them. Work that comes back often asks here.

#![allow(unsafe_code)]

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use pyo3::{ffi, prelude::*};

use crate::waiting::SLICE;

/// Looks for signals now and then, and keeps what came of one.
#[derive(Clone)]
pub struct Signals(Arc<Mutex<Heard>>);

struct Heard {
    looked: Instant,
    raised: Option<PyErr>,
}

impl Signals {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Heard { looked: Instant::now(), raised: None })))
    }

    /// Whether a handler of a signal has raised an exception since [`take`](Self::take) was last called.
    pub fn are_raised(&self) -> bool {
        let mut heard = self.lock();
        if heard.raised.is_none() && heard.looked.elapsed() >= SLICE {
            heard.raised = Python::try_attach(|py| py.check_signals().err()).flatten();
            heard.looked = Instant::now();
        }
        heard.raised.is_some()
    }

    /// The exception, which is forgotten here.
    pub fn take(&self) -> Option<PyErr> {
        self.lock().raised.take()
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets Python hear Ctrl-C once more, where the exception of the first could not be handed on.
pub fn raise_again() {
    // SAFETY: it may be called from anywhere, and with or without the interpreter.
    unsafe { ffi::PyErr_SetInterrupt() };
}
