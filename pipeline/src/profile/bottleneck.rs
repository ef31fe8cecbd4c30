//! Which stage keeps the others waiting.
//!
//! Three kinds of threads pass clips on: the workers, the one thread that puts batches together, and the
//! consumer. If the consumer hardly waits, it binds. If it waits although the workers are idle for much of
//! the time, the budget of bytes holds clips back, or the thread between them is slow. Else the workers
//! bind, by the stage that takes most of their time; reading is two of them, the wait for bytes and the
//! taking apart.

use std::time::Duration;

use super::{Figures, Stage};

/// Share of its time that a consumer may wait while it still counts as the slower side.
const HARDLY_WAITS: f64 = 0.02;

/// Share of their time that workers are idle when the thread behind them binds.
const MUCH_IDLE: f64 = 0.3;

/// What keeps the others waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bottleneck {
    /// Whoever takes the batches: loading is fast enough.
    Consumer,
    /// Packets to pictures.
    Decoder,
    /// Crop, resize and colour.
    Transform,
    /// Masks and cubes.
    Cubes,
    /// Waiting for bytes of files or shards.
    Disk,
    /// Taking files or rows apart.
    Demuxer,
    /// The budget of bytes in flight.
    Budget,
    /// The one thread that puts batches together, in order.
    Batches,
}

/// What was measured in a time.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    /// What happened.
    pub figures: Figures,
    /// How long it was.
    pub elapsed: Duration,
    /// Threads that make clips.
    pub workers: usize,
}

impl Bottleneck {
    /// A word for tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Decoder => "decoder",
            Self::Transform => "transform",
            Self::Cubes => "cubes",
            Self::Disk => "disk",
            Self::Demuxer => "demuxer",
            Self::Budget => "budget",
            Self::Batches => "batches",
        }
    }
}

impl Interval {
    /// Share of the time, 0 to 1, that the consumer waited for batches.
    pub fn waiting_share(&self) -> f64 {
        share(self.figures.wall(Stage::Wait), self.elapsed.as_secs_f64())
    }

    /// Share of the workers' time, 0 to 1, that they had nothing to do.
    pub fn idle_share(&self) -> f64 {
        share(self.figures.wall(Stage::Idle), self.worker_seconds())
    }

    /// Share of the workers' time, 0 to 1, that a stage took.
    pub fn share_of_workers(&self, bottleneck: Bottleneck) -> f64 {
        share(self.taken_by(bottleneck), self.worker_seconds())
    }

    /// What keeps the others waiting.
    pub fn bottleneck(&self) -> Bottleneck {
        if self.waiting_share() < HARDLY_WAITS {
            return Bottleneck::Consumer;
        }
        if self.idle_share() > MUCH_IDLE {
            let held_back = self.figures.out_of_budget * 2 > self.figures.in_flight.count;
            return if held_back { Bottleneck::Budget } else { Bottleneck::Batches };
        }
        let of_workers = [
            Bottleneck::Decoder,
            Bottleneck::Transform,
            Bottleneck::Cubes,
            Bottleneck::Disk,
            Bottleneck::Demuxer,
        ];
        let most = of_workers.into_iter().max_by_key(|&bottleneck| self.taken_by(bottleneck));
        most.expect("because there are stages")
    }

    fn worker_seconds(&self) -> f64 {
        self.elapsed.as_secs_f64() * self.workers.max(1) as f64
    }

    fn taken_by(&self, bottleneck: Bottleneck) -> Duration {
        let figures = &self.figures;
        match bottleneck {
            Bottleneck::Consumer => figures.wall(Stage::Wait),
            Bottleneck::Decoder => figures.wall(Stage::Decode),
            Bottleneck::Transform => figures.wall(Stage::Transform),
            Bottleneck::Cubes => figures.wall(Stage::Cubes),
            Bottleneck::Disk => figures.waited_for_disk(),
            Bottleneck::Demuxer => figures.wall(Stage::Read).saturating_sub(figures.waited_for_disk()),
            Bottleneck::Budget => figures.wall(Stage::Idle),
            Bottleneck::Batches => figures.wall(Stage::Batch),
        }
    }
}

fn share(time: Duration, of_seconds: f64) -> f64 {
    if of_seconds > 0.0 { (time.as_secs_f64() / of_seconds).min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use crate::profile::bottleneck::*;

    /// Ten seconds of two workers; milliseconds of wall and processor time by stage.
    fn interval(stages: &[(Stage, u64, u64)]) -> Interval {
        let mut figures = Figures::default();
        for &(stage, wall, cpu) in stages {
            figures.wall[stage as usize] = Duration::from_millis(wall);
            figures.cpu[stage as usize] = Duration::from_millis(cpu);
        }
        Interval { figures, elapsed: Duration::from_secs(10), workers: 2 }
    }

    #[test]
    fn a_consumer_that_hardly_waits_binds_whatever_the_workers_do() {
        let slow = [(Stage::Wait, 100, 0), (Stage::Decode, 19_000, 19_000)];
        assert_eq!(interval(&slow).bottleneck(), Bottleneck::Consumer);
    }

    #[test]
    fn the_stage_that_takes_most_of_the_workers_time_binds() {
        let waits = (Stage::Wait, 9_000, 0);
        let decoding = [waits, (Stage::Decode, 16_000, 16_000), (Stage::Transform, 3_000, 3_000)];
        let large = interval(&decoding);
        assert_eq!(
            (large.bottleneck(), large.share_of_workers(Bottleneck::Decoder)),
            (Bottleneck::Decoder, 0.8)
        );
        let resizing = [waits, (Stage::Decode, 4_000, 4_000), (Stage::Transform, 12_000, 12_000)];
        assert_eq!(interval(&resizing).bottleneck(), Bottleneck::Transform);
    }

    #[test]
    fn reading_is_the_disks_where_it_waits_and_the_demuxers_where_it_computes() {
        let waits = (Stage::Wait, 9_000, 0);
        let slow_disk = [waits, (Stage::Read, 15_000, 1_000), (Stage::Decode, 4_000, 4_000)];
        assert_eq!(interval(&slow_disk).bottleneck(), Bottleneck::Disk);
        let many_boxes = [waits, (Stage::Read, 15_000, 15_000), (Stage::Decode, 4_000, 4_000)];
        assert_eq!(interval(&many_boxes).bottleneck(), Bottleneck::Demuxer);
    }

    #[test]
    fn idle_workers_beside_a_waiting_consumer_wait_for_bytes_or_for_the_thread_between_them() {
        let both_wait = [(Stage::Wait, 6_000, 0), (Stage::Idle, 9_000, 0), (Stage::Decode, 11_000, 11_000)];
        let mut interval = interval(&both_wait);
        assert_eq!(interval.bottleneck(), Bottleneck::Batches);
        interval.figures.in_flight.count = 100;
        interval.figures.out_of_budget = 60;
        assert_eq!(interval.bottleneck(), Bottleneck::Budget);
    }
}
