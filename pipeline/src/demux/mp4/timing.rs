//! Ticks of a track as times of the film.

use super::{
    edit_list::{EditList, Used},
    samples::Sample,
};
use crate::{StreamTime, plan::order::Stamp};

/// Turns ticks of a track into times of the film.
pub(super) struct Timing<'a> {
    pub edits: &'a EditList,
    /// Ticks that the film begins later than the track.
    pub begins: i64,
}

impl Timing<'_> {
    /// A sample that is presented as the track says, moved by the beginning of the edit list.
    pub fn moved(&self, sample: &Sample) -> Stamp {
        let decoded = Sample { decoded: sample.decoded.saturating_sub(self.begins), ..*sample };
        self.of_fragment(&decoded)
    }

    pub fn of_fragment(&self, sample: &Sample) -> Stamp {
        let time = |tick: i64| Some(StreamTime(self.nanoseconds(tick.into())));
        let (pts, dts) = (time(sample.presented()), time(sample.decoded));
        Stamp { pts, dts, behind: sample.discarded, ..self.stamp(sample) }
    }

    /// A sample in a part of the edit list.
    pub fn edited(&self, sample: &Sample, &Used { part, begins, start, hidden, behind, .. }: &Used) -> Stamp {
        let movie_scale = self.edits.movie_scale;
        let begins = nanoseconds(begins.into(), movie_scale);
        let time = |tick: i64| {
            let since = self.nanoseconds(i128::from(tick) - i128::from(start));
            Some(StreamTime(begins.saturating_add(since)))
        };
        let (pts, dts) = (time(sample.presented()), time(sample.decoded));
        Stamp { pts, dts, part, hidden, behind, ..self.stamp(sample) }
    }

    fn stamp(&self, sample: &Sample) -> Stamp {
        let end = self.nanoseconds(i128::from(sample.decoded) + i128::from(sample.duration));
        let duration = end.saturating_sub(self.nanoseconds(sample.decoded.into()));
        Stamp { duration: Some(duration), ..Stamp::default() }
    }

    fn nanoseconds(&self, ticks: i128) -> i64 {
        nanoseconds(ticks, self.edits.scale)
    }
}

fn nanoseconds(ticks: i128, scale: u32) -> i64 {
    let scaled = (ticks * 1_000_000_000).div_euclid(i128::from(scale.max(1)));
    i64::try_from(scaled).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
}
