//! Which frames of a video make a clip, given how many it has and where the clip starts.
//!
//! The rule is VideoMAE's to the frame, with its two peculiarities: the range of starts counts a span of
//! frames × stride although the clip covers less, and stepping never reaches the last frame of a video
//! (a step is taken while it ends at most at the frame before the last; otherwise the frame repeats).
//!
//! ```text
//! start = one of 0 … N − L·τ      (0 where N < L·τ)
//! next  = this + τ if that is at most N − 2, else this again
//! ```
//!
//! At a target rate, frames are chosen by their presentation times instead of by counting.

use schemas::settings::ShortVideo;

use crate::{FrameRank, StreamTime, draws::Draws};

/// How far apart the frames of a clip are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Every n-th frame of the video, whatever its rate.
    Stride(u32),
    /// So many frames a second of presentation time.
    Rate(f64),
}

/// The rule by which frames are sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Frames of a clip.
    pub frames: u32,
    /// Distance of two frames.
    pub pace: Pace,
    /// What to do with a video that is too short.
    pub short: ShortVideo,
}

/// Why no frames can be sampled.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// The video has no frame.
    #[error("the video has no frame")]
    NoFrames,
    /// The video is shorter than a clip's span, and such videos are skipped.
    #[error(
        "{frames} frames are fewer than the span of a clip, and short videos are skipped (clip.short_video)"
    )]
    TooShort {
        /// Frames of the video.
        frames: u32,
    },
    /// The distance of two frames is not a positive number.
    #[error("frames cannot be {pace:?} apart")]
    Pace {
        /// What was asked for.
        pace: Pace,
    },
}

impl Sampling {
    /// The ranks of a clip's frames, rising except where a short video is looped.
    ///
    /// `times` are the presentation times of all frames of the video, rising; `draws` chooses the start.
    ///
    /// # Errors
    /// When the video has no frame, or is too short and such videos are skipped.
    pub fn draw(&self, times: &[StreamTime], draws: &mut Draws) -> Result<Vec<FrameRank>, SamplingError> {
        let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return Err(SamplingError::NoFrames);
        }
        let starts = match self.pace {
            Pace::Stride(0) => return Err(SamplingError::Pace { pace: self.pace }),
            Pace::Stride(stride) => starts(count, self.frames, stride),
            Pace::Rate(rate) if !(rate.is_finite() && rate > 0.0) => {
                return Err(SamplingError::Pace { pace: self.pace });
            }
            Pace::Rate(rate) => starts_at_rate(times, self.frames, rate),
        };
        if starts == 0 && self.short == ShortVideo::Skip {
            return Err(SamplingError::TooShort { frames: count });
        }
        let start = FrameRank(draws.below(u64::from(starts)) as u32);
        let looped = starts == 0 && self.short == ShortVideo::Loop;
        Ok(match self.pace {
            Pace::Stride(stride) if looped => {
                let step = |k: u32| FrameRank((u64::from(k) * u64::from(stride) % u64::from(count)) as u32);
                (0..self.frames).map(step).collect()
            }
            Pace::Stride(stride) => step_through(count, self.frames, stride, start),
            Pace::Rate(rate) => at_rate(times, self.frames, rate, start, looped),
        })
    }
}

/// How many starts there are for a clip of `wanted` frames at `stride` in `count` frames; 0 where the
/// video is shorter than the span (the clip then starts at frame 0).
pub fn starts(count: u32, wanted: u32, stride: u32) -> u32 {
    let span = u64::from(wanted) * u64::from(stride);
    u64::from(count).checked_sub(span).map_or(0, |rest| rest as u32 + 1)
}

/// The official walk from `start`: a step is taken while it ends at most at the frame before the last.
pub fn step_through(count: u32, wanted: u32, stride: u32, start: FrameRank) -> Vec<FrameRank> {
    let next = |rank: &FrameRank| {
        let step = rank.0.saturating_add(stride);
        Some(if step.saturating_add(2) <= count { FrameRank(step) } else { *rank })
    };
    std::iter::successors(Some(start), next).take(wanted as usize).collect()
}

/// Frames of `ranks` that repeat the frame before them.
pub fn repeated(ranks: &[FrameRank]) -> usize {
    ranks.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

/// Nanoseconds from the first frame to frame `k` at `rate`.
pub(super) fn step_time(k: u32, rate: f64) -> i64 {
    (f64::from(k) * 1e9 / rate).round() as i64
}

fn starts_at_rate(times: &[StreamTime], wanted: u32, rate: f64) -> u32 {
    // As with strides the span counts one distance more than the clip covers; the video's last frame is
    // taken to last as long as the one before it.
    let last = times.last().map_or(0, |time| time.0);
    let before = times.len().checked_sub(2).and_then(|at| times.get(at)).map_or(last, |time| time.0);
    let end = last + (last - before);
    let span = step_time(wanted, rate);
    times.partition_point(|time| time.0.saturating_add(span) <= end) as u32
}

fn at_rate(times: &[StreamTime], wanted: u32, rate: f64, start: FrameRank, looped: bool) -> Vec<FrameRank> {
    let first = times.first().map_or(0, |time| time.0);
    let begin = times.get(start.0 as usize).map_or(first, |time| time.0);
    let last = times.last().map_or(first, |time| time.0);
    let mean = (last - first) / (times.len() as i64 - 1).max(1);
    let length = (last - first + mean).max(1);
    let wanted_time = |k| {
        let time = begin.saturating_add(step_time(k, rate));
        if looped { first + (time - first) % length } else { time }
    };
    (0..wanted).map(|k| nearest(times, wanted_time(k))).collect()
}

/// The frame that is nearest to `time`, of two that are the earlier one.
pub(super) fn nearest(times: &[StreamTime], time: i64) -> FrameRank {
    let after = times.partition_point(|at| at.0 < time);
    let Some(before) = after.checked_sub(1) else { return FrameRank(0) };
    match times.get(after) {
        Some(at) if at.0 - time < time - times[before].0 => FrameRank(after as u32),
        _ => FrameRank(before as u32),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draws::Purpose;

    /// N, τ, values of start, start, then the ranks: so many rising ones, and which one is repeated.
    const TABLE: [(u32, u32, u32, u32, u32); 35] = [
        // N, τ, starts, start, last rank (where steps end; it then repeats)
        (300, 4, 237, 0, 60),
        (300, 4, 237, 100, 160),
        (300, 4, 237, 236, 296),
        (100, 4, 37, 36, 96),
        (65, 4, 2, 1, 61),
        (64, 4, 1, 0, 60),
        (63, 4, 0, 0, 60),
        (62, 4, 0, 0, 60),
        (61, 4, 0, 0, 56),
        (60, 4, 0, 0, 56),
        (57, 4, 0, 0, 52),
        (50, 4, 0, 0, 48),
        (33, 4, 0, 0, 28),
        (32, 4, 0, 0, 28),
        (20, 4, 0, 0, 16),
        (16, 4, 0, 0, 12),
        (10, 4, 0, 0, 8),
        (9, 4, 0, 0, 4),
        (8, 4, 0, 0, 4),
        (6, 4, 0, 0, 4),
        (5, 4, 0, 0, 0),
        (4, 4, 0, 0, 0),
        (2, 4, 0, 0, 0),
        (1, 4, 0, 0, 0),
        (120, 2, 89, 88, 118),
        (45, 2, 14, 13, 43),
        (33, 2, 2, 1, 31),
        (32, 2, 1, 0, 30),
        (31, 2, 0, 0, 28),
        (30, 2, 0, 0, 28),
        (29, 2, 0, 0, 26),
        (20, 2, 0, 0, 18),
        (5, 2, 0, 0, 2),
        (3, 2, 0, 0, 0),
        (1, 2, 0, 0, 0),
    ];

    #[test]
    fn the_published_table_of_frames_comes_out() {
        let stride_one =
            [(40, 1, 25, 24, 38), (17, 1, 2, 1, 15), (16, 1, 1, 0, 14), (15, 1, 0, 0, 13), (3, 1, 0, 0, 1)];
        for (count, stride, values, start, last) in TABLE.into_iter().chain(stride_one) {
            let expected: Vec<_> = (0..16).map(|k| FrameRank((start + k * stride).min(last))).collect();
            assert_eq!(starts(count, 16, stride), values, "N {count} stride {stride}");
            assert_eq!(
                step_through(count, 16, stride, FrameRank(start)),
                expected,
                "N {count} stride {stride}"
            );
        }
    }

    #[test]
    fn repeated_frames_are_counted() {
        assert_eq!(repeated(&step_through(33, 16, 4, FrameRank(0))), 8);
        assert_eq!(repeated(&step_through(300, 16, 4, FrameRank(0))), 0);
    }

    fn times(count: u32, fps: f64) -> Vec<StreamTime> {
        (0..count).map(|rank| StreamTime((f64::from(rank) * 1e9 / fps).round() as i64)).collect()
    }

    fn draw(pace: Pace, short: ShortVideo, times: &[StreamTime]) -> Result<Vec<u32>, SamplingError> {
        let ranks =
            Sampling { frames: 16, pace, short }.draw(times, &mut Draws::new(1, Purpose::Start, 0, 0))?;
        Ok(ranks.into_iter().map(|rank| rank.0).collect())
    }

    #[test]
    fn a_short_video_is_repeated_looped_or_skipped() {
        let short = times(10, 30.0);
        let ranks = |short_video| draw(Pace::Stride(4), short_video, &short);
        assert_eq!(ranks(ShortVideo::RepeatLast).unwrap()[..4], [0, 4, 8, 8]);
        assert_eq!(ranks(ShortVideo::Loop).unwrap()[..6], [0, 4, 8, 2, 6, 0]);
        assert_eq!(ranks(ShortVideo::Skip), Err(SamplingError::TooShort { frames: 10 }));
        assert_eq!(draw(Pace::Stride(4), ShortVideo::Loop, &[]), Err(SamplingError::NoFrames));
    }

    #[test]
    fn a_rate_takes_frames_by_their_times() {
        let start_of = |ranks: &[u32]| ranks[0];
        let half = draw(Pace::Rate(7.5), ShortVideo::RepeatLast, &times(300, 30.0)).unwrap();
        assert_eq!(half, (0..16).map(|k| start_of(&half) + 4 * k).collect::<Vec<_>>());
        let slow = draw(Pace::Rate(7.5), ShortVideo::RepeatLast, &times(300, 60.0)).unwrap();
        assert_eq!(slow, (0..16).map(|k| start_of(&slow) + 8 * k).collect::<Vec<_>>());
        let short = draw(Pace::Rate(10.0), ShortVideo::RepeatLast, &times(20, 30.0)).unwrap();
        assert_eq!(short[..8], [0, 3, 6, 9, 12, 15, 18, 19]);
        assert!(matches!(
            draw(Pace::Rate(0.0), ShortVideo::Skip, &times(20, 30.0)),
            Err(SamplingError::Pace { .. })
        ));
    }

    proptest! {
        #[test]
        fn sampled_frames_exist(count in 1u32..400, stride in 1u32..9, number: u64, looped: bool, rate in 0.5f64..100.0) {
            let short = if looped { ShortVideo::Loop } else { ShortVideo::RepeatLast };
            let times = times(count, 29.97);
            for pace in [Pace::Stride(stride), Pace::Rate(rate)] {
                let sampling = Sampling { frames: 16, pace, short };
                let ranks = sampling.draw(&times, &mut Draws::new(0, Purpose::Start, 0, number)).unwrap();
                prop_assert_eq!(ranks.len(), 16);
                prop_assert!(ranks.iter().all(|rank| rank.0 < count));
            }
        }
    }
}
