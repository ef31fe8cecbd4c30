//! Which clip comes when: (seed, epoch) ─▶ the ordered list of an epoch's clips.
//!
//! A dataset of `videos` videos with K clips of each has `videos × K` *slots*, slot = video × K + k. An
//! epoch's order is a permutation of all slots; clip number n takes the slot at place n. Crop, flip and
//! masks belong to the number, the first frame to the slot: a clip's content depends on nothing but (seed,
//! epoch, number) and the files.
//!
//! Clips of a video are *together* by default: videos are permuted, and the K slots of each follow each
//! other, so that one pass over its file gives them all. *Scattered*, all slots are permuted alike.
//!
//! Where a slot fails, its clip takes another: together, the slot with the same k of the next video in the
//! order, then, once round, those with the next k; scattered, the slot at the next place, wrapping round.
//! A failed video's clips thus become K different ones again.
//!
//! ```text
//! batch b of a run ─▶ epoch b / S, batch b % S of it        S = ⌊slots / clips of a batch⌋, rest dropped
//! ```
//!
//! In a mixture of sets (`mixed_runs.rs`) a clip's set is drawn first; where its slot fails, the next one of the same set
//! is taken. A slot that comes again in an epoch is numbered higher by all slots, so that it has a first frame of its own.
//!
//! With repeated sampling (VideoMAE V2's `num_sample`) a clip gives R rows with their own crops and
//! masks; row r of clip n draws them by the number n·R + r.

pub(crate) mod mixed_runs;

use schemas::settings::ClipOrder;

use self::mixed_runs::{MixedRuns, SetShare};
use crate::{
    ClipNumber, RowNumber, Slot, VideoNumber,
    draws::{Draws, Purpose},
};

/// The facts that decide an epoch's order.
#[doc(alias = "Sampler")]
#[doc(alias = "RandomSampler")]
#[doc(alias = "shuffle")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Seed of every draw.
    pub seed: u64,
    /// Videos of the dataset, failing ones included.
    pub videos: u64,
    /// Clips drawn from each video in an epoch.
    pub clips_per_video: u32,
    /// How the clips of a video lie.
    pub order: ClipOrder,
}

/// Why a schedule has no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// An epoch has fewer clips than a batch.
    #[error("an epoch has {clips} clips, which do not fill one batch of {batch}")]
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
        let (of_video, _) = self.runs();
        let mut firsts: Vec<Slot> = (0..self.clips()).step_by(of_video as usize).map(Slot).collect();
        Draws::new(self.seed, Purpose::Order, epoch, 0).shuffle(&mut firsts);
        Order { epoch, runs: Runs::Listed(firsts), of_video }
    }

    /// The order of the slots in `epoch`, where the videos are those of `sets`, one set after the other.
    pub(crate) fn mixed_order(&self, epoch: u32, sets: &[SetShare]) -> Order {
        let (of_video, of_each) = self.runs();
        Order { epoch, runs: Runs::Mixed(MixedRuns::draw(self.seed, epoch, sets, of_each)), of_video }
    }

    /// Slots of a run, and runs of a video.
    fn runs(&self) -> (u64, u64) {
        let clips = u64::from(self.clips_per_video.max(1));
        match self.order {
            ClipOrder::Together => (clips, 1),
            ClipOrder::Scattered => (1, clips),
        }
    }

    /// The slots as they are numbered: clip n takes slot n.
    pub fn in_sequence(&self, epoch: u32) -> Order {
        Order { epoch, runs: Runs::Listed((0..self.clips()).map(Slot).collect()), of_video: 1 }
    }

    /// These slots, one after the other: clip n takes the slot at place n.
    pub fn in_order(epoch: u32, slots: Vec<Slot>) -> Order {
        Order { epoch, runs: Runs::Listed(slots), of_video: 1 }
    }

    /// The video that a slot belongs to.
    pub fn video_of(&self, slot: Slot) -> VideoNumber {
        let VideoNumber(video) = slot.video(self.clips_per_video);
        VideoNumber(video.checked_rem(self.videos).unwrap_or(video))
    }

    /// The draw of a clip's first frame.
    pub fn start(&self, epoch: u32, slot: Slot) -> Draws {
        Draws::new(self.seed, Purpose::Start, epoch, slot.0)
    }

    /// The draws of a row's crop, flip and masks.
    pub fn row(&self, epoch: u32, row: RowNumber) -> RowDraws {
        let draws = |purpose| Draws::new(self.seed, purpose, epoch, row.0);
        RowDraws {
            crop: draws(Purpose::Crop),
            flip: draws(Purpose::Flip),
            mask: draws(Purpose::Mask),
            mask_kind: draws(Purpose::MaskKind),
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
    /// For the kind of the encoder's mask.
    pub mask_kind: Draws,
    /// For the decoder's mask.
    pub decoder: Draws,
}

/// The slots of one epoch in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The epoch.
    pub epoch: u32,
    /// The runs of slots that follow each other.
    runs: Runs,
    /// Slots of a run.
    of_video: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Runs {
    /// The first slot of each.
    Listed(Vec<Slot>),
    /// Those of a mixture.
    Mixed(MixedRuns),
}

impl Order {
    /// The slot that `clip` takes after `failures` of its slots failed; none when all did.
    pub fn slot(&self, clip: ClipNumber, failures: u64) -> Option<Slot> {
        let run = clip.0 / self.of_video;
        let (place, runs) = match &self.runs {
            Runs::Listed(firsts) => (run.checked_rem(firsts.len() as u64)?, firsts.len() as u64),
            Runs::Mixed(mixed) => mixed.place(run),
        };
        if failures >= runs * self.of_video {
            return None;
        }
        let place = (place + failures % runs) % runs;
        let of_run = (clip.0 % self.of_video + failures / runs) % self.of_video;
        let first = match &self.runs {
            Runs::Listed(firsts) => firsts.get(usize::try_from(place).ok()?)?.0,
            Runs::Mixed(mixed) => mixed.at(run, place)? * self.of_video,
        };
        Some(Slot(first + of_run))
    }

    /// How many clips from `clip` on are of the same video as it, one after the other.
    pub fn together(&self, clip: ClipNumber) -> u64 {
        self.of_video - clip.0 % self.of_video
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule =
        Schedule { seed: 7, videos: 5, clips_per_video: 2, order: ClipOrder::Scattered };
    const TOGETHER: Schedule = Schedule { order: ClipOrder::Together, ..SCHEDULE };

    fn slot(order: &Order, clip: u64, failures: u64) -> Option<u64> {
        order.slot(ClipNumber(clip), failures).map(|slot| slot.0)
    }

    #[test]
    fn an_epoch_takes_every_slot_once() {
        for schedule in [SCHEDULE, TOGETHER] {
            let order = schedule.order(3);
            let mut slots: Vec<u64> = (0..10).map(|clip| slot(&order, clip, 0).unwrap()).collect();
            assert_ne!(slots, (0..10).collect::<Vec<_>>());
            slots.sort_unstable();
            assert_eq!(slots, (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_epoch_has_its_own_order() {
        assert_ne!(SCHEDULE.order(0), Order { epoch: 0, ..SCHEDULE.order(1) });
        assert_eq!(SCHEDULE.order(1), SCHEDULE.order(1));
    }

    #[test]
    fn clips_of_a_video_follow_each_other() {
        let order = TOGETHER.order(0);
        let slots: Vec<u64> = (0..10).map(|clip| slot(&order, clip, 0).unwrap()).collect();
        assert!(slots.chunks(2).all(|slots| slots[0] % 2 == 0 && slots[1] == slots[0] + 1), "{slots:?}");
        assert_eq!([4, 5, 6].map(|clip| order.together(ClipNumber(clip))), [2, 1, 2]);
        assert_eq!(SCHEDULE.order(0).together(ClipNumber(4)), 1);
    }

    #[test]
    fn one_clip_a_video_has_one_order() {
        let one = Schedule { clips_per_video: 1, ..SCHEDULE };
        assert_eq!(one.order(2), Schedule { order: ClipOrder::Together, ..one }.order(2));
    }

    #[test]
    fn a_failed_slot_is_followed_by_the_next_of_the_order_wrapping_round() {
        let order = SCHEDULE.order(0);
        assert_eq!(slot(&order, 9, 1), slot(&order, 0, 0));
        assert_eq!(slot(&order, 4, 2), slot(&order, 6, 0));
        assert_eq!(slot(&order, 4, 10), None);
    }

    #[test]
    fn clips_of_a_failed_video_become_different_clips_of_others() {
        let order = TOGETHER.order(0);
        assert_eq!([8, 9].map(|clip| slot(&order, clip, 1)), [0, 1].map(|clip| slot(&order, clip, 0)));
        // Once round all videos, the other slot of the first is tried.
        assert_eq!(slot(&order, 4, 5), slot(&order, 5, 0));
        let mut tried: Vec<u64> = (0..10).map(|failures| slot(&order, 3, failures).unwrap()).collect();
        tried.sort_unstable();
        assert_eq!(tried, (0..10).collect::<Vec<_>>());
        assert_eq!(slot(&order, 3, 10), None);
    }

    #[test]
    fn a_slot_of_a_mixture_that_fails_is_followed_by_one_of_its_set() {
        let sets = [(3, 0.2), (2, 0.8)].map(|(videos, share)| SetShare { videos, share });
        for schedule in [SCHEDULE, TOGETHER] {
            let order = schedule.mixed_order(1, &sets);
            for clip in 0..10 {
                let set = |slot: u64| schedule.video_of(Slot(slot)).0 < 3;
                let own = set(slot(&order, clip, 0).unwrap());
                let slots: Vec<u64> = (0..).map_while(|failures| slot(&order, clip, failures)).collect();
                assert!(slots.len() >= 4 && slots.iter().all(|&slot| set(slot) == own), "{clip}: {slots:?}");
            }
        }
        // Clips of a video follow each other here too.
        let order = TOGETHER.mixed_order(1, &sets);
        let slots: Vec<u64> = (0..10).map(|clip| slot(&order, clip, 0).unwrap()).collect();
        assert!(slots.chunks(2).all(|slots| slots[0] % 2 == 0 && slots[1] == slots[0] + 1), "{slots:?}");
        // Set 1 has 8 of 10 clips, and 4 slots: they come again under other numbers.
        assert!(slots.iter().any(|&slot| slot >= 10), "{slots:?}");
    }

    #[test]
    fn only_whole_batches_count() {
        assert_eq!(SCHEDULE.batches(3), Ok(3));
        assert_eq!(SCHEDULE.batches(11), Err(ScheduleError::TooFewClips { clips: 10, batch: 11 }));
        assert!(SCHEDULE.batches(0).is_err());
    }

    #[test]
    fn two_slots_of_a_video_draw_different_first_frames() {
        let start = |slot| SCHEDULE.start(0, Slot(slot)).below(1 << 40);
        assert_eq!(SCHEDULE.video_of(Slot(0)), SCHEDULE.video_of(Slot(1)));
        assert_ne!(start(0), start(1));
    }
}
