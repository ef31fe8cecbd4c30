//! The hand-over of batches to a thread that never enters async: the trainer's.
//!
//! ```text
//! stream ─▶ thread "batches" (current-thread tokio runtime) ──crossbeam──▶ Batches (an iterator)
//! ```
//!
//! The channel is bounded in bytes: the forwarding thread waits until the batches that lie in it leave
//! room for the next one; a batch larger than the bound goes through alone. Filled by the forwarding
//! thread, emptied by [`Batches`]. It ends when the stream ends, after its first error, or when
//! [`Batches`] is dropped: the forwarder's next send fails, it drops the stream, and with it the workers'
//! queue. What lies in the channel is dropped with it.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use arrow_array::RecordBatch;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use futures::{Stream, StreamExt as _};

use super::{StreamError, room::Room};
use crate::profile::{Profile, Stage};

/// Batches in order; waits for each. Dropping it ends the stream.
#[doc(alias = "DataLoader")]
#[derive(Debug)]
pub struct Batches {
    batches: Receiver<Result<RecordBatch, StreamError>>,
    room: Arc<Room>,
    profile: Arc<Profile>,
}

/// Starts the forwarding thread; at most `bytes` bytes of batches wait in the channel.
///
/// # Errors
/// When the system gives no thread or no runtime.
pub fn spawn(
    stream: impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static,
    bytes: u64,
    profile: Arc<Profile>,
) -> io::Result<Batches> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    // Bounded by `room`, in bytes; the channel itself need not count.
    let (sender, batches) = crossbeam_channel::unbounded();
    let room = Arc::new(Room::new(bytes));
    let (forward_room, forward_profile) = (room.clone(), profile.clone());
    thread::Builder::new()
        .name("batches".into())
        .spawn(move || forward(&runtime, stream, &sender, &forward_room, &forward_profile))?;
    Ok(Batches { batches, room, profile })
}

/// The forwarding thread's life. Waiting for room blocks this thread between two polls of the stream,
/// never within one; the workers go on meanwhile.
fn forward(
    runtime: &tokio::runtime::Runtime,
    stream: impl Stream<Item = Result<RecordBatch, StreamError>>,
    sender: &Sender<Result<RecordBatch, StreamError>>,
    room: &Room,
    profile: &Profile,
) {
    let mut stream = std::pin::pin!(stream);
    while let Some(batch) = runtime.block_on(stream.next()) {
        let (bytes, last) = (size(&batch), batch.is_err());
        let start = Instant::now();
        let open = room.take(bytes);
        profile.add_wait(Stage::Full, start.elapsed());
        if !open || sender.send(batch).is_err() || last {
            return;
        }
    }
}

fn size(batch: &Result<RecordBatch, StreamError>) -> u64 {
    batch.as_ref().map_or(0, |batch| batch.get_array_memory_size() as u64)
}

/// What came of waiting for a while.
#[derive(Debug)]
pub enum Waited<B> {
    /// The next batch.
    Batch(B),
    /// The time is over, and the next batch is not there yet.
    NotYet,
    /// There are no more.
    End,
}

impl Batches {
    /// Waits for the next batch, but not longer than `patience`.
    pub fn wait(&mut self, patience: Duration) -> Waited<Result<RecordBatch, StreamError>> {
        let (ready, start) = (self.batches.len(), Instant::now());
        let waited = self.batches.recv_timeout(patience);
        self.profile.add_wait(Stage::Wait, start.elapsed());
        match waited {
            Ok(batch) => {
                self.profile.see_ready(ready);
                self.room.give(size(&batch));
                Waited::Batch(batch)
            }
            Err(RecvTimeoutError::Timeout) => Waited::NotYet,
            Err(RecvTimeoutError::Disconnected) => Waited::End,
        }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.profile.see_ready(self.batches.len());
        let start = Instant::now();
        let batch = self.batches.recv().ok();
        self.profile.add_wait(Stage::Wait, start.elapsed());
        if let Some(batch) = &batch {
            self.room.give(size(batch));
        }
        batch
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.room.close();
    }
}
