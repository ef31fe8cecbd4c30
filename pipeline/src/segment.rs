//! A part of a video, as a list names it: by frames or by seconds.
//!
//! ```text
//! start, stop                  frames start … stop − 1, counted from 0 in the order in which they are shown
//! start_seconds, stop_seconds  frames that are shown at start or later, and before stop, to the microsecond; seconds
//!                              count from the first frame that is shown, as those of `ffmpeg -ss` do
//! ```
//!
//! Whatever is asked of a segment is answered as if its frames were all the frames of the video.

use std::{
    fmt::{self, Display, Formatter},
    ops::Range,
};

use serde::{Deserialize, Serialize};

use crate::StreamTime;

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// The part of a video that a row of a list means.
#[doc(alias = "clip")]
#[doc(alias = "trim")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Segment {
    /// All of it.
    #[default]
    Whole,
    /// Frames from `start` on; without `stop` to the end.
    Frames {
        /// The first.
        start: u32,
        /// The first behind it.
        stop: Option<u32>,
    },
    /// Frames that are shown so long after the first or later; without `stop` to the end.
    Times {
        /// When the first may be shown.
        start: StreamTime,
        /// When none is shown any more.
        stop: Option<StreamTime>,
    },
}

/// Why a segment is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// It ends where it begins.
    #[error("{segment} is empty")]
    Empty {
        /// It.
        segment: Segment,
    },
    /// It ends before it begins.
    #[error("{segment} ends before it begins")]
    Backwards {
        /// It.
        segment: Segment,
    },
    /// It is not in the video.
    #[error("{segment} is not in the video, whose last frame is number {} at {} s", frames.saturating_sub(1), seconds(*last))]
    Outside {
        /// It.
        segment: Segment,
        /// Frames of the video.
        frames: u32,
        /// When its last frame is shown, after the first.
        last: StreamTime,
    },
    /// No frame is shown in it.
    #[error("no frame is shown in {segment}")]
    NoFrame {
        /// It.
        segment: Segment,
    },
}

impl Segment {
    /// The segment from `start` to `stop`, in frames.
    ///
    /// # Errors
    /// When it is empty or backwards.
    pub fn frames(start: u32, stop: Option<u32>) -> Result<Self, SegmentError> {
        if start == 0 && stop.is_none() {
            return Ok(Self::Whole);
        }
        Self::checked(Self::Frames { start, stop }, stop.map(|stop| stop.cmp(&start)))
    }

    /// The segment from `start` to `stop`, in time.
    ///
    /// # Errors
    /// When it is empty or backwards.
    pub fn times(start: StreamTime, stop: Option<StreamTime>) -> Result<Self, SegmentError> {
        if start.0 <= 0 && stop.is_none() {
            return Ok(Self::Whole);
        }
        Self::checked(Self::Times { start, stop }, stop.map(|stop| stop.cmp(&start)))
    }

    fn checked(segment: Self, end: Option<std::cmp::Ordering>) -> Result<Self, SegmentError> {
        match end {
            Some(std::cmp::Ordering::Less) => Err(SegmentError::Backwards { segment }),
            Some(std::cmp::Ordering::Equal) => Err(SegmentError::Empty { segment }),
            _ => Ok(segment),
        }
    }

    /// What follows the name of a video where this part of it is meant, as in the address of a medium
    /// (W3C's Media Fragments): `#t=1.5,3`, `#frames=30,60`; nothing where all of it is.
    pub fn fragment(&self) -> String {
        let end = |stop: Option<String>| stop.map_or_else(String::new, |stop| format!(",{stop}"));
        match *self {
            Self::Whole => String::new(),
            Self::Frames { start, stop } => {
                format!("#frames={start}{}", end(stop.map(|stop| stop.to_string())))
            }
            Self::Times { start, stop } => format!("#t={}{}", seconds(start), end(stop.map(seconds))),
        }
    }

    /// Whether it is all of the video.
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// The ranks of its frames, of a video with these presentation times, which rise.
    ///
    /// # Errors
    /// When it reaches beyond the end of the video, or no frame is shown in it.
    pub fn ranks(&self, times: &[StreamTime]) -> Result<Range<usize>, SegmentError> {
        let (segment, frames) = (*self, times.len());
        let end = times.last().copied().unwrap_or(StreamTime(0));
        let length = StreamTime(end.0.saturating_sub(times.first().map_or(0, |first| first.0)));
        let outside = || SegmentError::Outside { segment, frames: frames as u32, last: length };
        match *self {
            Self::Whole => Ok(0..frames),
            Self::Frames { start, stop } => {
                let (start, stop) = (start as usize, stop.map_or(frames, |stop| stop as usize));
                if start >= frames || stop > frames { Err(outside()) } else { Ok(start..stop) }
            }
            Self::Times { start, stop } => {
                let first = times.first().map_or(0, |first| first.0);
                let shown = |at: &StreamTime| microseconds(at.0.saturating_sub(first));
                let place = |time: StreamTime| times.partition_point(|at| shown(at) < microseconds(time.0));
                let ranks = place(start)..stop.map_or(frames, place);
                // Where the last frame ends is not known exactly, so a stop may lie up to a second behind it.
                let last = end.0.saturating_sub(first).saturating_add(last_step(times));
                if ranks.start >= frames || stop.is_some_and(|stop| stop.0 > last) {
                    return Err(outside());
                }
                if ranks.is_empty() { Err(SegmentError::NoFrame { segment }) } else { Ok(ranks) }
            }
        }
    }
}

/// Microseconds, in which times are compared: a list that writes 0.033367 means the frame at 1001/30000.
fn microseconds(nanoseconds: i64) -> i64 {
    nanoseconds.saturating_add(500).div_euclid(1000)
}

/// How long after its beginning the last frame may end: the longest distance of two frames, a second at least.
fn last_step(times: &[StreamTime]) -> i64 {
    let longest = times.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).max();
    longest.unwrap_or(0).max(SECOND)
}

/// A time in seconds, exactly.
pub fn seconds(time: StreamTime) -> String {
    let (sign, time) = if time.0 < 0 { ("-", time.0.unsigned_abs()) } else { ("", time.0.unsigned_abs()) };
    let (whole, part) = (time / SECOND as u64, time % SECOND as u64);
    let part = format!("{part:09}");
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    }
}

impl Display for Segment {
    /// `frames 30 to 60`, `seconds 1.5 to 3`, `frames from 30`.
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Whole => write!(to, "all of it"),
            Self::Frames { start, stop: Some(stop) } => write!(to, "frames {start} to {stop}"),
            Self::Frames { start, stop: None } => write!(to, "frames from {start}"),
            Self::Times { start, stop: Some(stop) } => {
                write!(to, "seconds {} to {}", seconds(start), seconds(stop))
            }
            Self::Times { start, stop: None } => write!(to, "seconds from {}", seconds(start)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10 frames, one every 40 ms.
    fn times() -> Vec<StreamTime> {
        (0..10).map(|rank| StreamTime(rank * 40_000_000)).collect()
    }

    fn at(milliseconds: i64) -> StreamTime {
        StreamTime(milliseconds * 1_000_000)
    }

    #[test]
    fn a_segment_has_the_frames_between_its_bounds() {
        let ranks = |segment: Segment| segment.ranks(&times()).unwrap();
        assert_eq!(ranks(Segment::Whole), 0..10);
        assert_eq!(ranks(Segment::frames(2, Some(5)).unwrap()), 2..5);
        assert_eq!(ranks(Segment::frames(9, None).unwrap()), 9..10);
        assert_eq!(ranks(Segment::times(at(80), Some(at(160))).unwrap()), 2..4);
        assert_eq!(ranks(Segment::times(at(81), None).unwrap()), 3..10);
        // Half a microsecond and no more.
        assert_eq!(ranks(Segment::times(StreamTime(80_000_499), None).unwrap()), 2..10);
        assert_eq!(ranks(Segment::times(StreamTime(80_000_501), None).unwrap()), 3..10);
        // Times count from the first frame.
        let later: Vec<_> = times().iter().map(|time| StreamTime(time.0 + 1_400_000_000)).collect();
        assert_eq!(Segment::times(at(80), Some(at(160))).unwrap().ranks(&later), Ok(2..4));
        // The last frame is shown for a while.
        assert_eq!(ranks(Segment::times(at(360), Some(at(400))).unwrap()), 9..10);
        assert_eq!(Segment::frames(0, None), Ok(Segment::Whole));
        assert_eq!(Segment::times(at(1500), Some(at(3000))).unwrap().fragment(), "#t=1.5,3");
        assert_eq!(Segment::frames(30, None).unwrap().fragment(), "#frames=30");
    }

    #[test]
    fn what_is_no_part_of_a_video_is_refused() {
        assert!(matches!(Segment::frames(5, Some(5)), Err(SegmentError::Empty { .. })));
        assert!(matches!(Segment::times(at(50), Some(at(40))), Err(SegmentError::Backwards { .. })));
        let refused = |segment: Result<Segment, SegmentError>| segment.unwrap().ranks(&times()).unwrap_err();
        assert_eq!(
            refused(Segment::frames(8, Some(11))).to_string(),
            "frames 8 to 11 is not in the video, whose last frame is number 9 at 0.36 s"
        );
        assert!(matches!(refused(Segment::frames(10, None)), SegmentError::Outside { .. }));
        assert!(matches!(refused(Segment::times(at(361), None)), SegmentError::Outside { .. }));
        assert!(matches!(refused(Segment::times(at(0), Some(at(1500)))), SegmentError::Outside { .. }));
        assert!(matches!(refused(Segment::times(at(81), Some(at(119)))), SegmentError::NoFrame { .. }));
        assert!(Segment::Whole.ranks(&[]).unwrap().is_empty());
    }
}
