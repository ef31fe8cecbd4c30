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
    epoch_cursor::RunPart,
    worker::OnFailure,
};
use crate::{
    ClipNumber,
    clips::{batch::MaskedBatchBuilder, masked::ClipMaker},
    pixels::clip_bytes,
    profile::{Profile, Stage},
    settings::{ClipSettings, SettingsError},
    source::ClipSource,
};

/// Batches of a run, for ever: from a number on, and of several processes those of one.
///
/// Nothing else is read: what a batch holds depends on its number alone.
///
/// # Errors
/// When the settings make no batch, or no thread can be started.
#[doc(alias = "DataLoader")]
pub fn batches(
    source: Arc<dyn ClipSource>,
    settings: ClipSettings,
    part: impl Into<RunPart>,
    workers: Workers,
    on_failure: Arc<OnFailure>,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    let videos = source.videos();
    let batches_per_epoch = settings.batches_per_epoch(videos)?;
    let places =
        part.into().places(batches_per_epoch, settings.batch.into(), settings.batches_per_update.into())?;
    let output = clip_bytes(settings.geometry) as u64 * u64::from(settings.repeats);
    let inputs = LoaderInputs { source, workers, on_failure, output };
    masked_at(inputs, settings, places, profile)
}

/// Batches of the clips that `places` names.
pub(super) fn masked_at(
    inputs: LoaderInputs,
    settings: ClipSettings,
    places: impl Iterator<Item = Result<(u32, ClipNumber), StreamError>> + Send + 'static,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    let maker = ClipMaker::new(settings, inputs.source.videos()).map_err(SettingsError::from)?;
    let maker = maker.knowing(&*inputs.source);
    let builder = MaskedBatchBuilder::new(settings.geometry, maker.visible_tokens());
    let builder = match inputs.source.mixture() {
        Some(mixture) => builder.with_sets(mixture.names()),
        None => builder,
    };
    let clips = clips(inputs, maker, places, profile.clone())?;
    Ok(batched(clips, builder, u64::from(settings.batch) * u64::from(settings.repeats), profile))
}

/// The rows of `jobs` in batches of `rows`; where the jobs end, the last batch is as large as it is.
pub(crate) fn batched<R, B>(
    jobs: impl Stream<Item = Result<Held<R>, StreamError>> + Send + 'static,
    mut builder: B,
    rows: u64,
    profile: Arc<Profile>,
) -> impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static
where
    R: Send + 'static,
    B: BatchBuilder<Row: From<R>>,
{
    async_stream::try_stream! {
        let mut jobs = std::pin::pin!(jobs);
        while let Some(held) = jobs.next().await {
            // The right to hold the bytes lives until the last row of the job is in a batch.
            let mut held = held?;
            for row in held.rows.drain(..) {
                profile.time(Stage::Batch, || builder.push(row.into()));
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

/// The rows of `jobs` in batches of as many jobs as `sizes` says, whatever number of rows each has.
pub(super) fn by_clips<R, B>(
    jobs: impl Stream<Item = Result<Held<R>, StreamError>> + Send + 'static,
    mut builder: B,
    sizes: Vec<u64>,
    profile: Arc<Profile>,
) -> impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static
where
    R: Send + 'static,
    B: BatchBuilder<Row: From<R>>,
{
    async_stream::try_stream! {
        let mut jobs = std::pin::pin!(jobs);
        for jobs_of_batch in sizes {
            for _ in 0..jobs_of_batch {
                let Some(held) = jobs.next().await else { break };
                for row in held?.rows.drain(..) {
                    profile.time(Stage::Batch, || builder.push(row.into()));
                }
            }
            let full = profile.time(Stage::Batch, || builder.finish())?;
            yield full;
        }
    }
}
