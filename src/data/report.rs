//! What loading took, in words: the sentence that names the stage that binds, and the loader's part of a line of
//! metrics.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pipeline::profile::{Bottleneck, Figures, Interval, Profile, Stage};
use schemas::metrics::LoaderLine;

/// Looks at a loader from time to time.
pub struct Watch {
    profile: Arc<Profile>,
    workers: usize,
    before: Figures,
    since: Instant,
}

impl Watch {
    /// Begins to look.
    pub fn begin(profile: &Arc<Profile>, workers: usize) -> Self {
        let workers = workers.max(1);
        Self { profile: Arc::clone(profile), workers, before: profile.figures(), since: Instant::now() }
    }

    /// What happened since it began.
    pub fn interval(&self) -> Interval {
        let figures = self.profile.figures().since(&self.before);
        Interval { figures, elapsed: self.since.elapsed(), workers: self.workers }
    }

    /// Begins again.
    pub fn next(&mut self) {
        *self = Self::begin(&self.profile, self.workers);
    }
}

/// What is waited for, where a consumer does; nothing where it hardly waits.
pub fn waited_for(interval: &Interval) -> Option<&'static str> {
    match interval.bottleneck() {
        Bottleneck::Consumer => None,
        Bottleneck::Decoder => Some("the decoder"),
        Bottleneck::Transform => Some("crop and resize"),
        Bottleneck::Cubes => Some("masks and cubes"),
        Bottleneck::Disk => Some("the disk"),
        Bottleneck::Demuxer => Some("the demuxer"),
        Bottleneck::Budget => Some("bytes in flight"),
        Bottleneck::Batches => Some("the order of clips"),
    }
}

/// Which stage binds, and what to do about it.
pub fn sentence(interval: &Interval) -> String {
    let binding = interval.bottleneck();
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let taken = percent(interval.share_of_workers(binding));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let more = match interval.workers < processors {
        true => format!("`--workers {processors}` uses all processors of this machine; "),
        false => String::new(),
    };
    let idle = percent(interval.idle_share());
    match binding {
        Bottleneck::Consumer => format!(
            "Loading is fast enough: batches are waited for {} of the time, and the workers are idle for {idle}.",
            percent(interval.waiting_share())
        ),
        Bottleneck::Decoder => format!(
            "Decoding is the limit, with {taken} of the workers' time: {more}clips of `tubelet preprocess --store transcode` \
             take a third of it, clips of `tubelet preprocess --store frames` none."
        ),
        Bottleneck::Transform => format!(
            "Crop, resize and colour are the limit, with {taken} of the workers' time: {more}shards of smaller frames \
             (`tubelet preprocess --short-side 256`) take less of it."
        ),
        Bottleneck::Cubes => format!(
            "Masks and cubes are the limit, with {taken} of the workers' time: {more}a smaller `clip.size` takes less."
        ),
        Bottleneck::Disk => format!(
            "The disk is the limit: workers wait for bytes {taken} of their time. A faster disk, or `tubelet preprocess \
             --store packets` (few large files, and only the packets that are needed), helps."
        ),
        Bottleneck::Demuxer => format!(
            "Demuxing is the limit, with {taken} of the workers' time: {more}`tubelet preprocess --store \
             packets` does it once for all epochs."
        ),
        Bottleneck::Budget => format!(
            "The memory for clips in flight is the limit (run.loading_mib): workers are idle for {idle} of their time. Fewer workers, or \
             smaller videos (`tubelet preprocess --store transcode`), help."
        ),
        Bottleneck::Batches => format!(
            "The order of clips is the limit: workers are idle for {idle} of their time, because one thread puts \
             batches together and waits for the clip that is next."
        ),
    }
}

/// The loader's part of a line of metrics.
pub fn line(interval: &Interval) -> LoaderLine {
    let figures = &interval.figures;
    let seconds = |of: &dyn Fn(Stage) -> Duration, stages: &[Stage]| {
        stages.iter().map(|&stage| (stage.name().to_owned(), of(stage).as_secs_f64())).collect()
    };
    let computing: Vec<_> = Stage::OF_WORKERS.into_iter().chain([Stage::Batch]).collect();
    LoaderLine {
        binding: interval.bottleneck().name().to_owned(),
        clips: figures.clips,
        bytes_read: figures.bytes_read,
        packets_sent: figures.decoded.sent,
        packets_left_out: figures.decoded.left_out,
        pictures_decoded: figures.decoded.frames,
        pictures_kept: figures.decoded.kept,
        seconds: seconds(&|stage| figures.wall(stage), &Stage::ALL),
        cpu_seconds: seconds(&|stage| figures.cpu(stage), &computing),
        jobs_in_flight: figures.in_flight.mean(),
        batches_ready: figures.ready.mean(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loader whose workers read for so long, before the consumer asks for a batch that is not there.
    fn reading(patience: Duration) -> Interval {
        let profile = Arc::new(Profile::default());
        let watch = Watch::begin(&profile, 1);
        profile.time(Stage::Read, || std::thread::sleep(patience));
        profile.add_wait(Stage::Wait, patience);
        profile.count_clip(16, 0);
        profile.see_ready(0);
        watch.interval()
    }

    #[test]
    fn a_slow_disk_is_named_in_the_sentence_the_progress_line_and_the_metrics() {
        let interval = reading(Duration::from_millis(20));
        assert_eq!(waited_for(&interval), Some("the disk"));
        assert!(sentence(&interval).starts_with("The disk is the limit"), "{}", sentence(&interval));
        let line = line(&interval);
        assert_eq!((line.binding.as_str(), line.clips), ("disk", 1));
        assert!(line.seconds["read"] >= 0.02 && line.cpu_seconds["read"] < 0.02, "{line:?}");
        assert!(!line.cpu_seconds.contains_key("wait"));
    }
}
