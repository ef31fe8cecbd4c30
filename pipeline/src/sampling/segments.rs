//! Segment sampling ("TSN"): one frame of each of n equal parts, as VideoMAE does for SSV2 (`ssv2.py`; V2's
//! `RawFrameClsDataset`).
//!
//! ```text
//! train       i·avg + one of 0 … avg−1        avg = ⌊N/n⌋: the N mod n last frames are never used
//! validation  i·avg + ⌊avg/2⌋
//! test        ⌊c·tick/T + tick·i⌋             tick = N/n as a fraction, clip c of T
//! ```

use schemas::settings::ShortSegments;

use crate::{FrameRank, draws::Draws};

/// The clip of a video with fewer frames than segments.
fn short_clip(short: ShortSegments, frames: u32, segments: u32) -> Vec<FrameRank> {
    match short {
        ShortSegments::First => vec![FrameRank(0); segments as usize],
        ShortSegments::All => {
            let padding = segments.saturating_sub(frames);
            let ranks = std::iter::repeat_n(0, padding as usize).chain(0..frames);
            ranks.take(segments as usize).map(FrameRank).collect()
        }
    }
}

/// How many frames each segment draws from; 0 where the video is too short and nothing is drawn.
pub fn range(frames: u32, segments: u32) -> u32 {
    frames / segments.max(1)
}

/// The clip whose segment i takes its frame `place(i)`.
fn with_places(
    frames: u32,
    segments: u32,
    short: ShortSegments,
    mut place: impl FnMut(u32) -> u32,
) -> Vec<FrameRank> {
    match range(frames, segments) {
        0 => short_clip(short, frames, segments),
        average => {
            let rank = |segment| FrameRank(segment * average + place(segment).min(average - 1));
            (0..segments).map(rank).collect()
        }
    }
}

/// A training clip of given `places` within the segments.
pub fn at(frames: u32, segments: u32, short: ShortSegments, places: &[u32]) -> Vec<FrameRank> {
    with_places(frames, segments, short, |segment| places.get(segment as usize).copied().unwrap_or(0))
}

/// A training clip, one draw a segment.
#[doc(alias = "TSN")]
#[doc(alias = "uniform sampling")]
pub fn train(frames: u32, segments: u32, short: ShortSegments, draws: &mut Draws) -> Vec<FrameRank> {
    let average = range(frames, segments) as usize;
    with_places(frames, segments, short, |_| draws.place(average) as u32)
}

/// V2's validation clip: the middle of every segment.
pub fn validation(frames: u32, segments: u32, short: ShortSegments) -> Vec<FrameRank> {
    let middle = range(frames, segments) / 2;
    with_places(frames, segments, short, |_| middle)
}

/// The `views` clips of a test. One view is the validation clip; the formula would begin it at frame 0.
pub fn test(frames: u32, segments: u32, views: u32, short: ShortSegments) -> Vec<Vec<FrameRank>> {
    if views <= 1 {
        return vec![validation(frames, segments, short)];
    }
    let tick = f64::from(frames) / f64::from(segments.max(1));
    let last = frames.saturating_sub(1);
    let rank = |view: u32, segment: u32| {
        let place = f64::from(view) * tick / f64::from(views) + tick * f64::from(segment);
        FrameRank((place as u32).min(last))
    };
    (0..views).map(|view| (0..segments).map(|segment| rank(view, segment)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draws::Purpose;

    #[test]
    fn the_tail_of_31_frames_is_never_used() {
        assert_eq!(at(31, 16, ShortSegments::All, &[9; 16]), (0..16).map(FrameRank).collect::<Vec<_>>());
        assert_eq!(validation(61, 16, ShortSegments::All)[..4], [1, 4, 7, 10].map(FrameRank));
    }

    #[test]
    fn short_videos_repeat_their_first_frame_each_version_in_its_way() {
        let padded = [0, 0, 0, 0, 0, 1, 2, 3].map(FrameRank);
        assert_eq!(validation(4, 8, ShortSegments::All), padded);
        assert_eq!(validation(4, 8, ShortSegments::First), [FrameRank(0); 8]);
    }

    #[test]
    fn two_test_clips_interleave() {
        let views = test(61, 16, 2, ShortSegments::All);
        let first = [0, 3, 7, 11, 15, 19, 22, 26, 30, 34, 38, 41, 45, 49, 53, 57];
        let second = [1, 5, 9, 13, 17, 20, 24, 28, 32, 36, 40, 43, 47, 51, 55, 59];
        assert_eq!(views, [first, second].map(|ranks| ranks.map(FrameRank)));
    }

    proptest! {
        #[test]
        fn every_clip_has_its_length_and_frames_that_exist(
            frames in 1u32..400, segments in 1u32..33, views in 1u32..8, number: u64, first: bool,
        ) {
            let short = if first { ShortSegments::First } else { ShortSegments::All };
            let mut draws = Draws::new(0, Purpose::Start, 0, number);
            let mut clips = test(frames, segments, views, short);
            prop_assert_eq!(clips.len(), views as usize);
            clips.push(train(frames, segments, short, &mut draws));
            for ranks in clips {
                prop_assert_eq!(ranks.len(), segments as usize);
                prop_assert!(ranks.is_sorted() && ranks.iter().all(|rank| rank.0 < frames));
            }
        }
    }
}
