//! Locks, counters and channels of the files that `loom/` checks.
//!
//! They are the standard library's, crossbeam's and tokio's. `loom/` compiles `heartbeat.rs`, `loader/room.rs` and
//! `worker_pool/worker.rs` as they are, with a module of this name that has loom's in their place.

pub(crate) use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread_local,
};

pub(crate) use crossbeam_channel::Receiver;
pub(crate) use tokio::sync::oneshot;
