//! A sign of life of each thread: a counter that moves as long as the thread is not stuck.
//!
//! Code that works for long calls [`step`] at each packet, block or file; the thread that waits for it looks at its
//! [`Heartbeat`]. A slow thread moves the counter and is left alone (what it does has limits of its own); one that hangs
//! inside a library does not. If it hangs because the system does not give the bytes of a file ([`reading`]), the video
//! is not to blame.

use crate::sync::{Arc, AtomicBool, AtomicU64, Relaxed, thread_local};

/// The counter of one thread; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat(Arc<Thread>);

#[derive(Debug, Default)]
struct Thread {
    steps: AtomicU64,
    is_reading: AtomicBool,
}

impl Heartbeat {
    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.0.steps.load(Relaxed)
    }

    /// Whether the thread waits for bytes of a file.
    pub fn is_reading(&self) -> bool {
        self.0.is_reading.load(Relaxed)
    }
}

thread_local! {
    static OWN: Heartbeat = Heartbeat::default();
}

/// The counter of the calling thread.
pub fn of_this_thread() -> Heartbeat {
    OWN.with(Heartbeat::clone)
}

/// Counts a step of the calling thread.
pub fn step() {
    OWN.with(|own| own.0.steps.fetch_add(1, Relaxed));
}

/// What `read` gives, which asks the system for a file or its bytes.
pub fn reading<T>(read: impl FnOnce() -> T) -> T {
    let own = of_this_thread();
    own.0.is_reading.store(true, Relaxed);
    let answer = read();
    own.0.is_reading.store(false, Relaxed);
    answer
}
