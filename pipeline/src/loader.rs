//! Loads batches: threads that read clips, bounded in bytes, in an order that does not depend on them.
//!
//! [`stream`] gives masked batches for pre-training, [`labelled`] those of whole clips, [`epoch`] those of one epoch in
//! any layout, and [`channel`] hands them to a thread that never enters async. The words are here; the folder's other files do the work.

pub mod channel;
mod dispatcher;
pub mod epoch;
pub mod epoch_cursor;
pub mod labelled;
mod room;
#[cfg(feature = "video")]
pub mod single;
pub mod stream;
pub mod worker;

use std::sync::Arc;

use arrow_schema::ArrowError;

use crate::{settings::SettingsError, source::SourceError};

/// The threads and what they may use.
#[doc(alias = "num_workers")]
#[doc(alias = "prefetch_factor")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// Threads.
    pub count: usize,
    /// Bytes of all clips in flight.
    pub budget_bytes: u64,
    /// Seconds without progress after which a thread is left behind.
    pub seconds_per_clip: u32,
}

/// Why there are no more batches.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The settings make no batch.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The system gives no thread.
    #[error("no thread could be started: {0}")]
    Thread(#[from] std::io::Error),
    /// Writing a failure down asked to stop: too many videos failed, or the file cannot be written.
    #[error("{0}")]
    Failures(Box<dyn std::error::Error + Send + Sync>),
    /// The dataset itself cannot be read.
    #[error(transparent)]
    Source(SourceError),
    /// Every slot of the epoch was tried for one clip.
    #[error("none of the {slots} clips of epoch {epoch} can be read")]
    NothingLeft {
        /// Slots that were tried.
        slots: u64,
        /// The epoch.
        epoch: u32,
    },
    /// Every slot of a set of a mixture was tried for one clip.
    #[error(
        "none of the clips of {set} can be read in epoch {epoch}, and a mixture needs clips of each of its sets"
    )]
    NothingLeftOf {
        /// The set.
        set: Arc<str>,
        /// The epoch.
        epoch: u32,
    },
    /// Too many threads are stuck.
    #[error("{stuck} threads are stuck in decoding, the last on {video}")]
    TooManyStuck {
        /// How many.
        stuck: u32,
        /// The video that the last one is stuck on.
        video: String,
    },
    /// The rows do not make a batch.
    #[error("the clips cannot be joined into a batch: {0}")]
    Batch(#[from] ArrowError),
    /// The run has more epochs than can be counted.
    #[error("batch {batch} lies beyond the last epoch that can be counted")]
    TooFar {
        /// The batch.
        batch: u64,
    },
}

#[cfg(test)]
mod tests;
