//! Masked clips as record batches, in the order of the schedule: what people call a data loader.
//!
//! ```text
//! schedule ─▶ [`dispatcher`](super::dispatcher) ─▶ rows of clips ─▶ record batch
//! ```
//!
//! The stream must be polled inside a tokio runtime with a clock; [`channel`](super::channel) brings one.

use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::{Stream, stream::StreamExt as _};
use schemas::BatchBuilder;

use super::{
    StreamError, Workers,
    dispatcher::{Held, LoaderInputs, clips},
    epoch_cursor::EpochCursor,
    worker::OnFailure,
};
use crate::{
    clips::{batch::MaskedBatchBuilder, masked::ClipMaker},
    profile::{Profile, Stage},
    settings::{ClipSettings, SettingsError},
    source::ClipSource,
};

/// Batches number `from_batch`, `from_batch + 1`, … of a run, for ever.
///
/// Nothing before `from_batch` is read: what a batch holds depends on its number alone.
///
/// # Errors
/// When the settings make no batch, or no thread can be started.
#[doc(alias = "DataLoader")]
pub fn batches(
    source: Arc<dyn ClipSource>,
    settings: ClipSettings,
    from_batch: u64,
    workers: Workers,
    on_failure: Arc<OnFailure>,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    let videos = source.videos();
    let batches_per_epoch = settings.batches_per_epoch(videos)?;
    let maker = ClipMaker::new(settings, videos).map_err(SettingsError::from)?;
    let batch = u64::from(settings.batch);
    let output = (settings.geometry.tokens() * settings.geometry.cube()) as u64 * u64::from(settings.repeats);
    let builder = MaskedBatchBuilder::new(settings.geometry, maker.visible_tokens());
    let places = EpochCursor::new(from_batch, batches_per_epoch, batch)?.onwards();
    let inputs = LoaderInputs { source, workers, on_failure, output };
    let clips = clips(inputs, maker, places, profile.clone())?;
    Ok(batched(clips, builder, batch * u64::from(settings.repeats), profile))
}

/// The rows of `jobs` in batches of `rows`; where the jobs end, the last batch is as large as it is.
pub(crate) fn batched<B: BatchBuilder>(
    jobs: impl Stream<Item = Result<Held<B::Row>, StreamError>> + Send + 'static,
    mut builder: B,
    rows: u64,
    profile: Arc<Profile>,
) -> impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static {
    async_stream::try_stream! {
        let mut jobs = std::pin::pin!(jobs);
        while let Some(held) = jobs.next().await {
            // The right to hold the bytes lives until the last row of the job is in a batch.
            let mut held = held?;
            for row in held.rows.drain(..) {
                profile.time(Stage::Batch, || builder.push(row));
                if builder.rows() as u64 == rows {
                    let full = profile.time(Stage::Batch, || builder.finish())?;
                    yield full;
                }
            }
        }
        if builder.rows() > 0 {
            let rest = builder.finish()?;
            yield rest;
        }
    }
}
