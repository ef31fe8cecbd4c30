//! Room in the channel of batches, in bytes: its bound.
//!
//! `loom/` compiles this file with loom's locks, and tries it under every order of threads.

use crate::sync::{Condvar, Mutex, PoisonError};

/// Bytes that lie in the channel.
#[derive(Debug)]
pub(crate) struct Room {
    state: Mutex<State>,
    changed: Condvar,
    bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    closed: bool,
}

impl Room {
    /// Room for this many bytes, of which none are used.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { state: Mutex::new(State::default()), changed: Condvar::new(), bytes }
    }

    /// Waits until `bytes` fit or nothing else is there; false when the receiver is gone.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.closed && state.used > 0 && state.used + bytes > self.bytes {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.used += bytes;
        !state.closed
    }

    /// Gives back what was taken, once the batch has left the channel.
    pub(crate) fn give(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.used = state.used.saturating_sub(bytes);
        self.changed.notify_all();
    }

    /// Says that the receiver is gone; nobody waits any more.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}
