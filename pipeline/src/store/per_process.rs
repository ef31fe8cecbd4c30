//! What belongs to a process and must not come along into one that is forked from it: a thread is not there, and a
//! connection would be shared by two. PyTorch's `DataLoader` forks its workers.

use std::{
    process,
    sync::{Mutex, PoisonError},
};

/// A value that each process begins anew.
pub(super) struct PerProcess<T>(Mutex<Option<(u32, T)>>);

impl<T: Default> PerProcess<T> {
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Does something with this process's value.
    pub fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let process = process::id();
        if held.as_ref().is_some_and(|(owner, _)| *owner != process) {
            // To drop a value of another process could mean to wait for its threads, or to end its connections.
            std::mem::forget(held.take());
        }
        act(&mut held.get_or_insert_with(|| (process, T::default())).1)
    }
}
