//! Augmented clips: one decode, as many rows as the clip is repeated.

use std::sync::Arc;

use schemas::{
    ClipGeometry, PixelLayout,
    labelled_batch::{EraseBox, LabelledClip, View},
    settings::ClipOrder,
};

use super::{
    RowMaker,
    balance::Groups,
    whole_frames::{WholeFrames, clip_size, labels_of, numbers},
};
use crate::{
    ClipNumber, RowNumber, Slot,
    augment::{Augment, Drawn, resized_crop},
    pixels::PixelWriter,
    profile::{Profile, Stage},
    sampling::{
        labelled::{LabelledSampling, Pass, Spread},
        pretraining,
    },
    schedule::{Order, Schedule},
    settings::{SettingsError, check_counts, check_size, whole_updates},
    source::{ClipFrames, ClipSource},
    transform::lines::Lines,
};

/// What a training clip is and how clips are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingSettings {
    /// Frames, pixels and cubes of a clip.
    pub geometry: ClipGeometry,
    /// How its frames are spread over the video.
    pub spread: Spread,
    /// What is changed about it.
    pub augment: Augment,
    /// Clips drawn from each video in an epoch.
    pub clips_per_video: u32,
    /// Augmented clips of each decoded one (`num_sample`): rows of a batch = `batch × repeats`.
    #[doc(alias = "num_sample")]
    #[doc(alias = "repeated augmentation")]
    pub repeats: u32,
    /// Clips of a batch, before they are repeated.
    pub batch: u32,
    /// Batches of one update: an epoch ends with a whole update, what is left over is dropped.
    pub batches_per_update: u32,
    /// Whether every class is drawn equally often, instead of every video once an epoch.
    #[doc(alias = "WeightedRandomSampler")]
    pub balanced: bool,
    /// Seed of every draw.
    pub seed: u64,
}

impl TrainingSettings {
    /// The rule by which frames are chosen.
    pub fn sampling(&self) -> LabelledSampling {
        let frames = self.geometry.frames() as u32;
        LabelledSampling { frames, spread: self.spread, pass: Pass::Train }
    }

    /// Rows of a batch.
    pub fn rows(&self) -> u64 {
        u64::from(self.batch) * u64::from(self.repeats)
    }

    fn schedule(&self, videos: u64) -> Schedule {
        let Self { seed, clips_per_video, .. } = *self;
        Schedule { seed, videos, clips_per_video, order: ClipOrder::Scattered }
    }

    /// Batches of an epoch over `videos` videos.
    ///
    /// # Errors
    /// When a count is 0, an epoch does not fill an update, or a batch is too large.
    pub fn batches_per_epoch(&self, videos: u64) -> Result<u64, SettingsError> {
        check_counts([self.clips_per_video, self.repeats, self.batch, self.batches_per_update])?;
        check_size(self.rows(), self.geometry)?;
        whole_updates(self.schedule(videos), self.batch, self.batches_per_update)
    }
}

/// Makes augmented rows by fixed settings.
pub(crate) struct TrainingMaker {
    settings: TrainingSettings,
    schedule: Schedule,
    writer: PixelWriter,
    labels: Vec<Option<Arc<[f32]>>>,
    groups: Option<Groups>,
}

impl TrainingMaker {
    pub(crate) fn new(settings: TrainingSettings, layout: PixelLayout, videos: u64) -> Self {
        let writer = PixelWriter::new(settings.geometry, layout);
        Self { settings, schedule: settings.schedule(videos), writer, labels: Vec::new(), groups: None }
    }

    /// The same, with what the source says of its videos.
    pub(crate) fn knowing(self, source: &dyn ClipSource) -> Self {
        let groups = self.settings.balanced.then(|| Groups::of(source));
        Self { labels: labels_of(source), groups, ..self }
    }

    /// Whether videos have several labels, or numbers.
    pub(crate) fn has_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    /// The pixels of every repeat. Frames are made whole, changed and cut one by one.
    fn pixels(&self, whole: &WholeFrames, drawn: &[Drawn], profile: &Profile) -> Vec<Vec<u8>> {
        let geometry = self.settings.geometry;
        let mut pixels = vec![self.writer.room(); drawn.len()];
        let mut cut = Lines::default();
        for distinct in 0..whole.distinct() {
            let Some(frame) = profile.time(Stage::Transform, || whole.whole(distinct)) else { continue };
            for (drawn, pixels) in drawn.iter().zip(&mut pixels) {
                profile.time(Stage::Transform, || {
                    let mut changed = frame.clone();
                    drawn.operations.iter().for_each(|operation| operation.apply(&mut changed));
                    resized_crop::resize_into(&changed, drawn.crop, clip_size(geometry), &mut cut);
                    if drawn.flip {
                        cut.mirror();
                    }
                });
                let shown = (0..whole.places.len()).filter(|&number| whole.places[number] == distinct);
                profile.time(Stage::Cubes, || {
                    shown.for_each(|number| self.writer.put(&cut, number, pixels));
                });
            }
        }
        pixels
    }
}

impl RowMaker for TrainingMaker {
    type Row = LabelledClip;

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn order(&self, epoch: u32) -> Order {
        match &self.groups {
            None => self.schedule.order(epoch),
            Some(groups) => groups.order(&self.schedule, epoch),
        }
    }

    fn rows(
        &self,
        mut frames: ClipFrames,
        epoch: u32,
        slot: Slot,
        clip: ClipNumber,
        profile: &Profile,
    ) -> Vec<LabelledClip> {
        let ranks: Arc<[u32]> = frames.ranks.iter().map(|rank| rank.0).collect();
        let times: Arc<[i64]> = frames.times.iter().map(|time| time.0).collect();
        profile.count_clip(frames.ranks.len(), pretraining::repeated(&frames.ranks));
        let TrainingSettings { geometry, augment, repeats, seed, .. } = self.settings;
        let whole = WholeFrames::of(&mut frames);
        let drawn: Vec<Drawn> = clip
            .rows(repeats)
            .map(|row| augment.draw(seed, epoch, row, whole.size, clip_size(geometry)))
            .collect();
        let pixels = self.pixels(&whole, &drawn, profile);
        let video = self.schedule.video_of(slot);
        let labels = self.labels.get(video.index()).cloned().flatten();
        let row = |(number, (drawn, pixels)): (RowNumber, (Drawn, Vec<u8>))| LabelledClip {
            clip: number.0,
            epoch,
            row: video.0,
            video: frames.video.clone(),
            label: frames.label,
            labels: labels.clone(),
            view: View::default(),
            frames: ranks.clone(),
            times: times.clone(),
            crop: numbers(drawn.crop),
            flip: drawn.flip,
            erase: drawn.erase.map(|erased| {
                let [left, top, width, height] = numbers(erased);
                EraseBox { top, left, height, width }
            }),
            pixels,
        };
        clip.rows(repeats).zip(drawn.into_iter().zip(pixels)).map(row).collect()
    }

    fn bytes(row: &LabelledClip) -> u64 {
        row.pixels.len() as u64
    }
}
