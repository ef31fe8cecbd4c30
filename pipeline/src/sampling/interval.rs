//! Frames of one clip that is named by its time in a video, without any draw.
//!
//! ```text
//! interval given      first frame of it, then one every stride (or 1 / rate seconds)
//! none given          the same in the middle of the video
//! too short           its last frame repeats
//! ```

use super::pretraining::{Pace, nearest, step_time};
use crate::{FrameRank, StreamTime};

/// Part of a video: frames that are shown at `begin` or later and before `end`. Without both it is all of it, and a
/// clip lies in the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Where it begins.
    pub begin: Option<StreamTime>,
    /// Where it ends.
    pub end: Option<StreamTime>,
}

impl Interval {
    /// The ranks of a clip's frames, rising, of a video with these presentation times; empty where no frame lies in
    /// the interval.
    pub fn ranks(&self, times: &[StreamTime], frames: u32, pace: Pace) -> Vec<FrameRank> {
        let place = |time: StreamTime| times.partition_point(|at| *at < time);
        let first = self.begin.map_or(0, place);
        let behind = self.end.map_or(times.len(), place).max(first);
        let Some([begin, .., end] | [begin @ end]) = times.get(first..behind) else { return Vec::new() };
        let (count, in_middle) = ((behind - first) as u64, self.begin.is_none() && self.end.is_none());
        let steps = frames.saturating_sub(1);
        let rank = |within: u64| FrameRank((first as u64 + within.min(count - 1)) as u32);
        match pace {
            Pace::Stride(stride) => {
                let span = u64::from(steps) * u64::from(stride) + 1;
                let start = if in_middle { count.saturating_sub(span) / 2 } else { 0 };
                (0..frames).map(|k| rank(start + u64::from(k) * u64::from(stride))).collect()
            }
            Pace::Rate(rate) => {
                let spare = (end.0 - begin.0).saturating_sub(step_time(steps, rate)).max(0);
                let start = if in_middle { begin.0 + spare / 2 } else { begin.0 };
                let at = |k| nearest(&times[first..behind], start.saturating_add(step_time(k, rate)));
                (0..frames).map(|k| rank(at(k).0.into())).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 frames, one every 40 ms.
    fn times() -> Vec<StreamTime> {
        (0..100).map(|rank| StreamTime(rank * 40_000_000)).collect()
    }

    fn ranks(begin: Option<i64>, end: Option<i64>, pace: Pace) -> Vec<u32> {
        let time = |milliseconds: i64| StreamTime(milliseconds * 1_000_000);
        let interval = Interval { begin: begin.map(time), end: end.map(time) };
        interval.ranks(&times(), 4, pace).into_iter().map(|rank| rank.0).collect()
    }

    #[test]
    fn a_clip_begins_with_its_interval_and_repeats_the_last_frame_of_it() {
        assert_eq!(ranks(Some(400), None, Pace::Stride(2)), [10, 12, 14, 16]);
        assert_eq!(ranks(Some(390), Some(560), Pace::Stride(2)), [10, 12, 13, 13]);
        assert_eq!(ranks(None, Some(160), Pace::Stride(1)), [0, 1, 2, 3]);
        assert_eq!(ranks(Some(3960), Some(9000), Pace::Stride(3)), [99, 99, 99, 99]);
        assert_eq!(ranks(Some(-80), Some(41), Pace::Stride(1)), [0, 1, 1, 1]);
        for (begin, end) in
            [(Some(4000), None), (Some(80), Some(80)), (Some(800), Some(400)), (None, Some(0))]
        {
            assert_eq!(ranks(begin, end, Pace::Stride(1)), [0; 0], "{begin:?} to {end:?}");
        }
        assert_eq!(Interval::default().ranks(&[], 4, Pace::Stride(1)), []);
    }

    #[test]
    fn without_an_interval_it_lies_in_the_middle() {
        // 100 frames less a span of 7, and of 298.
        assert_eq!(ranks(None, None, Pace::Stride(2)), [46, 48, 50, 52]);
        assert_eq!(ranks(None, None, Pace::Stride(99)), [0, 99, 99, 99]);
        assert_eq!(ranks(None, None, Pace::Rate(25.0)), [48, 49, 50, 51]);
    }

    #[test]
    fn at_a_rate_the_nearest_frames_of_the_interval_are_taken() {
        // 100 ms apart: 400, 500, 600, 700; 500 and 700 lie between two frames, and the earlier one is taken.
        assert_eq!(ranks(Some(400), None, Pace::Rate(10.0)), [10, 12, 15, 17]);
        assert_eq!(ranks(Some(400), Some(601), Pace::Rate(10.0)), [10, 12, 15, 15]);
        assert_eq!(ranks(Some(400), None, Pace::Rate(1e-3)), [10, 99, 99, 99]);
    }
}
