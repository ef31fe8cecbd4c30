//! The counters of a profile as plain numbers: those of a moment, or of the time between two.

use std::time::Duration;

use super::{Decoded, Stage};

/// What the pipeline did, up to a moment or between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub(super) wall: [Duration; Stage::ALL.len()],
    pub(super) cpu: [Duration; Stage::ALL.len()],
    /// Clips made.
    pub clips: u64,
    /// Frames of these clips.
    pub frames: u64,
    /// Of these, frames that repeat the one before them because the video was too short.
    pub repeated: u64,
    /// Bytes read from files or shards.
    pub bytes_read: u64,
    /// Packets and pictures of all decodes.
    pub decoded: Decoded,
    /// Jobs in flight, each time that one was awaited.
    pub in_flight: Depth,
    /// Batches that lay ready, each time that the consumer asked for one.
    pub ready: Depth,
    /// Clips that were held back because all bytes of the budget were in flight.
    pub out_of_budget: u64,
}

/// How deep a queue was on the average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    pub(super) sum: u64,
    pub(super) count: u64,
}

impl Depth {
    /// The mean; 0 where it was never looked at.
    pub fn mean(self) -> f64 {
        self.sum as f64 / self.count.max(1) as f64
    }
}

impl Figures {
    /// What happened since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        let times = |now: &[Duration; Stage::ALL.len()], then: &[Duration; Stage::ALL.len()]| {
            std::array::from_fn(|at| now[at].saturating_sub(then[at]))
        };
        let depth =
            |now: Depth, then: Depth| Depth { sum: now.sum - then.sum, count: now.count - then.count };
        let (now, then) = (&self.decoded, &earlier.decoded);
        Self {
            wall: times(&self.wall, &earlier.wall),
            cpu: times(&self.cpu, &earlier.cpu),
            clips: self.clips - earlier.clips,
            frames: self.frames - earlier.frames,
            repeated: self.repeated - earlier.repeated,
            bytes_read: self.bytes_read - earlier.bytes_read,
            decoded: Decoded {
                sent: now.sent - then.sent,
                left_out: now.left_out - then.left_out,
                frames: now.frames - then.frames,
                kept: now.kept - then.kept,
            },
            in_flight: depth(self.in_flight, earlier.in_flight),
            ready: depth(self.ready, earlier.ready),
            out_of_budget: self.out_of_budget - earlier.out_of_budget,
        }
    }

    /// Time that passed in a stage, all threads together.
    pub fn wall(&self, stage: Stage) -> Duration {
        self.wall[stage as usize]
    }

    /// Processor time of a stage, all threads together.
    pub fn cpu(&self, stage: Stage) -> Duration {
        self.cpu[stage as usize]
    }

    /// Share of frames, 0 to 1, that repeat the frame before them.
    pub fn repeated_share(&self) -> f64 {
        self.repeated as f64 / self.frames.max(1) as f64
    }

    /// Time in which reading waited for bytes: what its wall time has beyond its processor time, less what
    /// threads that read nothing lost to others on the same processors.
    pub fn waited_for_disk(&self) -> Duration {
        let busy = [Stage::Decode, Stage::Transform, Stage::Cubes];
        let sum = |of: &dyn Fn(Stage) -> Duration| busy.iter().map(|&stage| of(stage).as_secs_f64()).sum();
        let (wall, cpu): (f64, f64) = (sum(&|stage| self.wall(stage)), sum(&|stage| self.cpu(stage)));
        let crowding = if cpu > 0.0 { (wall / cpu).max(1.0) } else { 1.0 };
        self.wall(Stage::Read).saturating_sub(self.cpu(Stage::Read).mul_f64(crowding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_an_interval_are_the_difference_of_its_ends() {
        let mut before = Figures { clips: 3, in_flight: Depth { sum: 9, count: 3 }, ..Figures::default() };
        before.wall[Stage::Decode as usize] = Duration::from_secs(1);
        let mut after = Figures { clips: 5, in_flight: Depth { sum: 21, count: 5 }, ..Figures::default() };
        after.wall[Stage::Decode as usize] = Duration::from_secs(4);
        let between = after.since(&before);
        assert_eq!((between.clips, between.in_flight.mean()), (2, 6.0));
        assert_eq!(between.wall(Stage::Decode), Duration::from_secs(3));
    }

    #[test]
    fn only_what_reading_waits_longer_than_others_is_the_disks() {
        let mut figures = Figures::default();
        let mut set = |stage: Stage, wall, cpu| {
            figures.wall[stage as usize] = Duration::from_secs(wall);
            figures.cpu[stage as usize] = Duration::from_secs(cpu);
        };
        // Decoding gets half of a processor, so of reading's 10 s only 6 are not explained.
        set(Stage::Decode, 8, 4);
        set(Stage::Read, 10, 2);
        assert_eq!(figures.waited_for_disk(), Duration::from_secs(6));
    }
}
