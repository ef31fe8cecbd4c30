//! Batches of whole labelled clips ([`schemas::labelled_batch`]): augmented for training, or views for
//! validation, test and features. The arrangement is that of [`crate::stream`].
//!
//! ```text
//! training   slots in the epoch's order, a failed one is followed by the next; for ever
//! views      the videos asked for, in their order, once; all views of a video come from one decode,
//!            a failed video has no row, so whoever counts finds it missing
//! ```

mod balance;
mod training;
mod views;

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::Stream;
use schemas::{ClipGeometry, labelled_batch::LabelledBatchBuilder};

use training::TrainingMaker;
pub use training::TrainingSettings;
pub use views::{Fit, ViewSettings};
use views::{Gives, ViewMaker};

use crate::{
    batch::batched,
    profile::Profile,
    settings::{self, SettingsError},
    source::{ClipFrames, ClipSource, Pixels, places_in},
    stream::{self, Asked, Place, StreamError, Workers},
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
    let maker = TrainingMaker::new(settings, videos).knowing(&*source);
    let asked = Asked { source, workers, on_failure, output };
    let rows = stream::clips(asked, maker, places, profile.clone())?;
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
    slots: Vec<u64>,
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
    videos: impl Iterator<Item = u64>,
    rows: u32,
    workers: Workers,
    on_failure: Arc<OnFailure>,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    let views = settings.clips.max(1) * settings.crops.max(1);
    let slots =
        videos.flat_map(|video| (0..u64::from(views)).map(move |view| video * u64::from(views) + view));
    let settings = ViewSettings { clips: 1, slots_per_video: views, ..settings };
    view_stream(source, settings, Gives::One, slots.collect(), rows, workers, on_failure, profile)
}

#[allow(clippy::too_many_arguments)] // those of its two callers
fn view_stream(
    source: Arc<dyn ClipSource>,
    settings: ViewSettings,
    gives: Gives,
    slots: Vec<u64>,
    rows: u32,
    workers: Workers,
    on_failure: Arc<OnFailure>,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<RecordBatch, StreamError>> + Send + 'static, StreamError> {
    if rows == 0 {
        return Err(SettingsError::Zero { what: "the batch" }.into());
    }
    settings::check_size(u64::from(rows), settings.geometry)?;
    let output = clip_bytes(settings.geometry) * u64::from(settings.clips) * u64::from(settings.crops.max(1));
    let maker = ViewMaker::new(settings, gives, source.videos()).knowing(&*source);
    let asked = Asked { source, workers, on_failure, output };
    let places = slots.into_iter().map(|slot| Ok((0, slot)));
    let clips = stream::clips(asked, maker, places, profile.clone())?;
    Ok(batched(clips, LabelledBatchBuilder::new(settings.geometry), u64::from(rows), profile))
}

/// What is right of the videos with several labels or numbers, by row; empty where none has any.
fn labels_of(source: &dyn ClipSource) -> Vec<Option<Arc<[f32]>>> {
    let labels: Vec<_> = (0..source.videos()).map(|video| source.truth(video).labels).collect();
    if labels.iter().any(Option::is_some) { labels } else { Vec::new() }
}

/// Bytes of a whole clip.
fn clip_bytes(geometry: ClipGeometry) -> u64 {
    (geometry.tokens() * geometry.cube()) as u64
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
                (orientation::upright_size(*orientation, coded), places_in(pictures, &frames.ranks))
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
