//! When the frames of a block are shown, and for how long: FFmpeg's rule, in nanoseconds.
//!
//! A cluster has a time and each of its blocks a distance from that, both in ticks. The frames of a block share its
//! duration, or as many default durations of the track as they are; without either only the first has a time.

use super::{block::BlockHeader, tracks::Track};
use crate::{StreamTime, plan::order::Stamp};

/// What makes times of ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Nanoseconds of a tick.
    tick: u64,
    /// What the track multiplies its ticks with.
    scale: f64,
    /// Ticks that are taken off every time.
    delay: i64,
    default_duration: u64,
    /// Times are those of decoding, as in AVI.
    decoding: bool,
}

impl Clock {
    /// The clock of a track in a file whose ticks have `tick` nanoseconds.
    pub(super) fn new(tick: u64, track: &Track, decoding: bool) -> Self {
        let scale = track.timestamp_scale;
        let scaled = if scale == 1.0 { tick } else { ((tick as f64 * scale) as u64).max(1) };
        let delay = (track.codec_delay / scaled + (track.codec_delay % scaled * 2 >= scaled) as u64) as i64;
        Self { tick: scaled, scale, delay, default_duration: track.default_duration, decoding }
    }

    /// The stamps of the `frames` frames of a block in a cluster of time `cluster`; `duration` is what its group
    /// says, in ticks. A time beyond any film, as GStreamer's muxer writes where it has none, is none.
    pub(super) fn stamps(
        &self,
        cluster: u64,
        block: &BlockHeader,
        duration: u64,
        frames: usize,
    ) -> Vec<Stamp> {
        let cluster = if self.scale == 1.0 { cluster } else { (cluster as f64 / self.scale) as u64 };
        let first = i128::from(cluster) + i128::from(block.time) - i128::from(self.delay);
        let all = frames as u128;
        let usual = u128::from(self.default_duration) * all / u128::from(self.tick);
        let ticks = if duration > 0 { u128::from(duration) } else { usual };
        let mut time = Some(first);
        let stamp = |frame| {
            let share = ticks * (frame + 1) / all - ticks * frame / all;
            let lasts =
                if duration > 0 { share * u128::from(self.tick) } else { self.default_duration.into() };
            let at = time.and_then(|ticks| self.time_of(ticks));
            time = time.filter(|_| share > 0).map(|ticks| ticks + share as i128);
            let (pts, dts) = if self.decoding { (None, at) } else { (at, None) };
            let duration = i64::try_from(lasts).ok().filter(|&lasts| lasts > 0);
            Stamp { pts, dts, duration, ..Stamp::default() }
        };
        (0..all).map(stamp).collect()
    }

    fn time_of(&self, ticks: i128) -> Option<StreamTime> {
        let time = i64::try_from(ticks.checked_mul(i128::from(self.tick))?).ok()?;
        (time.checked_abs()? <= MOST_TIME).then_some(StreamTime(time))
    }
}

/// A century and more: differences of times have room.
const MOST_TIME: i64 = i64::MAX / 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::matroska::block::Lacing;

    fn clock(default_duration: u64) -> Clock {
        Clock { tick: 1_000_000, scale: 1.0, delay: 0, default_duration, decoding: false }
    }

    fn times(
        clock: Clock,
        cluster: u64,
        time: i16,
        duration: u64,
        frames: usize,
    ) -> Vec<(Option<i64>, Option<i64>)> {
        let block = BlockHeader { track: 1, time, key: true, lacing: Lacing::None, bytes: 4 };
        let stamps = clock.stamps(cluster, &block, duration, frames);
        let milliseconds = |time: StreamTime| time.0 / 1_000_000;
        stamps.iter().map(|stamp| (stamp.pts.map(milliseconds), stamp.duration)).collect()
    }

    #[test]
    fn a_block_has_the_time_of_its_cluster_and_its_own() {
        assert_eq!(times(clock(33_366_666), 1000, -7, 0, 1), [(Some(993), Some(33_366_666))]);
        assert_eq!(times(clock(0), 0, -7, 0, 1), [(Some(-7), None)]);
        assert_eq!(times(clock(5), 3, 0, 40, 1), [(Some(3), Some(40_000_000))]);
    }

    #[test]
    fn frames_of_one_block_share_its_duration() {
        let thirds =
            [(Some(0), Some(33_000_000)), (Some(33), Some(33_000_000)), (Some(66), Some(34_000_000))];
        assert_eq!(times(clock(0), 0, 0, 100, 3), thirds);
        let usual = [(Some(0), Some(33_366_666)), (Some(33), Some(33_366_666)), (Some(66), Some(33_366_666))];
        assert_eq!(times(clock(33_366_666), 0, 0, 0, 3), usual);
        assert_eq!(times(clock(0), 9, 0, 0, 2), [(Some(9), None), (None, None)]);
    }

    #[test]
    fn tracks_scale_and_delay_their_times_and_those_of_avi_are_of_decoding() {
        let scaled = Clock { tick: 2_000_000, scale: 2.0, delay: 3, ..clock(0) };
        assert_eq!(times(scaled, 100, 5, 0, 1), [(Some(104), None)]);
        let block = BlockHeader { track: 1, time: 4, key: true, lacing: Lacing::None, bytes: 4 };
        let stamps = Clock { decoding: true, ..clock(0) }.stamps(0, &block, 0, 1);
        assert_eq!((stamps[0].pts, stamps[0].dts), (None, Some(StreamTime(4_000_000))));
    }

    #[test]
    fn times_beyond_any_film_are_none_and_so_are_such_durations() {
        assert_eq!(times(clock(0), u64::MAX, 0, 0, 1), [(None, None)]);
        assert_eq!(times(clock(0), 0, 0, u64::MAX, 2), [(Some(0), None), (None, None)]);
        assert_eq!(times(Clock { tick: u64::MAX, ..clock(0) }, 3, 0, 0, 1), [(None, None)]);
    }
}
