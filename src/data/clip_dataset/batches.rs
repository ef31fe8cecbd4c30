//! The batches of an epoch as they come.

use std::time::Duration;

use arrow_array::RecordBatch;
use pipeline::loader::channel::{self, Waited};

use crate::error::Result;

/// Batches in order; waits for each. Dropping it ends the threads that make them, after the clip in hand.
#[derive(Debug)]
pub struct ClipBatches(pub(super) channel::Batches);

impl ClipBatches {
    /// Waits for the next batch, but not longer than `patience`: whoever must look at signals meanwhile waits so.
    pub fn wait(&mut self, patience: Duration) -> Waited<Result<RecordBatch>> {
        match self.0.wait(patience) {
            Waited::Batch(batch) => Waited::Batch(batch.map_err(Into::into)),
            Waited::NotYet => Waited::NotYet,
            Waited::End => Waited::End,
        }
    }
}

impl Iterator for ClipBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map_err(Into::into))
    }
}
