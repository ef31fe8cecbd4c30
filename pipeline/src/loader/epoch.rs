//! The batches of one epoch, or one rank's share of them, in any layout; the stream ends with them.
//!
//! ```text
//! batches of the epoch    0 1 2 3 4 5 6 7 …      each of the same clips whoever makes it
//! rank 1 of 3, from 0       1     4     7 …
//! ```
//!
//! What a batch holds depends on the epoch and its number alone, so the ranks together give what one process gives, and
//! no clip of a batch that another rank gives is read. Nothing of the next epoch is read either.

use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::stream::{BoxStream, StreamExt as _};
use schemas::{
    PixelLayout,
    labelled_batch::LabelledBatchBuilder,
    whole_clips::{WholeClipShape, WholeClipsBuilder},
};

use super::{
    StreamError, Workers,
    dispatcher::{LoaderInputs, clips},
    stream::{batched, by_clips, masked_at},
    worker::OnFailure,
};
use crate::{
    ClipNumber, VideoNumber,
    clips::{
        augmented::{TrainingMaker, TrainingSettings},
        views::{Gives, ViewMaker, ViewSettings},
        whole::WholeMaker,
    },
    pixels::clip_bytes,
    profile::Profile,
    settings::{ClipSettings, SettingsError, check_size},
    source::ClipSource,
};

/// Batches in order.
pub type BatchStream = BoxStream<'static, Result<RecordBatch, StreamError>>;

/// Which batches of an epoch: `count` of them, every `step`th from number `first` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochPart {
    /// The epoch.
    pub epoch: u32,
    /// Number of the first batch within it.
    pub first: u64,
    /// How far the next one is: the number of ranks.
    pub step: u64,
    /// Batches.
    pub count: u64,
}

impl EpochPart {
    /// The numbers of the batches.
    fn numbers(self) -> impl Iterator<Item = u64> + Send + 'static {
        (0..self.count).map(move |at| self.first + at * self.step)
    }

    /// The clips of the batches, `batch` of each.
    fn clips(
        self,
        batch: u64,
    ) -> impl Iterator<Item = Result<(u32, ClipNumber), StreamError>> + Send + 'static {
        let clips = move |number: u64| number * batch..(number + 1) * batch;
        self.numbers().flat_map(clips).map(move |clip| Ok((self.epoch, ClipNumber(clip))))
    }
}

/// What the batches of an epoch are made from, and with what.
pub struct EpochLoader {
    /// Where frames come from.
    pub source: Arc<dyn ClipSource>,
    /// Which batches.
    pub part: EpochPart,
    /// The order of pixels.
    pub layout: PixelLayout,
    /// The threads and what they may use.
    pub workers: Workers,
    /// Where failures are written.
    pub on_failure: Arc<OnFailure>,
    /// Where time is counted.
    pub profile: Arc<Profile>,
}

impl EpochLoader {
    fn inputs(&self, output: u64) -> LoaderInputs {
        let (source, on_failure) = (Arc::clone(&self.source), Arc::clone(&self.on_failure));
        LoaderInputs { source, workers: self.workers, on_failure, output }
    }

    /// Masked clips: as [`schemas::clip_batch`] has them where the layout is cubes, else whole with their tokens
    /// beside them ([`schemas::whole_clips`]).
    ///
    /// # Errors
    /// When the mask does not fit, or no thread can be started.
    pub fn masked(self, settings: ClipSettings) -> Result<BatchStream, StreamError> {
        match self.layout {
            PixelLayout::Cubes => {
                let places = self.part.clips(settings.batch.into());
                let inputs = self.inputs(output(settings.geometry, settings.repeats));
                Ok(masked_at(inputs, settings, places, self.profile)?.boxed())
            }
            _ => self.whole(settings, true),
        }
    }

    /// Whole clips with pre-training's frames and crops, without masks.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn unmasked(self, settings: ClipSettings) -> Result<BatchStream, StreamError> {
        self.whole(settings, false)
    }

    fn whole(self, settings: ClipSettings, masked: bool) -> Result<BatchStream, StreamError> {
        let maker = WholeMaker::new(settings, self.layout, masked, self.source.videos())
            .map_err(SettingsError::from)?
            .knowing(&*self.source);
        let shape = WholeClipShape {
            visible: maker.visible_tokens(),
            with_sets: maker.has_sets(),
            ..WholeClipShape::new(settings.geometry, self.layout)
        };
        let inputs = self.inputs(output(settings.geometry, settings.repeats));
        let rows = clips(inputs, maker, self.part.clips(settings.batch.into()), self.profile.clone())?;
        let of_batch = u64::from(settings.batch) * u64::from(settings.repeats);
        Ok(batched(rows, WholeClipsBuilder::new(shape), of_batch, self.profile).boxed())
    }

    /// Augmented clips: as [`schemas::labelled_batch`] has them where the layout is cubes, else as
    /// [`schemas::whole_clips`].
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn training(self, settings: TrainingSettings) -> Result<BatchStream, StreamError> {
        let maker = TrainingMaker::new(settings, self.layout, self.source.videos()).knowing(&*self.source);
        let with_labels = maker.has_labels();
        let inputs = self.inputs(output(settings.geometry, settings.repeats));
        let rows = clips(inputs, maker, self.part.clips(settings.batch.into()), self.profile.clone())?;
        let (geometry, of_batch) = (settings.geometry, settings.rows());
        Ok(match self.layout {
            PixelLayout::Cubes => {
                let builder = LabelledBatchBuilder::new(geometry).with_labels(with_labels);
                batched(rows, builder, of_batch, self.profile).boxed()
            }
            layout => {
                let shape = WholeClipShape { with_labels, ..WholeClipShape::new(geometry, layout) };
                batched(rows, WholeClipsBuilder::new(shape), of_batch, self.profile).boxed()
            }
        })
    }

    /// The views of videos in their order, all views of `videos` videos a batch; the last batch may be smaller. A
    /// video that fails has no rows, so a batch may be empty.
    ///
    /// # Errors
    /// When a batch would be too large, or no thread can be started.
    pub fn views(self, settings: ViewSettings, videos: u64) -> Result<BatchStream, StreamError> {
        let views = u64::from(settings.clips.max(1)) * u64::from(settings.crops.max(1));
        check_size(views * videos, settings.geometry)?;
        let all = self.source.videos();
        let maker = ViewMaker::new(settings, Gives::All, self.layout, all).knowing(&*self.source);
        let with_labels = maker.has_labels();
        let of_batch = move |number: u64| number * videos..((number + 1) * videos).min(all);
        let sizes: Vec<u64> = self.part.numbers().map(|number| of_batch(number).count() as u64).collect();
        // A maker of views takes the slots as they are numbered, one a video.
        let places = self.part.numbers().flat_map(of_batch).map(|video| {
            let slot = VideoNumber(video).slot(1, 0);
            Ok((0, ClipNumber(slot.0)))
        });
        let inputs = self.inputs(output(settings.geometry, 1) * views);
        let rows = clips(inputs, maker, places, self.profile.clone())?;
        let geometry = settings.geometry;
        Ok(match self.layout {
            PixelLayout::Cubes => {
                let builder = LabelledBatchBuilder::new(geometry).with_labels(with_labels);
                by_clips(rows, builder, sizes, self.profile).boxed()
            }
            layout => {
                let shape = WholeClipShape { with_labels, ..WholeClipShape::new(geometry, layout) };
                by_clips(rows, WholeClipsBuilder::new(shape), sizes, self.profile).boxed()
            }
        })
    }
}

/// Bytes of the rows of a clip.
fn output(geometry: schemas::ClipGeometry, rows: u32) -> u64 {
    clip_bytes(geometry) as u64 * u64::from(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_together_have_the_batches_of_one() {
        let numbers = |first, step, count| -> Vec<u64> {
            EpochPart { epoch: 0, first, step, count }.numbers().collect()
        };
        assert_eq!(numbers(5, 1, 6), [5, 6, 7, 8, 9, 10]);
        assert_eq!([numbers(5, 3, 2), numbers(6, 3, 2), numbers(7, 3, 2)], [[5, 8], [6, 9], [7, 10]]);
        let clips = EpochPart { epoch: 4, first: 1, step: 2, count: 2 }.clips(2);
        let clips: Vec<_> = clips.map(|place| place.unwrap()).collect();
        assert_eq!(clips, [2, 3, 6, 7].map(|clip| (4, ClipNumber(clip))));
    }
}
