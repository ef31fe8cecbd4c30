//! Which clip comes when: (seed, epoch) ─▶ the ordered list of an epoch's clips.
//!
//! A dataset of `videos` videos with K clips of each has `videos × K` *slots*, slot = video × K + k. An
//! epoch's order is a permutation of all slots; clip number n takes the slot at place n. Where its video
//! fails, the clip takes the slot at the next place, wrapping round, and so on. Crop, flip and masks
//! belong to the number, the first frame to the slot: a clip's content depends on nothing but (seed,
//! epoch, number) and the files.
//!
//! ```text
//! batch b of a run ─▶ epoch b / S, batch b % S of it        S = ⌊slots / clips of a batch⌋, rest dropped
//! ```
//!
//! With repeated sampling (VideoMAE V2's `num_sample`) a clip gives R rows with their own crops and
//! masks; row r of clip n draws them by the number n·R + r.

use crate::draws::{Draws, Purpose};

/// The facts that decide an epoch's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Seed of every draw.
    pub seed: u64,
    /// Videos of the dataset, failing ones included.
    pub videos: u64,
    /// Clips drawn from each video in an epoch.
    pub clips_per_video: u32,
}

/// Why a schedule has no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// An epoch has fewer clips than a batch.
    #[error("an epoch of {clips} clips does not fill one batch of {batch}")]
    TooFewClips {
        /// Clips of an epoch.
        clips: u64,
        /// Clips of a batch.
        batch: u64,
    },
}

impl Schedule {
    /// Clips of an epoch, which is also the number of slots.
    pub fn clips(&self) -> u64 {
        self.videos.saturating_mul(u64::from(self.clips_per_video))
    }

    /// Whole batches of `batch` clips in an epoch; what remains is dropped.
    ///
    /// # Errors
    /// When there is not one.
    pub fn batches(&self, batch: u64) -> Result<u64, ScheduleError> {
        match self.clips().checked_div(batch) {
            None | Some(0) => Err(ScheduleError::TooFewClips { clips: self.clips(), batch }),
            Some(batches) => Ok(batches),
        }
    }

    /// The order of the slots in `epoch`.
    pub fn order(&self, epoch: u32) -> Order {
        let mut slots: Vec<u64> = (0..self.clips()).collect();
        Draws::new(self.seed, Purpose::Order, epoch, 0).shuffle(&mut slots);
        Order { epoch, slots }
    }

    /// The slots as they are numbered: clip n takes slot n.
    pub fn in_sequence(&self, epoch: u32) -> Order {
        Order { epoch, slots: (0..self.clips()).collect() }
    }

    /// The video that a slot belongs to.
    pub fn video_of(&self, slot: u64) -> u64 {
        slot / u64::from(self.clips_per_video.max(1))
    }

    /// The draw of a clip's first frame.
    pub fn start(&self, epoch: u32, slot: u64) -> Draws {
        Draws::new(self.seed, Purpose::Start, epoch, slot)
    }

    /// The draws of a row's crop, flip and masks.
    pub fn row(&self, epoch: u32, row: u64) -> RowDraws {
        let draws = |purpose| Draws::new(self.seed, purpose, epoch, row);
        RowDraws {
            crop: draws(Purpose::Crop),
            flip: draws(Purpose::Flip),
            mask: draws(Purpose::Mask),
            decoder: draws(Purpose::Decoder),
        }
    }
}

/// Independent streams for everything that is drawn for one row of a batch.
#[derive(Clone, Debug)]
pub struct RowDraws {
    /// For the crop window.
    pub crop: Draws,
    /// For mirroring.
    pub flip: Draws,
    /// For the encoder's mask.
    pub mask: Draws,
    /// For the decoder's mask.
    pub decoder: Draws,
}

/// The slots of one epoch in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The epoch.
    pub epoch: u32,
    slots: Vec<u64>,
}

impl Order {
    /// The slot that clip `number` takes after `failures` of its slots failed; none when all did.
    pub fn slot(&self, number: u64, failures: u64) -> Option<u64> {
        let slots = self.slots.len() as u64;
        if failures >= slots {
            return None;
        }
        let place = (number % slots + failures) % slots;
        self.slots.get(usize::try_from(place).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule { seed: 7, videos: 5, clips_per_video: 2 };

    #[test]
    fn an_epoch_takes_every_slot_once() {
        let order = SCHEDULE.order(3);
        let mut slots: Vec<u64> = (0..10).map(|number| order.slot(number, 0).unwrap()).collect();
        assert_ne!(slots, (0..10).collect::<Vec<_>>());
        slots.sort_unstable();
        assert_eq!(slots, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn each_epoch_has_its_own_order() {
        assert_ne!(SCHEDULE.order(0), Order { epoch: 0, ..SCHEDULE.order(1) });
        assert_eq!(SCHEDULE.order(1), SCHEDULE.order(1));
    }

    #[test]
    fn a_failed_slot_is_followed_by_the_next_of_the_order_wrapping_round() {
        let order = SCHEDULE.order(0);
        assert_eq!(order.slot(9, 1), order.slot(0, 0));
        assert_eq!(order.slot(4, 2), order.slot(6, 0));
        assert_eq!(order.slot(4, 10), None);
    }

    #[test]
    fn only_whole_batches_count() {
        assert_eq!(SCHEDULE.batches(3), Ok(3));
        assert_eq!(SCHEDULE.batches(11), Err(ScheduleError::TooFewClips { clips: 10, batch: 11 }));
        assert!(SCHEDULE.batches(0).is_err());
    }

    #[test]
    fn two_slots_of_a_video_draw_different_first_frames() {
        let start = |slot| SCHEDULE.start(0, slot).below(1 << 40);
        assert_eq!(SCHEDULE.video_of(0), SCHEDULE.video_of(1));
        assert_ne!(start(0), start(1));
    }
}
