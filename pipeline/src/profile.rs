//! Where the time goes: what each stage took, summed over all threads, what was made in it, and how full
//! the queues between the stages were.
//!
//! A [`Profile`] is shared by all threads of a pipeline and only ever added to; [`Profile::figures`] reads it,
//! and the [`Figures`] of two moments differ by what happened between them. Which stage keeps the others
//! waiting is told by [`Bottleneck`].

mod bottleneck;
mod figures;

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

pub use bottleneck::{Bottleneck, Interval};
pub use figures::{Depth, Figures};

/// A stage of the pipeline, or a wait for one.
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
    /// Workers wait for clips to make: enough are in flight.
    Idle,
    /// A finished batch waits for room in the channel: the consumer is slower.
    Full,
}

impl Stage {
    /// All stages in the order of the data, then the waits.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Decode,
        Self::Transform,
        Self::Cubes,
        Self::Batch,
        Self::Wait,
        Self::Idle,
        Self::Full,
    ];

    /// Those that run on the workers' threads.
    pub const OF_WORKERS: [Self; 4] = [Self::Read, Self::Decode, Self::Transform, Self::Cubes];

    /// A word for tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decode => "decode",
            Self::Transform => "transform",
            Self::Cubes => "cubes",
            Self::Batch => "batch",
            Self::Wait => "wait",
            Self::Idle => "idle",
            Self::Full => "full",
        }
    }
}

/// What the pipeline has done since it was made; shared by all its threads.
///
/// Counters are read singly, so relaxed atomics suffice.
#[derive(Debug, Default)]
pub struct Profile {
    stages: [Clocks; Stage::ALL.len()],
    clips: AtomicU64,
    frames: AtomicU64,
    repeated: AtomicU64,
    bytes_read: AtomicU64,
    sent: AtomicU64,
    left_out: AtomicU64,
    decoded: AtomicU64,
    kept: AtomicU64,
    in_flight: Samples,
    ready: Samples,
    out_of_budget: AtomicU64,
}

/// Nanoseconds of a stage.
#[derive(Debug, Default)]
struct Clocks {
    wall: AtomicU64,
    cpu: AtomicU64,
}

/// Depths of a queue, each seen when something was taken out of it.
#[derive(Debug, Default)]
struct Samples {
    sum: AtomicU64,
    count: AtomicU64,
}

impl Samples {
    fn add(&self, depth: usize) {
        self.sum.fetch_add(depth as u64, Relaxed);
        self.count.fetch_add(1, Relaxed);
    }

    fn read(&self) -> Depth {
        Depth { sum: self.sum.load(Relaxed), count: self.count.load(Relaxed) }
    }
}

/// What a decode took and gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Packets that were sent to a decoder.
    pub sent: u64,
    /// Packets between the first and the last one sent that were left out.
    pub left_out: u64,
    /// Pictures that came out, wanted or not.
    pub frames: u64,
    /// Pictures that were wanted.
    pub kept: u64,
}

impl Profile {
    /// Runs `work` and adds its time to `stage`.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let mut lap = self.start();
        let done = work();
        lap.end(stage);
        done
    }

    /// Starts a clock for stages that take turns on this thread.
    pub fn start(&self) -> Lap<'_> {
        Lap { profile: self, wall: Instant::now(), cpu: thread_cpu() }
    }

    /// Adds time in which a thread only waited.
    pub fn add_wait(&self, stage: Stage, time: Duration) {
        self.stages[stage as usize].wall.fetch_add(nanoseconds(time), Relaxed);
    }

    /// Counts a clip of `frames` frames, `repeated` of which repeat the one before them.
    pub fn count_clip(&self, frames: usize, repeated: usize) {
        self.clips.fetch_add(1, Relaxed);
        self.frames.fetch_add(frames as u64, Relaxed);
        self.repeated.fetch_add(repeated as u64, Relaxed);
    }

    /// Counts bytes that were read from files or shards.
    pub fn count_read(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Relaxed);
    }

    /// Counts what a decode took and gave.
    pub fn count_decoded(&self, decoded: Decoded) {
        self.sent.fetch_add(decoded.sent, Relaxed);
        self.left_out.fetch_add(decoded.left_out, Relaxed);
        self.decoded.fetch_add(decoded.frames, Relaxed);
        self.kept.fetch_add(decoded.kept, Relaxed);
    }

    /// Notes how many jobs are in flight, as one of them is awaited.
    pub fn see_in_flight(&self, jobs: usize) {
        self.in_flight.add(jobs);
    }

    /// Notes how many batches lie ready, as the consumer asks for one.
    pub fn see_ready(&self, batches: usize) {
        self.ready.add(batches);
    }

    /// Counts a clip that was held back because all bytes of the budget are in flight.
    pub fn count_out_of_budget(&self) {
        self.out_of_budget.fetch_add(1, Relaxed);
    }

    /// Everything so far.
    pub fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Figures {
            wall: self.stages.each_ref().map(|clocks| Duration::from_nanos(read(&clocks.wall))),
            cpu: self.stages.each_ref().map(|clocks| Duration::from_nanos(read(&clocks.cpu))),
            clips: read(&self.clips),
            frames: read(&self.frames),
            repeated: read(&self.repeated),
            bytes_read: read(&self.bytes_read),
            decoded: Decoded {
                sent: read(&self.sent),
                left_out: read(&self.left_out),
                frames: read(&self.decoded),
                kept: read(&self.kept),
            },
            in_flight: self.in_flight.read(),
            ready: self.ready.read(),
            out_of_budget: read(&self.out_of_budget),
        }
    }
}

/// A thread's clocks since the last stage ended.
#[derive(Debug)]
pub struct Lap<'a> {
    profile: &'a Profile,
    wall: Instant,
    cpu: Duration,
}

impl Lap<'_> {
    /// Adds the time since the start, or since the stage before ended, to `stage`.
    pub fn end(&mut self, stage: Stage) {
        let (wall, cpu) = (Instant::now(), thread_cpu());
        let clocks = &self.profile.stages[stage as usize];
        clocks.wall.fetch_add(nanoseconds(wall - self.wall), Relaxed);
        clocks.cpu.fetch_add(nanoseconds(cpu.saturating_sub(self.cpu)), Relaxed);
        (self.wall, self.cpu) = (wall, cpu);
    }
}

thread_local! {
    /// Processor time that other processes took for this thread.
    static ELSEWHERE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Processor time that other processes took for this one, in nanoseconds.
static ALL_ELSEWHERE: AtomicU64 = AtomicU64::new(0);

/// Counts processor time that another process took for the calling thread.
#[cfg(all(feature = "video", target_os = "linux"))]
pub(crate) fn count_cpu_elsewhere(nanoseconds: u64) {
    ALL_ELSEWHERE.fetch_add(nanoseconds, Relaxed);
    ELSEWHERE.set(ELSEWHERE.get().saturating_add(Duration::from_nanos(nanoseconds)));
}

/// Processor time that decoding processes took for this one so far.
pub fn cpu_elsewhere() -> Duration {
    Duration::from_nanos(ALL_ELSEWHERE.load(Relaxed))
}

/// Processor time of the calling thread, and of the processes that decode for it.
fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanoseconds.unwrap_or(0)).saturating_add(ELSEWHERE.get())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_sleeps_takes_wall_time_but_no_processor_time() {
        let profile = Profile::default();
        profile.time(Stage::Read, || std::thread::sleep(Duration::from_millis(30)));
        let figures = profile.figures();
        assert!(figures.wall(Stage::Read) >= Duration::from_millis(30), "{figures:?}");
        assert!(figures.cpu(Stage::Read) < Duration::from_millis(15), "{figures:?}");
        assert_eq!(figures.wall(Stage::Decode), Duration::ZERO);
    }

    #[test]
    fn stages_that_take_turns_share_the_time_between_them() {
        let profile = Profile::default();
        let mut lap = profile.start();
        std::thread::sleep(Duration::from_millis(5));
        lap.end(Stage::Transform);
        lap.end(Stage::Cubes);
        let figures = profile.figures();
        assert!(figures.wall(Stage::Transform) >= Duration::from_millis(5));
        assert!(figures.wall(Stage::Cubes) < Duration::from_millis(5));
    }

    #[test]
    fn the_share_of_repeated_frames_is_over_all_clips() {
        let profile = Profile::default();
        assert_eq!(profile.figures().repeated_share(), 0.0);
        profile.count_clip(16, 8);
        profile.count_clip(16, 0);
        let figures = profile.figures();
        assert_eq!((figures.clips, figures.repeated_share()), (2, 0.25));
    }
}
