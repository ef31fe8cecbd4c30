//! Prefetching: while a GPU computes, the next micro-batch is on its way to it.

use arrow_array::RecordBatch;
use schemas::{ClipBatch, ClipGeometry};

use super::{error::TrainError, stopwatch::Stopwatch};
use crate::{batch::masked::MaskedClips, device::Device};

/// Micro-batches, brought to the device one before it is needed.
pub(crate) struct Prefetch<'a, I> {
    batches: std::iter::Fuse<I>,
    geometry: ClipGeometry,
    device: &'a Device,
    /// What was fetched, or why it could not be: that matters only to whoever takes it.
    fetched: Option<Result<Option<Counted>, TrainError>>,
}

/// Clips on the device, and how many of their frames repeat the one before.
struct Counted {
    clips: MaskedClips,
    frames: usize,
    repeated: usize,
}

impl<'a, I, E> Prefetch<'a, I>
where
    I: Iterator<Item = Result<RecordBatch, E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Of `batches`, whose clips have the model's shape.
    pub(crate) fn new(batches: I, geometry: ClipGeometry, device: &'a Device) -> Self {
        Self { batches: batches.fuse(), geometry, device, fetched: None }
    }

    /// The next micro-batch, for step `step`; none when they end.
    pub(crate) fn next(
        &mut self,
        step: u64,
        stopwatch: &mut Stopwatch,
    ) -> Result<Option<MaskedClips>, TrainError> {
        self.fetch_now(step, stopwatch);
        let fetched = self.fetched.take().expect("because it was fetched")?;
        let Some(Counted { clips, frames, repeated }) = fetched else { return Ok(None) };
        stopwatch.frames(frames, repeated);
        Ok(Some(clips))
    }

    /// Fetches the micro-batch that the next call of `next` will return. On the CPU the step is already done by now,
    /// so prefetching would only hold memory.
    pub(crate) fn fetch(&mut self, step: u64, stopwatch: &mut Stopwatch) {
        if !self.device.is_cpu() {
            self.fetch_now(step, stopwatch);
        }
    }

    fn fetch_now(&mut self, step: u64, stopwatch: &mut Stopwatch) {
        if self.fetched.is_none() {
            let batch = stopwatch.waiting(|| self.batches.next());
            self.fetched = Some(batch.map(|batch| self.upload(batch, step)).transpose());
        }
    }

    fn upload(&self, batch: Result<RecordBatch, E>, step: u64) -> Result<Counted, TrainError> {
        let batch = batch.map_err(|cause| TrainError::Data { step, cause: cause.into() })?;
        let batch = ClipBatch::try_from(batch)?;
        let clips = MaskedClips::upload(&batch, self.geometry, self.device)?;
        let frames = batch.len() * batch.geometry().frames();
        Ok(Counted { clips, frames, repeated: batch.repeated_frames() })
    }
}
