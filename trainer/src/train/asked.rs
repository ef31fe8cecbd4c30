//! What a training is asked from outside while it goes on. It looks between steps.

use std::sync::atomic::{AtomicBool, Ordering};

/// What a training is asked from outside. A flag alone asks it to stop.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Whether to write a checkpoint and end.
    pub stop: &'a AtomicBool,
    /// Whether to write a checkpoint and go on; lowered when it is written.
    pub checkpoint: &'a AtomicBool,
}

/// Nobody asks for a checkpoint.
static NEVER: AtomicBool = AtomicBool::new(false);

impl<'a> From<&'a AtomicBool> for Asked<'a> {
    fn from(stop: &'a AtomicBool) -> Self {
        Self { stop, checkpoint: &NEVER }
    }
}

impl Asked<'_> {
    /// Whether to end.
    pub(crate) fn to_stop(self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether to write a checkpoint; asked once, it is answered once.
    pub(crate) fn for_a_checkpoint(self) -> bool {
        self.checkpoint.swap(false, Ordering::Relaxed)
    }
}
