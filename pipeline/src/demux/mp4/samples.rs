//! The samples of a track: where they are, when they are decoded and presented, which are key frames.
//!
//! They stand in a track's sample tables, and in fragments behind them; this file has what both give.

use std::ops::Range;

use super::fault::damaged;
use crate::{demux::allowance::MOST_PACKETS, error::VideoError};

/// One sample, in the order in which samples are decoded. Times are ticks of the track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    pub place: u64,
    pub length: u32,
    /// How long it is shown.
    pub duration: u32,
    pub decoded: i64,
    /// From its decoding to its presentation.
    pub offset: i32,
    pub key: bool,
    /// It is decoded and not presented: it overlaps another fragment.
    pub discarded: bool,
    /// The number of its sample entry, from 0.
    pub entry: u16,
}

impl Sample {
    pub fn presented(&self) -> i64 {
        self.decoded.saturating_add(self.offset.into())
    }

    pub fn bytes(&self) -> Range<u64> {
        self.place..self.place.saturating_add(self.length.into())
    }
}

/// Samples that a film out of a file of so many bytes may have: each takes some, in a table or in the data. Memory
/// that is taken for them stays in proportion to the file.
pub(super) fn most_samples(file_bytes: u64) -> usize {
    (file_bytes / 4).min(MOST_PACKETS) as usize
}

/// Checks a number of samples before memory is taken for them.
pub(super) fn check_count(count: u64, file_bytes: u64) -> Result<usize, VideoError> {
    let most = most_samples(file_bytes);
    if count > most as u64 {
        return Err(damaged(format!("its index promises {count} samples, the file has room for {most}")));
    }
    Ok(count as usize)
}
