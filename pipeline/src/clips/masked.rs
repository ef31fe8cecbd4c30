//! The frames of a slot ─▶ rows of a batch: crop, resize, mirror, mask, cubes.
//!
//! A pure function of (frames, settings, epoch, number). With repeated sampling the same frames give
//! several rows, each with its own crop and masks.

use std::sync::Arc;

use super::{
    RowMaker,
    drawn_row::DrawnRow,
    upright::{Canvas, Upright},
};
use crate::{
    ClipNumber, FrameRank, RowNumber, Slot, StreamTime,
    mask::{Mask, MaskError, MaskRule},
    mixture::MixtureSets,
    profile::{Profile, Stage},
    sampling::pretraining,
    schedule::{Order, Schedule},
    settings::ClipSettings,
    source::{ClipFrames, ClipSource},
    transform::crop::Window,
    tubelets,
};

/// One row of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipRow {
    /// Number within the epoch: clip number × repeats + repeat.
    pub clip: RowNumber,
    /// The epoch.
    pub epoch: u32,
    /// The video, as its dataset names it.
    pub video: Arc<str>,
    /// Its label.
    pub label: Option<i32>,
    /// The set of a mixture that the video is of.
    pub set: Option<Arc<str>>,
    /// Rank of each frame.
    pub frames: Arc<[FrameRank]>,
    /// Presentation time of each frame.
    pub times: Arc<[StreamTime]>,
    /// The crop in the (resized, upright) frame.
    pub crop: Window,
    /// Whether the clip is mirrored left to right.
    pub flip: bool,
    /// Tokens.
    pub mask: Mask,
    /// Pixels of the visible tokens.
    pub visible_cubes: Vec<u8>,
    /// Pixels of the target tokens.
    pub target_cubes: Vec<u8>,
}

impl ClipRow {
    /// Bytes of its cubes.
    pub fn bytes(&self) -> u64 {
        (self.visible_cubes.len() + self.target_cubes.len()) as u64
    }
}

/// Makes rows by fixed settings.
#[doc(alias = "DataAugmentationForVideoMAE")]
#[derive(Clone, Debug, PartialEq)]
pub struct ClipMaker {
    settings: ClipSettings,
    mask: MaskRule,
    schedule: Schedule,
    mixture: Option<Arc<MixtureSets>>,
}

impl ClipMaker {
    /// A maker of the clips of a dataset with `videos` videos.
    ///
    /// # Errors
    /// When the mask does not fit the geometry.
    pub fn new(settings: ClipSettings, videos: u64) -> Result<Self, MaskError> {
        let (mask, schedule) = (settings.mask_rule()?, settings.schedule(videos));
        Ok(Self { settings, mask, schedule, mixture: None })
    }

    /// The same, with the sets that the source mixes.
    pub(crate) fn knowing(self, source: &dyn ClipSource) -> Self {
        Self { mixture: source.mixture(), ..self }
    }

    /// Visible tokens of each row.
    pub fn visible_tokens(&self) -> usize {
        self.mask.visible_tokens()
    }
}

impl RowMaker for ClipMaker {
    type Row = ClipRow;

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
    ) -> Vec<ClipRow> {
        let ranks: Arc<[FrameRank]> = frames.ranks.as_slice().into();
        let times: Arc<[StreamTime]> = frames.times.as_slice().into();
        profile.count_clip(ranks.len(), pretraining::repeated(&ranks));
        let (short_side, resample) = (self.settings.short_side, self.settings.resample);
        let pictures = profile.time(Stage::Transform, || Upright::of(&mut frames, short_side, resample));
        let mut canvas = Canvas::default();
        let set = set_of(self.mixture.as_deref(), &self.schedule, slot);
        let row = |row: RowNumber| {
            let mut drawn = DrawnRow::of(&self.settings, self.schedule.row(epoch, row), pictures.size);
            let geometry = self.settings.geometry;
            let mut lap = profile.start();
            let mask = self.mask.draw(&mut drawn.draws);
            let room = |tokens: &[u16]| vec![0; tokens.len() * geometry.cube()];
            let (mut visible, mut target) = (room(&mask.visible), room(&mask.target));
            lap.end(Stage::Cubes);
            drawn.each_frame(&pictures, &mut canvas, &mut lap, |frame, number| {
                tubelets::put_frame(geometry, frame, number, &mask.visible, &mut visible);
                tubelets::put_frame(geometry, frame, number, &mask.target, &mut target);
            });
            ClipRow {
                clip: row,
                epoch,
                video: frames.video.clone(),
                label: frames.label,
                set: set.clone(),
                frames: ranks.clone(),
                times: times.clone(),
                crop: drawn.crop,
                flip: drawn.flip,
                visible_cubes: visible,
                target_cubes: target,
                mask,
            }
        };
        clip.rows(self.settings.repeats).map(row).collect()
    }

    fn bytes(row: &ClipRow) -> u64 {
        row.bytes()
    }
}

/// The order of an epoch, of a mixture where there is one.
pub(super) fn order(mixture: Option<&MixtureSets>, schedule: &Schedule, epoch: u32) -> Order {
    mixture.map_or_else(|| schedule.order(epoch), |mixture| mixture.order(schedule, epoch))
}

/// The set that a slot's video is of, where there is a mixture.
pub(super) fn set_of(mixture: Option<&MixtureSets>, schedule: &Schedule, slot: Slot) -> Option<Arc<str>> {
    mixture.and_then(|mixture| mixture.name_of(schedule.video_of(slot)))
}

#[cfg(test)]
mod tests {
    use schemas::{ClipGeometry, settings::Resample};

    use super::*;
    use crate::{
        picture::{Layout, Matrix, Orientation, Picture, Range, Sampling},
        settings::Flip,
        source::Pixels,
        transform::{self},
    };

    fn frames(ranks: &[u32], orientation: Orientation) -> ClipFrames {
        let picture = |rank: u32| {
            let noise = |at: u32| (at.wrapping_mul(2_654_435_761).wrapping_add(rank * 77_777) >> 24) as u8;
            let layout = Layout { colour: Sampling::Yuv420, bits: 8 };
            let planes = (0..75 * 61 + 2 * 38 * 31).map(noise).collect();
            Picture { layout, width: 75, height: 61, matrix: Matrix::Bt709, range: Range::Limited, planes }
        };
        let mut distinct = ranks.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        ClipFrames {
            video: "a.mp4".into(),
            label: None,
            ranks: ranks.iter().copied().map(FrameRank).collect(),
            times: ranks.iter().map(|&rank| StreamTime(i64::from(rank))).collect(),
            pixels: Pixels::Pictures {
                pictures: distinct.into_iter().map(|rank| (FrameRank(rank), picture(rank))).collect(),
                orientation,
            },
        }
    }

    fn stored_as_planes(frames: &ClipFrames, short_side: u32) -> ClipFrames {
        let Pixels::Pictures { pictures, orientation } = &frames.pixels else { unreachable!() };
        let whole = |picture| transform::whole_planes(picture, *orientation, short_side);
        let pictures = pictures.iter().map(|(rank, picture)| (*rank, whole(picture))).collect();
        let pixels = Pixels::Pictures { pictures, orientation: Orientation::default() };
        ClipFrames { pixels, ..frames.clone() }
    }

    fn stored_as_rgb(frames: &ClipFrames, short_side: u32) -> ClipFrames {
        let Pixels::Pictures { pictures, orientation } = &frames.pixels else { unreachable!() };
        let (mut size, mut bytes) = ((0, 0), Vec::new());
        for rank in &frames.ranks {
            let (_, picture) = pictures.iter().find(|(at, _)| at == rank).unwrap();
            let frame = transform::whole_frame(picture, *orientation, short_side);
            size = (frame.width, frame.height);
            bytes.extend(frame.pixels);
        }
        ClipFrames { pixels: Pixels::Rgb { width: size.0, height: size.1, bytes }, ..frames.clone() }
    }

    fn maker(repeats: u32, short_side: u32, resample: Resample) -> ClipMaker {
        let geometry = ClipGeometry::new(4, 32, 32, 2, 16).unwrap();
        let settings = ClipSettings {
            repeats,
            short_side,
            resample,
            mask_ratio: 0.75,
            flip: Flip::Half,
            ..ClipSettings::published(geometry, 1, 5)
        };
        ClipMaker::new(settings, 1).unwrap()
    }

    #[test]
    fn decoded_and_stored_frames_give_the_same_rows() {
        for (short_side, quarter_turns) in [(0, 0), (0, 1), (48, 0), (48, 3)] {
            let frames = frames(&[0, 4, 8, 8], Orientation { quarter_turns, mirrored: false });
            for (resample, stored) in [
                (Resample::Planes, stored_as_planes as fn(&ClipFrames, u32) -> ClipFrames),
                (Resample::Rgb, stored_as_rgb),
            ] {
                // A stored frame has the short side already; asked for again, it stays as it is.
                let maker = maker(3, short_side, resample);
                let rows = |frames| maker.rows(frames, 1, Slot(9), ClipNumber(9), &Profile::default());
                let stored = stored(&frames, short_side);
                assert_eq!(rows(stored), rows(frames.clone()), "{resample:?} {short_side} {quarter_turns}");
            }
        }
    }

    #[test]
    fn repeats_are_other_crops_and_masks_of_the_same_frames() {
        let rows = maker(4, 0, Resample::Planes).rows(
            frames(&[3, 4, 5, 5], Orientation::default()),
            0,
            Slot(2),
            ClipNumber(2),
            &Profile::default(),
        );
        assert_eq!(rows.iter().map(|row| row.clip.0).collect::<Vec<_>>(), [8, 9, 10, 11]);
        assert!(rows.iter().all(|row| *row.frames == [3, 4, 5, 5].map(FrameRank)));
        assert!(rows.iter().any(|row| row.mask != rows[0].mask || row.crop != rows[0].crop));
    }
}
