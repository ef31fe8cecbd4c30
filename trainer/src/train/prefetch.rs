//! Prefetching: while a GPU computes, a thread of its own checks the next micro-batch and sends it there.
//!
//! ```text
//! uploading thread    batch ─▶ check ─▶ pinned memory ─▶ GPU; the batch is freed
//! training thread              takes what is there, and launches
//! ```
//!
//! Two micro-batches are on the GPU in turn: the one that is computed, and the next. On the CPU the step before is done
//! when a batch is asked for, so prefetching would only hold memory: there the training thread takes batches itself.

use std::{sync::mpsc, thread};

use arrow_array::RecordBatch;

use super::error::TrainError;

/// Why there is no batch.
pub type DataError = Box<dyn std::error::Error + Send + Sync>;

/// A micro-batch on the device, or why it is not: why there is no batch, or why it cannot be trained on.
type Fetched<T> = Result<Result<T, TrainError>, DataError>;

/// Micro-batches on the device, one after the other.
pub struct Batches<'a, T>(&'a mut dyn Iterator<Item = Fetched<T>>);

impl<T> Batches<'_, T> {
    /// The next micro-batch, for step `step`; none when they end.
    ///
    /// # Errors
    /// When it could not be had, or cannot be trained on.
    pub fn next(&mut self, step: u64) -> Result<Option<T>, TrainError> {
        self.0.next().transpose().map_err(|cause| TrainError::Data { step, cause })?.transpose()
    }
}

/// Gives `train` what `upload` makes of each of `batches`: made ahead, one before it is needed, by another thread, or
/// when it is asked for.
pub fn prefetch<T: Send, R, E: Into<DataError>>(
    batches: impl Iterator<Item = Result<RecordBatch, E>> + Send,
    upload: impl Fn(RecordBatch) -> Result<T, TrainError> + Send,
    ahead: bool,
    train: impl FnOnce(&mut Batches<'_, T>) -> R,
) -> R {
    let mut uploaded = batches.map(move |batch| batch.map(&upload).map_err(Into::into)).fuse();
    if !ahead {
        return train(&mut Batches(&mut uploaded));
    }
    thread::scope(|scope| {
        // Without room: what is uploaded waits at the sender, and is the only one that does.
        let (sender, receiver) = mpsc::sync_channel(0);
        scope.spawn(move || {
            // Nobody receives any more when the training has ended.
            let _ = uploaded.try_for_each(|fetched| sender.send(fetched));
        });
        train(&mut Batches(&mut receiver.into_iter()))
    })
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        thread::ThreadId,
    };

    use arrow_array::{ArrayRef, UInt64Array};

    use super::*;

    fn batch(number: u64) -> RecordBatch {
        let numbers: ArrayRef = std::sync::Arc::new(UInt64Array::from(vec![number]));
        RecordBatch::try_from_iter([("number", numbers)]).unwrap()
    }

    /// Numbers of the batches in the order that they come, until `take` are there, and who uploaded them.
    fn fetched(count: u64, take: usize, ahead: bool) -> (Vec<u64>, HashSet<ThreadId>, usize) {
        let (threads, made) = (Mutex::new(HashSet::new()), AtomicUsize::new(0));
        let upload = |batch: RecordBatch| {
            threads.lock().unwrap().insert(thread::current().id());
            made.fetch_add(1, Ordering::SeqCst);
            let numbers = batch.column(0).as_any().downcast_ref::<UInt64Array>().unwrap();
            Ok(numbers.value(0))
        };
        let batches = (0..count)
            .map(|number| if number == 7 { Err("the eighth is broken") } else { Ok(batch(number)) });
        let numbers = prefetch(batches, upload, ahead, |numbers| {
            (0..take).map_while(|step| numbers.next(step as u64).ok()?).collect()
        });
        (numbers, threads.into_inner().unwrap(), made.into_inner())
    }

    #[test]
    fn the_same_batches_come_from_another_thread_as_from_this_one() {
        for (count, take) in [(0, 9), (5, 9), (9, 5), (9, 9)] {
            let (here, by, made) = fetched(count, take, false);
            assert!(by.iter().all(|thread| *thread == thread::current().id()));
            assert_eq!(here.len(), made);
            let (ahead, by, made) = fetched(count, take, true);
            assert_eq!(here, ahead, "{take} of {count}");
            assert!(!by.contains(&thread::current().id()));
            assert!(made <= ahead.len() + 1, "at most one more is uploaded than was taken");
        }
    }
}
