//! Numbers that must not be mixed up: each kind is a type of its own.
//!
//! ```text
//! dataset   video 0         video 1            VideoNumber
//!           slot 0  slot 1  slot 2  slot 3     Slot         here with two clips of each video
//! epoch     clip 0  clip 1  clip 2  clip 3     ClipNumber   each takes one slot, in the order of the epoch
//! batches   row 0 1 row 2 3 row 4 5 row 6 7    RowNumber    here with two rows of each clip
//! video     frame 0, 1, 2 …                    FrameRank, PacketNumber, StreamTime
//! ```
//!
//! Functions take them in this order: video, slot, clip, row. Counts of them stay plain numbers. They become plain
//! where they are written: in columns, in JSON, and as the number that a random draw depends on.
//!
//! ```
//! use pipeline::{ClipNumber, Slot, VideoNumber, draws::Draws, schedule::Schedule, source::ClipReader};
//!
//! fn read(reader: &mut dyn ClipReader, schedule: &Schedule, clip: ClipNumber) {
//!     let slot: Slot = schedule.order(0).slot(clip, 0).unwrap();
//!     let video: VideoNumber = schedule.video_of(slot);
//!     let start: Draws = schedule.start(0, slot);
//!     let _ = reader.frames(video, slot, start);
//! }
//! ```
//!
//! A swap of slot and video does not compile,
//!
//! ```compile_fail,E0308
//! use pipeline::{Slot, VideoNumber, draws::Draws, source::ClipReader};
//!
//! fn read(reader: &mut dyn ClipReader, video: VideoNumber, slot: Slot, start: Draws) {
//!     let _ = reader.frames(slot, video, start);
//! }
//! ```
//!
//! nor does a slot for the clip that takes it,
//!
//! ```compile_fail,E0308
//! use pipeline::{Slot, schedule::Schedule};
//!
//! fn slot(schedule: &Schedule, slot: Slot) -> Option<Slot> {
//!     schedule.order(0).slot(slot, 0)
//! }
//! ```
//!
//! nor a clip's number for the number of one of its rows.
//!
//! ```compile_fail,E0308
//! use pipeline::{ClipNumber, schedule::{RowDraws, Schedule}};
//!
//! fn draws(schedule: &Schedule, clip: ClipNumber) -> RowDraws {
//!     schedule.row(0, clip)
//! }
//! ```

use serde::{Deserialize, Serialize};

/// A video's place in its dataset, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VideoNumber(pub u64);

/// One of the clips that are drawn from each video: video number × clips per video + k.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u64);

/// A clip's place in its epoch, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClipNumber(pub u64);

/// A row's place in its epoch, counted from 0: clip number × rows per clip + r.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowNumber(pub u64);

/// A frame's place in presentation order, counted from 0. What people mean by "frame 37".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameRank(pub u32);

/// A packet's place in the file (decode order), counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PacketNumber(pub u32);

/// Nanoseconds of stream time: after the segment and the edit list, so 0 is the first shown frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamTime(pub i64);

impl VideoNumber {
    /// Its place in a list of all videos.
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Its slot number `k`, counted from 0.
    pub fn slot(self, clips_per_video: u32, k: u64) -> Slot {
        Slot(self.0.saturating_mul(clips_per_video.max(1).into()).saturating_add(k))
    }
}

impl Slot {
    /// The video that it belongs to.
    pub fn video(self, clips_per_video: u32) -> VideoNumber {
        VideoNumber(self.0 / u64::from(clips_per_video.max(1)))
    }

    /// Which of its video's slots it is, counted from 0.
    pub fn place_in_video(self, clips_per_video: u32) -> u64 {
        self.0 % u64::from(clips_per_video.max(1))
    }
}

impl ClipNumber {
    /// The clip after it.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The numbers of its rows, so many of each clip.
    pub fn rows(self, rows_per_clip: u32) -> impl Iterator<Item = RowNumber> {
        let first = self.0 * u64::from(rows_per_clip);
        (first..first + u64::from(rows_per_clip)).map(RowNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_knows_its_video_and_its_place_among_those_of_the_video() {
        let slots: Vec<Slot> = (0..3).map(|k| VideoNumber(4).slot(3, k)).collect();
        assert_eq!(slots, [12, 13, 14].map(Slot));
        assert!(slots.iter().all(|slot| slot.video(3) == VideoNumber(4)));
        assert_eq!(slots.iter().map(|slot| slot.place_in_video(3)).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!((Slot(12).video(0), Slot(12).place_in_video(0)), (VideoNumber(12), 0));
    }

    #[test]
    fn the_rows_of_clips_follow_each_other() {
        let clip = ClipNumber(5);
        let rows: Vec<RowNumber> = clip.rows(2).chain(clip.next().rows(2)).collect();
        assert_eq!(rows, [10, 11, 12, 13].map(RowNumber));
    }
}
