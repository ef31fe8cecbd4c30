//! Which frames, and which windows of them, a labelled clip is: one place for training, validation, test
//! and feature windows.
//!
//! ```text
//! test: T clips × S windows; the frame is resized so that its short side is the clip's, the windows lie
//! at ⌊i·(long − side)/(S − 1)⌋ along the longer side
//! ```

use schemas::settings::ShortSegments;

use super::{
    dense,
    pretraining::SamplingError,
    segments::{self},
};
use crate::{FrameRank, Slot, StreamTime, draws::Draws, transform::crop::Window};

/// How the frames of a labelled clip are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// A stretch of the video at a stride (Kinetics, UCF101, HMDB51).
    Dense {
        /// Distance of two frames.
        stride: u32,
    },
    /// One frame of each of as many equal parts as the clip has frames (SSV2).
    Segments {
        /// What a video with fewer frames gives.
        short: ShortSegments,
    },
}

/// What a clip is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Training: frames are drawn.
    Train,
    /// One clip a video, the same in every epoch (V2's rule).
    Validation,
    /// So many clips a video, spread over it.
    Test {
        /// How many.
        clips: u32,
    },
    /// The same views, each as a slot of its own, as the official code reads them: slot clip × `crops` + crop.
    Alone {
        /// Clips of a video.
        clips: u32,
        /// Crops of each.
        crops: u32,
    },
    /// Windows of consecutive frames, one begun every so many frames, while they fit; spread is ignored.
    /// A slot holds some of them, so that a long video is never held as a whole.
    Windows {
        /// Frames between two beginnings.
        every: u32,
        /// Windows of a slot.
        at_once: u32,
        /// Slots of a video: the n-th holds its windows from n · `at_once` on.
        slots: u32,
    },
}

/// The rule by which the frames of a labelled clip are chosen.
#[doc(alias = "VideoClsDataset")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelledSampling {
    /// Frames of a clip.
    pub frames: u32,
    /// How they are spread.
    pub spread: Spread,
    /// What for.
    pub pass: Pass,
}

impl LabelledSampling {
    /// The ranks of all clips of a slot of a video with these presentation times, one clip after the other;
    /// `draws` decides in training only.
    ///
    /// # Errors
    /// When the video has no frame, or too few for a window.
    pub fn draw(
        &self,
        slot: Slot,
        times: &[StreamTime],
        draws: &mut Draws,
    ) -> Result<Vec<FrameRank>, SamplingError> {
        let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return Err(SamplingError::NoFrames);
        }
        let clip = self.frames;
        Ok(match (self.pass, self.spread) {
            (Pass::Train, Spread::Dense { stride }) => dense::train(count, clip, stride, draws),
            (Pass::Train, Spread::Segments { short }) => segments::train(count, clip, short, draws),
            (Pass::Validation, Spread::Dense { stride }) => dense::validation(count, clip, stride),
            (Pass::Validation, Spread::Segments { short }) => segments::validation(count, clip, short),
            (Pass::Test { clips }, Spread::Dense { stride }) => {
                dense::test(count, clip, stride, clips).concat()
            }
            (Pass::Test { clips }, Spread::Segments { short }) => {
                segments::test(count, clip, clips, short).concat()
            }
            (Pass::Alone { clips, crops }, spread) => {
                let together =
                    Self { pass: Pass::Test { clips }, spread, ..*self }.draw(slot, times, draws)?;
                let views = clips.max(1).saturating_mul(crops.max(1));
                let number = (slot.place_in_video(views) / u64::from(crops.max(1))) as usize;
                together.chunks(clip.max(1) as usize).nth(number).unwrap_or_default().to_vec()
            }
            (Pass::Windows { every, at_once, slots }, _) => {
                let before = slot.place_in_video(slots) * u64::from(at_once);
                let windows = window_starts(count, clip, every)
                    .skip(usize::try_from(before).unwrap_or(usize::MAX))
                    .take(at_once as usize);
                let ranks: Vec<_> =
                    windows.flat_map(|start| (start.0..start.0 + clip).map(FrameRank)).collect();
                if ranks.is_empty() {
                    return Err(SamplingError::TooShort { frames: count });
                }
                ranks
            }
        })
    }
}

/// First frames of the windows of `window` consecutive frames, begun every `every` frames, that fit in
/// `frames` frames (V2's `extract_tad_feature.py`).
pub fn window_starts(frames: u32, window: u32, every: u32) -> impl Iterator<Item = FrameRank> {
    let end = frames.checked_sub(window).map_or(0, |last| last + 1);
    (0..end).step_by(every.max(1) as usize).map(FrameRank)
}

/// Columns and rows of a frame of `frame` columns and rows once its short side is `short`; the other is
/// rounded down, and a frame that fits is left alone.
pub fn resized(frame: (u32, u32), short: u32) -> (u32, u32) {
    let (width, height) = frame;
    let scaled = |long: u32, by: u32| {
        let exact = u64::from(short) * u64::from(long) / u64::from(by.max(1));
        u32::try_from(exact).unwrap_or(u32::MAX).max(1)
    };
    match width.min(height) {
        0 => frame,
        same if same == short => frame,
        _ if width < height => (short, scaled(height, width)),
        _ => (scaled(width, height), short),
    }
}

/// The resized frame in which a clip of `clip` columns and rows is cut: its short side for square clips;
/// for others the smallest frame of the same proportions that covers the clip.
pub fn resized_for(frame: (u32, u32), clip: (u32, u32)) -> (u32, u32) {
    if clip.0 == clip.1 {
        return resized(frame, clip.0);
    }
    let (width, height) = (u64::from(frame.0.max(1)), u64::from(frame.1.max(1)));
    let (wide, high) = (u64::from(clip.0), u64::from(clip.1));
    // Whichever side would fall short decides the scale.
    let (columns, rows) = if wide * height >= high * width {
        (wide, wide * height / width)
    } else {
        (high * width / height, high)
    };
    (u32::try_from(columns).unwrap_or(u32::MAX), u32::try_from(rows).unwrap_or(u32::MAX))
}

/// V2's validation window: the centre, its place rounded half to even as Python's `round` does.
pub fn centre(frame: (u32, u32), clip: (u32, u32)) -> Window {
    let place = |side: u32, cut: u32| {
        let spare = side.saturating_sub(cut);
        let half = spare / 2;
        if spare % 2 == 1 && half % 2 == 1 { half + 1 } else { half }
    };
    Window { x: place(frame.0, clip.0), y: place(frame.1, clip.1), width: clip.0, height: clip.1 }
}

/// The `count` windows of a test, along the side with more to spare, y where both have as much (for square
/// clips: where the frame is at least as high as wide). One window is the centre; the official formula would
/// divide by zero.
pub fn windows(frame: (u32, u32), clip: (u32, u32), count: u32) -> Vec<Window> {
    if count <= 1 {
        return vec![centre(frame, clip)];
    }
    let upright = frame.1.saturating_sub(clip.1) >= frame.0.saturating_sub(clip.0);
    let (long, side) = if upright { (frame.1, clip.1) } else { (frame.0, clip.0) };
    let step = f64::from(long.saturating_sub(side)) / f64::from(count - 1);
    let window = |number: u32| {
        let place = (f64::from(number) * step) as u32;
        let (x, y) = if upright { (0, place) } else { (place, 0) };
        Window { x, y, width: clip.0, height: clip.1 }
    };
    (0..count).map(window).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draws::Purpose;

    #[test]
    fn three_windows_lie_along_the_longer_side() {
        for (frame, size, axis, places) in [
            ((340, 256), (297, 224), 'x', [0, 36, 73]),
            ((320, 240), (298, 224), 'x', [0, 37, 74]),
            ((1920, 1080), (398, 224), 'x', [0, 87, 174]),
            ((256, 340), (224, 297), 'y', [0, 36, 73]),
            ((224, 224), (224, 224), 'y', [0, 0, 0]),
        ] {
            assert_eq!(resized(frame, 224), size);
            let found = windows(size, (224, 224), 3);
            let place = |window: &Window| if axis == 'x' { window.x } else { window.y };
            assert_eq!(found.iter().map(place).collect::<Vec<_>>(), places, "{frame:?}");
        }
    }

    #[test]
    fn the_centre_is_rounded_half_to_even() {
        let x = |width| centre((width, 224), (224, 224)).x;
        assert_eq!((x(299), x(229), x(297), x(224)), (38, 2, 36, 0));
    }

    #[test]
    fn feature_windows_end_where_sixteen_frames_no_longer_fit() {
        assert_eq!(window_starts(100, 16, 4).count(), 22);
        assert_eq!(window_starts(15, 16, 4).count(), 0);
        assert_eq!(window_starts(33, 16, 16).collect::<Vec<_>>(), [0, 16].map(FrameRank));
    }

    #[test]
    fn the_slots_of_a_video_share_its_windows_out() {
        let pass = Pass::Windows { every: 4, at_once: 2, slots: 3 };
        let sampling = LabelledSampling { frames: 16, spread: Spread::Dense { stride: 4 }, pass };
        let times: Vec<_> = (0..33).map(StreamTime).collect();
        let first = |slot| {
            let ranks = sampling.draw(Slot(slot), &times, &mut Draws::new(0, Purpose::Start, 0, slot));
            ranks.map(|ranks| ranks.into_iter().step_by(16).map(|rank| rank.0).collect::<Vec<_>>())
        };
        assert_eq!(first(3), Ok(vec![0, 4]));
        assert_eq!(first(4), Ok(vec![8, 12]));
        assert_eq!(first(5), Ok(vec![16]));
        assert_eq!(crate::sampling::FrameRule::from(sampling).most_frames(), 20);
    }

    #[test]
    fn a_view_alone_has_the_frames_that_it_has_among_all() {
        let times: Vec<_> = (0..90).map(StreamTime).collect();
        let draw = |slot, pass| {
            let sampling = LabelledSampling { frames: 16, spread: Spread::Dense { stride: 4 }, pass };
            sampling.draw(Slot(slot), &times, &mut Draws::new(0, Purpose::Start, 0, slot)).unwrap()
        };
        let together = draw(7, Pass::Test { clips: 3 });
        for (clip, crop) in [(0, 0), (1, 1), (2, 0)] {
            // Video 7 has slots 42 to 47.
            let alone = draw(42 + clip * 2 + crop, Pass::Alone { clips: 3, crops: 2 });
            assert_eq!(alone, together[clip as usize * 16..][..16]);
        }
    }

    proptest! {
        #[test]
        fn windows_lie_in_the_resized_frame(
            width in 1u32..2000, height in 1u32..2000, wide in 1u32..300, high in 1u32..300, count in 1u32..6,
            square: bool,
        ) {
            let clip = if square { (wide, wide) } else { (wide, high) };
            let frame = resized_for((width, height), clip);
            for window in windows(frame, clip, count) {
                prop_assert!(window.x + window.width <= frame.0, "{window:?} in {frame:?}");
                prop_assert!(window.y + window.height <= frame.1, "{window:?} in {frame:?}");
            }
        }
    }
}
