//! The frames of a slot ─▶ rows of a batch: crop, resize, mirror, mask, cubes.
//!
//! A pure function of (frames, settings, epoch, number). With repeated sampling the same frames give
//! several rows, each with its own crop and masks.

use std::sync::Arc;

use crate::{
    FrameRank,
    draws::Draws,
    mask::{Mask, MaskError, MaskRule},
    plan::sampling,
    profile::{Profile, Stage},
    schedule::Schedule,
    settings::{ClipSettings, Flip},
    source::{ClipFrames, Pixels},
    transform::{self, crop::Window, lines::Lines, orientation, resize::Resize},
    tubelets,
};

/// One row of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipRow {
    /// Number within the epoch: clip number × repeats + repeat.
    pub clip: u64,
    /// The epoch.
    pub epoch: u32,
    /// The video, as its dataset names it.
    pub video: Arc<str>,
    /// Its label.
    pub label: Option<i32>,
    /// Rank of each frame.
    pub frames: Arc<[u32]>,
    /// Presentation time of each frame in ns.
    pub times: Arc<[i64]>,
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipMaker {
    settings: ClipSettings,
    mask: MaskRule,
    schedule: Schedule,
}

impl ClipMaker {
    /// A maker of the clips of a dataset with `videos` videos.
    ///
    /// # Errors
    /// When the mask does not fit the geometry.
    pub fn new(settings: ClipSettings, videos: u64) -> Result<Self, MaskError> {
        Ok(Self { settings, mask: settings.mask_rule()?, schedule: settings.schedule(videos) })
    }

    /// The schedule of its clips.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Visible tokens of each row.
    pub fn visible_tokens(&self) -> usize {
        self.mask.visible_tokens()
    }

    /// The rows of clip `number`, one a repeat.
    pub fn rows(&self, mut frames: ClipFrames, epoch: u32, number: u64, profile: &Profile) -> Vec<ClipRow> {
        let ranks: Arc<[u32]> = frames.ranks.iter().map(|rank| rank.0).collect();
        let times: Arc<[i64]> = frames.times.iter().map(|time| time.0).collect();
        profile.count_clip(ranks.len(), sampling::repeated(&ranks));
        let pictures = profile.time(Stage::Transform, || Upright::of(&mut frames, self.settings.short_side));
        let repeats = u64::from(self.settings.repeats);
        let (mut frame, mut spare) = (Lines::default(), Lines::default());
        let row = |repeat| {
            let clip = number * repeats + repeat;
            let mut draws = self.schedule.row(epoch, clip);
            let crop = self.crop(pictures.size, &mut draws.crop);
            let flip = self.settings.flip == Flip::Half && draws.flip.below(2) == 1;
            let geometry = self.settings.geometry;
            let resize =
                Resize::new((crop.width, crop.height), (geometry.width() as u32, geometry.height() as u32));
            let (mask, mut visible, mut target) = profile.time(Stage::Cubes, || {
                let mask = self.mask.draw(&mut draws);
                let room = |tokens: &[u16]| vec![0; tokens.len() * geometry.cube()];
                let rooms = (room(&mask.visible), room(&mask.target));
                (mask, rooms.0, rooms.1)
            });
            for distinct in 0..pictures.distinct() {
                profile.time(Stage::Transform, || {
                    pictures.window(distinct, crop, &mut frame, &mut spare);
                    resize.run(&mut frame, &mut spare);
                    if flip {
                        frame.mirror();
                    }
                });
                profile.time(Stage::Cubes, || {
                    let shown = pictures.places.iter().enumerate().filter(|(_, place)| **place == distinct);
                    for (number, _) in shown {
                        tubelets::put_frame(geometry, &frame, number, &mask.visible, &mut visible);
                        tubelets::put_frame(geometry, &frame, number, &mask.target, &mut target);
                    }
                });
            }
            ClipRow {
                clip,
                epoch,
                video: frames.video.clone(),
                label: frames.label,
                frames: ranks.clone(),
                times: times.clone(),
                crop,
                flip,
                visible_cubes: visible,
                target_cubes: target,
                mask,
            }
        };
        (0..repeats).map(row).collect()
    }

    fn crop(&self, frame: (u32, u32), draws: &mut Draws) -> Window {
        let clip = (self.settings.geometry.width() as u32, self.settings.geometry.height() as u32);
        self.settings.crop.draw(frame, clip, draws)
    }
}

/// The distinct frames of a clip, of one size once upright (and, where asked for, resized).
struct Upright {
    /// Columns and rows.
    size: (u32, u32),
    /// Which distinct frame each frame of the clip is.
    places: Vec<usize>,
    pixels: Pixels,
}

impl Upright {
    fn of(frames: &mut ClipFrames, short_side: u32) -> Self {
        let empty = Pixels::Rgb { width: 0, height: 0, bytes: Vec::new() };
        match std::mem::replace(&mut frames.pixels, empty) {
            Pixels::Pictures { pictures, orientation } => {
                let place = |rank: &FrameRank| pictures.partition_point(|(at, _)| at < rank);
                let places = frames.ranks.iter().map(place).collect();
                let coded = pictures.first().map_or((0, 0), |(_, picture)| (picture.width, picture.height));
                if short_side == 0 {
                    let size = orientation::upright_size(orientation, coded);
                    return Self { size, places, pixels: Pixels::Pictures { pictures, orientation } };
                }
                let (mut size, mut bytes) = ((0, 0), Vec::new());
                for (_, picture) in pictures {
                    let frame = transform::whole_frame(&picture, orientation, short_side);
                    size = (frame.width, frame.height);
                    bytes.extend_from_slice(&frame.pixels);
                }
                Self { size, places, pixels: Pixels::Rgb { width: size.0, height: size.1, bytes } }
            }
            pixels @ Pixels::Rgb { width, height, .. } => {
                Self { size: (width, height), places: (0..frames.ranks.len()).collect(), pixels }
            }
        }
    }

    /// How many distinct frames there are.
    fn distinct(&self) -> usize {
        match &self.pixels {
            Pixels::Pictures { pictures, .. } => pictures.len(),
            Pixels::Rgb { width, height, bytes } => bytes.len() / frame_bytes(*width, *height).max(1),
        }
    }

    /// Puts a crop of distinct frame `at` in the place of `to`; `spare` lends its memory.
    fn window(&self, at: usize, crop: Window, to: &mut Lines, spare: &mut Lines) {
        match &self.pixels {
            Pixels::Pictures { pictures, orientation } => {
                transform::window_of(&pictures[at].1, *orientation, crop, to, spare);
            }
            Pixels::Rgb { width, height, bytes } => {
                let frame_bytes = frame_bytes(*width, *height);
                to.cut_from(&bytes[at * frame_bytes..][..frame_bytes], *width, crop);
            }
        }
    }
}

fn frame_bytes(width: u32, height: u32) -> usize {
    width as usize * height as usize * 3
}

#[cfg(test)]
mod tests {
    use schemas::ClipGeometry;

    use super::*;
    use crate::{
        StreamTime,
        picture::{Layout, Matrix, Orientation, Picture, Range, Sampling},
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

    fn stored(frames: &ClipFrames, short_side: u32) -> ClipFrames {
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

    fn maker(repeats: u32, short_side: u32) -> ClipMaker {
        let geometry = ClipGeometry::new(4, 32, 32, 2, 16).unwrap();
        let settings = ClipSettings {
            repeats,
            short_side,
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
            let maker = maker(3, short_side);
            let rows = |frames| maker.rows(frames, 1, 9, &Profile::default());
            assert_eq!(rows(stored(&frames, short_side)), rows(frames), "{short_side} {quarter_turns}");
        }
    }

    #[test]
    fn repeats_are_other_crops_and_masks_of_the_same_frames() {
        let rows = maker(4, 0).rows(frames(&[3, 4, 5, 5], Orientation::default()), 0, 2, &Profile::default());
        assert_eq!(rows.iter().map(|row| row.clip).collect::<Vec<_>>(), [8, 9, 10, 11]);
        assert!(rows.iter().all(|row| *row.frames == [3, 4, 5, 5]));
        assert!(rows.iter().any(|row| row.mask != rows[0].mask || row.crop != rows[0].crop));
    }
}
