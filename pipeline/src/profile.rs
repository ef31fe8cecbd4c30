//! Where the time goes: nanoseconds by stage, summed over all workers, and what was made in them.
//!
//! Counters are only ever added to and read singly, so relaxed atomics suffice.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading a file or a shard row and taking it apart into packets.
    Read,
    /// Packets to pictures.
    Decode,
    /// Pictures to the clip's pixels.
    Transform,
    /// Masks and cubes.
    Cubes,
    /// Clips into a record batch.
    Batch,
    /// The consumer's thread waits for a batch.
    Wait,
}

impl Stage {
    /// All stages in the order of the data.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Decode, Self::Transform, Self::Cubes, Self::Batch, Self::Wait];

    /// A word for tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decode => "decode",
            Self::Transform => "transform",
            Self::Cubes => "cubes",
            Self::Batch => "batch",
            Self::Wait => "wait",
        }
    }
}

/// What the pipeline has done since it was made; shared by all its threads.
#[derive(Debug, Default)]
pub struct Profile {
    nanoseconds: [AtomicU64; Stage::ALL.len()],
    clips: AtomicU64,
    frames: AtomicU64,
    repeated: AtomicU64,
    decoded: AtomicU64,
}

impl Profile {
    /// Runs `work` and adds its time to `stage`.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.add(stage, start.elapsed());
        done
    }

    /// Adds time to a stage.
    pub fn add(&self, stage: Stage, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds[stage as usize].fetch_add(nanoseconds, Relaxed);
    }

    /// Counts a clip of `frames` frames, `repeated` of which repeat the one before them.
    pub fn count_clip(&self, frames: usize, repeated: usize) {
        self.clips.fetch_add(1, Relaxed);
        self.frames.fetch_add(frames as u64, Relaxed);
        self.repeated.fetch_add(repeated as u64, Relaxed);
    }

    /// Counts pictures that came out of a decoder, wanted or not.
    pub fn count_decoded(&self, pictures: u64) {
        self.decoded.fetch_add(pictures, Relaxed);
    }

    /// Pictures that came out of decoders.
    pub fn decoded_frames(&self) -> u64 {
        self.decoded.load(Relaxed)
    }

    /// Time spent in a stage, all threads together.
    pub fn spent(&self, stage: Stage) -> Duration {
        Duration::from_nanos(self.nanoseconds[stage as usize].load(Relaxed))
    }

    /// Clips made.
    pub fn clips(&self) -> u64 {
        self.clips.load(Relaxed)
    }

    /// Share of frames, 0 to 1, that repeat the frame before them because the video was too short.
    pub fn repeated_share(&self) -> f64 {
        self.repeated.load(Relaxed) as f64 / self.frames.load(Relaxed).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_add_up_by_stage() {
        let profile = Profile::default();
        profile.add(Stage::Decode, Duration::from_millis(3));
        profile.add(Stage::Decode, Duration::from_millis(4));
        assert_eq!(profile.spent(Stage::Decode), Duration::from_millis(7));
        assert_eq!(profile.spent(Stage::Wait), Duration::ZERO);
    }

    #[test]
    fn the_share_of_repeated_frames_is_over_all_clips() {
        let profile = Profile::default();
        assert_eq!(profile.repeated_share(), 0.0);
        profile.count_clip(16, 8);
        profile.count_clip(16, 0);
        assert_eq!((profile.clips(), profile.repeated_share()), (2, 0.25));
    }
}
