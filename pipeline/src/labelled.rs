//! Batches of whole labelled clips ([`schemas::labelled_batch`]): augmented for training, or views for
//! validation, test and features. The arrangement is that of [`crate::stream`].
//!
//! ```text
//! training   slots in the epoch's order, a failed one is followed by the next; for ever
//! views      the videos asked for, in their order, once; all views of a video come from one decode,
//!            a failed video has no row, so whoever counts finds it missing
//! ```

mod training;
mod views;

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::{Stream, stream::StreamExt as _};
use schemas::{
    ClipGeometry,
    labelled_batch::{LabelledBatchBuilder, LabelledClip},
};

use training::TrainingMaker;
pub use training::TrainingSettings;
use views::ViewMaker;
pub use views::{Fit, ViewSettings};

use crate::{
    FrameRank,
    picture::Orientation,
    profile::{Profile, Stage},
    settings::SettingsError,
    source::{ClipFrames, ClipSource, Pixels},
    stream::{self, Asked, Held, Place, StreamError, Workers},
    transform::{self, RgbFrame, lines::Lines, orientation},
    tubelets,
    worker::OnFailure,
};

/// Training batches number `from_batch`, `from_batch + 1`, … of a run, for ever.
///
/// Nothing before `from_batch` is read: what a batch holds depends on its number alone.
///
/// # Errors
/// When the settings make no batch, or no thread can be started.
pub fn training(
    source: Arc<dyn ClipSource>,
    settings: TrainingSettings,
    from_batch: u64,
    workers: Workers,
    on_failure: Arc<OnFailure>,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    let videos = source.videos();
    let batches_per_epoch = settings.batches_per_epoch(videos)?;
    let places = Place::new(from_batch, batches_per_epoch, u64::from(settings.batch))?.onwards();
    let output = clip_bytes(settings.geometry) * u64::from(settings.repeats);
    let maker = TrainingMaker::new(settings, videos);
    let asked = Asked { source, workers, on_failure, output };
    let rows = stream::clips(asked, maker, places, profile.clone())?;
    Ok(batched(rows, settings.geometry, settings.rows(), profile))
}

/// The views of some slots, in the order of `slots`, in batches of `rows` rows; the last one may be smaller.
/// A slot is a video, or where features are made of windows, some windows of one.
///
/// # Errors
/// When a batch would be empty or too large, or no thread can be started.
pub fn views(
    source: Arc<dyn ClipSource>,
    settings: ViewSettings,
    slots: Vec<u64>,
    rows: u32,
    workers: Workers,
    on_failure: Arc<OnFailure>,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    if rows == 0 {
        return Err(SettingsError::Zero { what: "the batch" }.into());
    }
    check_size(u64::from(rows), settings.geometry)?;
    let output = clip_bytes(settings.geometry) * u64::from(settings.clips) * u64::from(settings.crops.max(1));
    let maker = ViewMaker::new(settings, source.videos());
    let asked = Asked { source, workers, on_failure, output };
    let places = slots.into_iter().map(|slot| Ok((0, slot)));
    let clips = stream::clips(asked, maker, places, profile.clone())?;
    Ok(batched(clips, settings.geometry, u64::from(rows), profile))
}

/// Rows in batches of `rows`, the last one as it is.
fn batched(
    clips: impl Stream<Item = Result<Held<LabelledClip>, StreamError>> + Send + 'static,
    geometry: ClipGeometry,
    rows: u64,
    profile: Arc<Profile>,
) -> impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static {
    async_stream::try_stream! {
        let mut builder = LabelledBatchBuilder::new(geometry);
        let mut clips = std::pin::pin!(clips);
        while let Some(held) = clips.next().await {
            // The right to hold the clip's bytes lives until its last row is in a batch.
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

/// Bytes of a whole clip.
fn clip_bytes(geometry: ClipGeometry) -> u64 {
    (geometry.tokens() * geometry.cube()) as u64
}

fn check_size(rows: u64, geometry: ClipGeometry) -> Result<(), SettingsError> {
    let bytes = rows.saturating_mul(clip_bytes(geometry));
    if bytes > i32::MAX as u64 { Err(SettingsError::BatchTooLarge { rows, bytes }) } else { Ok(()) }
}

/// The distinct frames of a slot as upright RGB of their stored size, one at a time: a frame is whole only
/// while it is cut.
struct WholeFrames {
    size: (u32, u32),
    /// Which distinct frame each rank of the slot is.
    places: Vec<usize>,
    pixels: Pixels,
}

impl WholeFrames {
    fn of(frames: &mut ClipFrames) -> Self {
        let empty = Pixels::Rgb { width: 0, height: 0, bytes: Vec::new() };
        let pixels = std::mem::replace(&mut frames.pixels, empty);
        let (size, places) = match &pixels {
            Pixels::Pictures { pictures, orientation } => {
                let coded = pictures.first().map_or((0, 0), |(_, picture)| (picture.width, picture.height));
                let place = |rank: &FrameRank| pictures.partition_point(|(at, _)| at < rank);
                (upright(*orientation, coded), frames.ranks.iter().map(place).collect())
            }
            Pixels::Rgb { width, height, .. } => ((*width, *height), (0..frames.ranks.len()).collect()),
        };
        Self { size, places, pixels }
    }

    /// Distinct frame number `at`.
    fn whole(&self, at: usize) -> Option<RgbFrame> {
        match &self.pixels {
            Pixels::Pictures { pictures, orientation } => {
                pictures.get(at).map(|(_, picture)| transform::whole_frame(picture, *orientation, 0))
            }
            Pixels::Rgb { width, height, bytes } => {
                let frame = *width as usize * *height as usize * 3;
                let pixels = bytes.get(at * frame..(at + 1) * frame)?.to_vec();
                Some(RgbFrame { width: *width, height: *height, pixels })
            }
        }
    }

    /// Distinct frames.
    fn distinct(&self) -> usize {
        self.places.iter().max().map_or(0, |last| last + 1)
    }
}

fn upright(orientation: Orientation, coded: (u32, u32)) -> (u32, u32) {
    orientation::upright_size(orientation, coded)
}

/// All tokens of a clip, ascending.
fn all_tokens(geometry: ClipGeometry) -> Vec<u16> {
    // A geometry has at most 65536 tokens, so the last number is a u16's.
    (0..geometry.tokens()).map(|token| token as u16).collect()
}

/// Puts a frame of the clip's size in every place of the clip that shows it.
fn put(
    geometry: ClipGeometry,
    frame: &Lines,
    shown: impl Iterator<Item = usize>,
    tokens: &[u16],
    cubes: &mut [u8],
) {
    for number in shown {
        tubelets::put_frame(geometry, frame, number, tokens, cubes);
    }
}

/// Columns and rows of a clip.
fn clip_size(geometry: ClipGeometry) -> (u32, u32) {
    (geometry.width() as u32, geometry.height() as u32)
}

#[cfg(test)]
mod tests;
