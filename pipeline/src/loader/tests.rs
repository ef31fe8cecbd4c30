//! The stream over an in-memory source: order, budget, failures, cancellation, stuck threads.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use arrow_array::RecordBatch;
use schemas::{ClipBatch, ClipGeometry, quarantine::QuarantineLine};

use super::{
    channel::{self, Batches},
    stream::batches,
    *,
};
use crate::{
    FrameRank, Slot, StreamTime, VideoNumber,
    draws::Draws,
    profile::Profile,
    settings::ClipSettings,
    source::{ClipFrames, ClipReader, ClipSource, Pixels, Reach},
};

/// Videos of noise whose reading takes an uneven time; some fail or never end.
#[derive(Default)]
struct Noise {
    videos: u64,
    failing: Vec<u64>,
    stuck: Vec<u64>,
    /// Videos of which the system gives no byte, and says nothing or why.
    hanging: Vec<u64>,
    unreadable: Vec<u64>,
    bytes: u64,
    reading: AtomicI64,
    most_reading: AtomicI64,
    reads: AtomicU64,
    /// How many clips were asked for together, at most.
    most_together: AtomicU64,
}

struct NoiseSource(Arc<Noise>);
struct NoiseReader(Arc<Noise>);

impl ClipSource for NoiseSource {
    fn videos(&self) -> u64 {
        self.0.videos
    }

    fn name(&self, video: VideoNumber) -> String {
        format!("video-{}", video.0)
    }

    fn bytes(&self, _video: VideoNumber, clips: u64) -> u64 {
        self.0.bytes * clips
    }

    fn reader(&self, _profile: Arc<Profile>) -> Box<dyn ClipReader> {
        Box::new(NoiseReader(self.0.clone()))
    }
}

impl ClipReader for NoiseReader {
    fn frames_together(
        &mut self,
        video: VideoNumber,
        slots: Vec<(Slot, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>> {
        self.0.most_together.fetch_max(slots.len() as u64, Relaxed);
        slots.into_iter().map(|(slot, start)| self.noise(video, slot, start)).collect()
    }
}

impl NoiseReader {
    fn noise(&self, video: VideoNumber, slot: Slot, mut start: Draws) -> Result<ClipFrames, SourceError> {
        let (VideoNumber(video), Slot(slot)) = (video, slot);
        let reading = self.0.reading.fetch_add(1, Relaxed) + 1;
        self.0.most_reading.fetch_max(reading, Relaxed);
        self.0.reads.fetch_add(1, Relaxed);
        thread::sleep(Duration::from_millis(slot * 7 % 5));
        while self.0.stuck.contains(&video) {
            thread::park();
        }
        if self.0.hanging.contains(&video) {
            crate::heartbeat::reading(|| thread::sleep(Duration::from_secs(20)));
        }
        self.0.reading.fetch_sub(1, Relaxed);
        if self.0.unreadable.contains(&video) {
            return Err(SourceError::Broken { reason: format!("no byte of video-{video}") });
        }
        if self.0.failing.contains(&video) {
            let (verdict, reason) = ("damaged".into(), "it is noise".into());
            return Err(SourceError::Failed { verdict, reason, reach: Reach::Video });
        }
        let first = start.below(100) as u32;
        let bytes = (0..4 * 40 * 40 * 3u64).map(|at| (at * (slot + 3) % 251) as u8).collect();
        Ok(ClipFrames {
            video: format!("video-{video}").into(),
            label: None,
            ranks: (first..first + 4).map(FrameRank).collect(),
            times: vec![StreamTime(0); 4],
            pixels: Pixels::Rgb { width: 40, height: 40, bytes },
        })
    }
}

fn settings() -> ClipSettings {
    let geometry = ClipGeometry::new(4, 32, 32, 2, 16).unwrap();
    ClipSettings {
        clips_per_video: 2,
        mask_ratio: 0.75,
        repeats: 2,
        ..ClipSettings::published(geometry, 3, 11)
    }
}

fn workers(count: usize) -> Workers {
    Workers { count, budget_bytes: 1 << 20, seconds_per_clip: 1 }
}

type Lines = Arc<Mutex<Vec<QuarantineLine>>>;

fn run(noise: &Arc<Noise>, from: u64, workers: Workers) -> (Batches, Lines) {
    let lines = Lines::default();
    let (kept, profile) = (lines.clone(), Arc::new(Profile::default()));
    let on_failure = Arc::new(move |line| {
        kept.lock().unwrap().push(line);
        Ok(())
    });
    let source = Arc::new(NoiseSource(noise.clone()));
    let stream = batches(source, settings(), from, workers, on_failure, profile.clone()).unwrap();
    (channel::spawn(stream, 1 << 20, profile).unwrap(), lines)
}

fn take(noise: &Arc<Noise>, from: u64, workers: Workers, count: usize) -> Vec<RecordBatch> {
    run(noise, from, workers).0.take(count).map(|batch| batch.expect("every batch can be made")).collect()
}

fn noise() -> Noise {
    Noise { videos: 7, bytes: 1000, ..Noise::default() }
}

#[test]
fn any_number_of_workers_gives_the_same_batches() {
    let noise = Arc::new(Noise { failing: vec![2, 5], ..noise() });
    let one = take(&noise, 0, workers(1), 9);
    assert_eq!(one, take(&noise, 0, workers(2), 9));
    assert_eq!(one, take(&noise, 0, workers(5), 9));
    let clips = ClipBatch::try_from(one[0].clone()).unwrap();
    assert_eq!((clips.len(), clips.visible_tokens()), (6, 2));
}

#[test]
fn a_stream_begins_at_any_batch() {
    let noise = Arc::new(noise());
    // 14 slots, batches of 3: four an epoch, so batch 6 is the third of epoch 1.
    assert_eq!(take(&noise, 6, workers(2), 3), take(&noise, 0, workers(2), 9)[6..]);
}

#[test]
fn clips_of_a_video_are_read_together_where_the_budget_allows() {
    let (roomy, tight) = (Arc::new(noise()), Arc::new(Noise { bytes: 1 << 18, ..noise() }));
    assert_eq!(take(&roomy, 0, workers(2), 9), take(&tight, 0, workers(2), 9));
    assert_eq!((roomy.most_together.load(Relaxed), tight.most_together.load(Relaxed)), (2, 1));
}

#[test]
fn clips_of_a_failed_video_become_different_clips() {
    let noise = Arc::new(Noise { failing: vec![2, 5], ..noise() });
    // Within two epochs of 14 slots a slot may come back once; a number never does.
    for batch in take(&noise, 0, workers(2), 4) {
        let starts: &arrow_array::UInt32Array =
            batch.column_by_name("start_frame").unwrap().as_any().downcast_ref().unwrap();
        let mut of_clips: Vec<u32> = starts.values().iter().copied().step_by(2).collect();
        of_clips.sort_unstable();
        of_clips.dedup();
        assert_eq!(of_clips.len(), 3, "a slot stands twice in a batch");
    }
}

#[test]
fn a_failed_video_is_written_down_and_never_delivered() {
    let noise = Arc::new(Noise { failing: vec![4], ..noise() });
    let (batches, lines) = run(&noise, 0, workers(2));
    for batch in batches.take(8) {
        let batch = batch.unwrap();
        let names: &arrow_array::StringArray =
            batch.column_by_name("video").unwrap().as_any().downcast_ref().unwrap();
        assert!(names.iter().all(|name| name != Some("video-4")));
    }
    let lines = lines.lock().unwrap();
    assert!(
        !lines.is_empty() && lines.iter().all(|line| line.video == "video-4" && line.verdict == "damaged")
    );
}

#[test]
fn clips_larger_than_the_budget_go_one_by_one() {
    let noise = Arc::new(Noise { bytes: 1 << 40, ..noise() });
    take(&noise, 0, workers(4), 4);
    assert_eq!(noise.most_reading.load(Relaxed), 1);
}

#[test]
fn a_stuck_thread_is_left_behind_and_its_video_replaced() {
    let stuck = Arc::new(Noise { stuck: vec![3], ..noise() });
    let failing = Arc::new(Noise { failing: vec![3], ..noise() });
    let (batches, lines) = run(&stuck, 0, workers(2));
    let found: Vec<_> = batches.take(4).map(Result::unwrap).collect();
    assert_eq!(found, take(&failing, 0, workers(2), 4));
    assert!(lines.lock().unwrap().iter().all(|line| line.verdict == "time-limit"));
}

#[test]
fn more_stuck_threads_than_are_borne_end_the_stream() {
    let noise = Arc::new(Noise { stuck: (0..7).collect(), ..noise() });
    let (mut batches, _) = run(&noise, 0, workers(2));
    assert!(matches!(batches.next(), Some(Err(StreamError::TooManyStuck { stuck: 5, .. }))));
    assert!(batches.next().is_none());
}

#[test]
fn what_the_system_cannot_read_ends_the_stream_and_is_no_failure_of_the_video() {
    for noise in [
        Noise { unreadable: vec![4], ..noise() },
        Noise { hanging: vec![4], ..noise() },
        Noise { unreadable: (0..7).collect(), failing: (0..7).collect(), ..noise() },
    ] {
        let (batches, lines) = run(&Arc::new(noise), 0, workers(2));
        let end = batches.take(9).find_map(Result::err).unwrap();
        assert!(matches!(end, StreamError::Source(_)) && end.to_string().contains("video-"), "{end}");
        assert!(lines.lock().unwrap().is_empty());
    }
}

#[test]
fn a_dataset_of_which_nothing_can_be_read_ends_with_an_error() {
    let noise = Arc::new(Noise { failing: (0..7).collect(), ..noise() });
    let (mut batches, _) = run(&noise, 0, workers(2));
    assert!(matches!(batches.next(), Some(Err(StreamError::NothingLeft { slots: 14, epoch: 0 }))));
}

#[test]
fn dropping_the_batches_ends_the_reading() {
    let noise = Arc::new(noise());
    let (mut batches, _) = run(&noise, 0, workers(2));
    batches.next().unwrap().unwrap();
    drop(batches);
    let ended = || Arc::strong_count(&noise) == 1;
    let start = Instant::now();
    while !ended() && start.elapsed() < Duration::from_secs(20) {
        thread::yield_now();
    }
    assert!(ended(), "threads still hold the source");
}
