//! Measures where the time of a training goes: clips per second, the share of waiting for data, that of summing with other
//! processes, the share of frames that were computed although they repeat another, and the sets of a mixture.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use schemas::metrics::MetricsLine;

use super::set_losses::{SetLosses, SetTotals};

/// Times of a training since its process began, and since its last line of metrics.
pub(crate) struct Stopwatch {
    began: Instant,
    last_line: Instant,
    waited: Duration,
    /// None in a process that is alone.
    summed: Option<Duration>,
    clips: usize,
    frames: usize,
    repeated: usize,
    stood: Duration,
    sets: SetTotals,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        let (waited, stood) = (Duration::ZERO, Duration::ZERO);
        let (clips, frames, repeated, sets) = Default::default();
        Self { began: now, last_line: now, waited, summed: None, clips, frames, repeated, stood, sets }
    }

    /// Counts the time that `wait` takes as time spent waiting.
    pub(crate) fn waiting<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = wait();
        self.waited += start.elapsed();
        result
    }

    /// Does not count the time that `look` takes, since nothing is trained meanwhile.
    pub(crate) fn standing<T>(&mut self, look: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = look();
        self.stood += start.elapsed();
        result
    }

    /// Counts the time that `sum` takes as time spent waiting for other processes and summing with them.
    pub(crate) fn summing<T>(&mut self, sum: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = sum();
        *self.summed.get_or_insert_default() += start.elapsed();
        result
    }

    /// Counts the frames of clips, and those of them that repeat the frame before them.
    pub(crate) fn frames(&mut self, frames: usize, repeated: usize) {
        self.frames += frames;
        self.repeated += repeated;
    }

    /// Counts what the sets of a mixture had of a step.
    pub(crate) fn sets(&mut self, of_step: Option<&SetLosses>) {
        if let Some(of_step) = of_step {
            self.sets.add(of_step);
        }
    }

    /// Counts a step of `clips` clips; gives the times since the last line, the rest of it filled by
    /// `fill`.
    pub(crate) fn line(
        &mut self,
        clips: usize,
        fill: impl FnOnce(MetricsLine) -> MetricsLine,
    ) -> MetricsLine {
        self.clips += clips;
        let moving = self.last_line.elapsed().saturating_sub(self.stood);
        let seconds = moving.as_secs_f64().max(f64::MIN_POSITIVE);
        fill(MetricsLine {
            step: 0,
            epoch: 0,
            loss: 0.0,
            lr: 0.0,
            gradient_norm: 0.0,
            clips_per_second: self.clips as f64 / seconds,
            waiting_share: (self.waited.as_secs_f64() / seconds).min(1.0),
            summing_share: self.summed.map(|summed| (summed.as_secs_f64() / seconds).min(1.0)),
            repeated_frame_share: self.repeated as f64 / self.frames.max(1) as f64,
            seconds: self.began.elapsed().as_secs_f64(),
            time: SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|time| time.as_secs_f64()),
            loader: None,
            sets: self.sets.line(),
            probe: None,
        })
    }

    /// Begins to count for the next line.
    pub(crate) fn next_line(&mut self) {
        *self = Self { began: self.began, ..Self::start() };
    }
}
