//! Whole clips as pre-training draws them, in any layout, with their masks beside them or without.
//!
//! Frames, crops, mirroring and masks are those of [`super::masked`] for the same numbers.

use std::sync::Arc;

use schemas::{
    PixelLayout,
    labelled_batch::{LabelledClip, View},
    whole_clips::{MaskTokens, WholeClip},
};

use super::{
    RowMaker,
    drawn_row::DrawnRow,
    masked::{order, set_of},
    upright::{Canvas, Upright},
    whole_frames::numbers,
};
use crate::{
    ClipNumber, RowNumber, Slot,
    mask::{Mask, MaskError, MaskRule},
    mixture::MixtureSets,
    pixels::PixelWriter,
    profile::{Profile, Stage},
    sampling::pretraining,
    schedule::{Order, Schedule},
    settings::ClipSettings,
    source::{ClipFrames, ClipSource},
};

/// Makes whole rows by fixed settings.
pub(crate) struct WholeMaker {
    settings: ClipSettings,
    /// None where rows have no masks.
    mask: Option<MaskRule>,
    schedule: Schedule,
    writer: PixelWriter,
    mixture: Option<Arc<MixtureSets>>,
}

impl WholeMaker {
    /// A maker of the clips of a dataset with `videos` videos.
    pub(crate) fn new(
        settings: ClipSettings,
        layout: PixelLayout,
        masked: bool,
        videos: u64,
    ) -> Result<Self, MaskError> {
        let mask = if masked { Some(settings.mask_rule()?) } else { None };
        let writer = PixelWriter::new(settings.geometry, layout);
        Ok(Self { settings, mask, schedule: settings.schedule(videos), writer, mixture: None })
    }

    /// The same, with the sets that the source mixes.
    pub(crate) fn knowing(self, source: &dyn ClipSource) -> Self {
        Self { mixture: source.mixture(), ..self }
    }

    /// Whether rows name the set that their video is of.
    pub(crate) fn has_sets(&self) -> bool {
        self.mixture.is_some()
    }

    /// Visible tokens of each row, where rows have masks.
    pub(crate) fn visible_tokens(&self) -> Option<usize> {
        self.mask.map(|rule| rule.visible_tokens())
    }
}

impl RowMaker for WholeMaker {
    type Row = WholeClip;

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn order(&self, epoch: u32) -> Order {
        order(self.mixture.as_deref(), &self.schedule, epoch)
    }

    /// One a repeat.
    fn rows(
        &self,
        mut frames: ClipFrames,
        epoch: u32,
        slot: Slot,
        clip: ClipNumber,
        profile: &Profile,
    ) -> Vec<WholeClip> {
        let ranks: Arc<[u32]> = frames.ranks.iter().map(|rank| rank.0).collect();
        let times: Arc<[i64]> = frames.times.iter().map(|time| time.0).collect();
        profile.count_clip(frames.ranks.len(), pretraining::repeated(&frames.ranks));
        let (short_side, resample) = (self.settings.short_side, self.settings.resample);
        let pictures = profile.time(Stage::Transform, || Upright::of(&mut frames, short_side, resample));
        let mut canvas = Canvas::default();
        let set = set_of(self.mixture.as_deref(), &self.schedule, slot);
        let row = |row: RowNumber| {
            let mut drawn = DrawnRow::of(&self.settings, self.schedule.row(epoch, row), pictures.size);
            let mut lap = profile.start();
            let tokens = self.mask.map(|rule| {
                let Mask { visible, target, context } = rule.draw(&mut drawn.draws);
                MaskTokens { visible, target, context }
            });
            let mut pixels = self.writer.room();
            lap.end(Stage::Cubes);
            drawn.each_frame(&pictures, &mut canvas, &mut lap, |frame, number| {
                self.writer.put(frame, number, &mut pixels);
            });
            let clip = LabelledClip {
                clip: row.0,
                epoch,
                row: self.schedule.video_of(slot).0,
                video: frames.video.clone(),
                label: frames.label,
                labels: None,
                view: View::default(),
                frames: ranks.clone(),
                times: times.clone(),
                crop: numbers(drawn.crop),
                flip: drawn.flip,
                erase: None,
                pixels,
            };
            WholeClip { clip, tokens, set: set.clone(), failure: None }
        };
        clip.rows(self.settings.repeats).map(row).collect()
    }

    fn bytes(row: &WholeClip) -> u64 {
        row.clip.pixels.len() as u64
    }
}
