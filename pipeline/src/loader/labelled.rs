//! Batches of whole labelled clips ([`schemas::labelled_batch`]): augmented for training, or views for
//! validation, test and features. The arrangement is that of [`crate::loader::stream`].
//!
//! ```text
//! training   slots in the epoch's order, a failed one is followed by the next; for ever
//! views      the videos asked for, in their order, once; all views of a video come from one decode,
//!            a failed video has no row, so whoever counts finds it missing
//! ```

use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::Stream;
use schemas::{PixelLayout, labelled_batch::LabelledBatchBuilder};

use super::{
    StreamError, Workers,
    dispatcher::{self, LoaderInputs},
    epoch_cursor::RunPart,
    stream::batched,
    worker::OnFailure,
};
use crate::{
    ClipNumber, Slot, VideoNumber,
    clips::{
        augmented::{TrainingMaker, TrainingSettings},
        views::{Gives, ViewMaker, ViewSettings},
    },
    pixels::clip_bytes,
    profile::Profile,
    settings::{self, SettingsError},
    source::ClipSource,
};

/// Training batches of a run, for ever: from a number on, and of several processes those of one.
///
/// Nothing else is read: what a batch holds depends on its number alone.
///
/// # Errors
/// When the settings make no batch, or no thread can be started.
#[doc(alias = "DataLoader")]
pub fn training(
    source: Arc<dyn ClipSource>,
    settings: TrainingSettings,
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
    let maker = TrainingMaker::new(settings, PixelLayout::Cubes, videos).knowing(&*source);
    let inputs = LoaderInputs { source, workers, on_failure, output };
    let rows = dispatcher::clips(inputs, maker, places, profile.clone())?;
    Ok(batched(rows, LabelledBatchBuilder::new(settings.geometry), settings.rows(), profile))
}

/// The views of some slots, in the order of `slots`, in batches of `rows` rows; the last one may be smaller.
/// A slot is a video, or where features are made of windows, some windows of one.
///
/// # Errors
/// When a batch would be empty or too large, or no thread can be started.
pub fn views(
    source: Arc<dyn ClipSource>,
    settings: ViewSettings,
    slots: Vec<Slot>,
    rows: u32,
    workers: Workers,
    on_failure: Arc<OnFailure>,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    view_stream(source, settings, Gives::All, slots, rows, workers, on_failure, profile)
}

/// The same views of some videos, each from a decode of its own, as the official code reads them: to compare with.
/// The source's frames are those of [`crate::sampling::labelled::Pass::Alone`].
///
/// # Errors
/// As [`views`].
pub fn views_alone(
    source: Arc<dyn ClipSource>,
    settings: ViewSettings,
    videos: impl Iterator<Item = VideoNumber>,
    rows: u32,
    workers: Workers,
    on_failure: Arc<OnFailure>,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    let views = settings.clips.max(1) * settings.crops.max(1);
    let slots = videos.flat_map(|video| (0..u64::from(views)).map(move |view| video.slot(views, view)));
    let settings = ViewSettings { clips: 1, slots_per_video: views, ..settings };
    view_stream(source, settings, Gives::One, slots.collect(), rows, workers, on_failure, profile)
}

#[allow(clippy::too_many_arguments)] // those of its two callers
fn view_stream(
    source: Arc<dyn ClipSource>,
    settings: ViewSettings,
    gives: Gives,
    slots: Vec<Slot>,
    rows: u32,
    workers: Workers,
    on_failure: Arc<OnFailure>,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    if rows == 0 {
        return Err(SettingsError::Zero { what: "the batch" }.into());
    }
    settings::check_size(u64::from(rows), settings.geometry)?;
    let output =
        clip_bytes(settings.geometry) as u64 * u64::from(settings.clips) * u64::from(settings.crops.max(1));
    let maker = ViewMaker::new(settings, gives, PixelLayout::Cubes, source.videos()).knowing(&*source);
    let inputs = LoaderInputs { source, workers, on_failure, output };
    // A maker of views takes the slots as they are numbered.
    let places = slots.into_iter().map(|slot| Ok((0, ClipNumber(slot.0))));
    let clips = dispatcher::clips(inputs, maker, places, profile.clone())?;
    Ok(batched(clips, LabelledBatchBuilder::new(settings.geometry), u64::from(rows), profile))
}
