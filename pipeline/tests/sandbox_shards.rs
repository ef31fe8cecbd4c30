//! Packets of shards, decoded in processes of their own: the same clips, whoever crashes or is killed.
#![cfg(all(feature = "video", target_os = "linux"))]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use arrow_array::RecordBatch;
use pipeline::{
    VideoNumber,
    dataset::{Dataset, VideoList},
    loader::{Workers, channel, stream},
    preprocess::{self, Making, fill},
    profile::Profile,
    quarantine::Quarantine,
    sampling::pretraining::Pace,
    sandbox::serve,
    settings::ClipSettings,
    shard::PacketShards,
    source::{ClipFrames, ClipSource, Reach, SourceError, packet_shards::PacketVideos},
    video::Limits,
    video_entry::VideoEntry,
};
use schemas::{ClipGeometry, MADE_BY, packet_shard::PacketShardFacts};

use crate::processes::{Ends, Watched, children_of, kill_children, kills, pieces_of_memory, start_children};

#[path = "shared/processes.rs"]
mod processes;

/// The process that decodes: this test, run alone by its parents.
#[test]
#[ignore = "it serves a parent"]
fn child() {
    serve::serve_with(&|film| {
        if film.file_stem().is_some_and(|name| name == "abort") {
            std::process::abort();
        }
    });
}

fn limits(sandbox: bool) -> Limits {
    Limits { sandbox, ..Limits::default() }
}

/// The project's films, and one of them again under a name on which a child ends.
fn films(folder: &Path) -> Vec<VideoEntry> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let mut films: Vec<PathBuf> =
        std::fs::read_dir(samples).unwrap().map(|film| film.unwrap().path()).collect();
    films.retain(|film| film.extension().is_some_and(|end| end == "mp4" || end == "webm"));
    films.sort();
    let crashes = folder.join("abort.mp4");
    std::fs::copy(&films[0], &crashes).unwrap();
    films.insert(1, crashes);
    films.into_iter().map(|path| VideoEntry::whole(path, Some(3))).collect()
}

/// Shards of their packets, written by threads.
fn shards(folder: &Path, films: &[VideoEntry]) -> PacketShards {
    let videos = || VideoList::new(films.to_vec());
    let facts = PacketShardFacts {
        videos: films.len() as u64,
        videos_per_shard: 4,
        transcode: None,
        parts: false,
        source: Dataset::of_videos(films.to_vec()).digest(),
        made_by: MADE_BY.into(),
    };
    let making = Making {
        slice: None,
        workers: 2,
        patience: Duration::from_secs(60),
        name: &|number| format!("video {number}"),
        maker: preprocess::packets(videos(), facts.clone(), limits(false)),
    };
    let quarantine = Quarantine::open(None, facts.videos, 1.0).unwrap();
    fill(folder, &facts, &making, &quarantine, &AtomicBool::new(false), |_| {}).unwrap();
    PacketShards::open(folder).unwrap()
}

fn settings() -> ClipSettings {
    let geometry = ClipGeometry::new(16, 112, 112, 2, 16).unwrap();
    let settings = ClipSettings::published(geometry, 2, 17);
    ClipSettings { pace: Pace::Stride(2), clips_per_video: 3, ..settings }
}

fn source(shards: &PacketShards, sandbox: bool) -> PacketVideos {
    PacketVideos::new(shards.clone(), settings().sampling(), limits(sandbox))
}

#[test]
fn clips_are_those_of_threads_and_a_video_that_ends_its_decoder_gets_a_verdict() {
    start_children();
    let folder = tempfile::tempdir().unwrap();
    let films = films(folder.path());
    let shards = shards(&folder.path().join("shards"), &films);
    let schedule = settings().schedule(films.len() as u64);
    let mut readers = [false, true].map(|sandbox| source(&shards, sandbox).reader(Arc::default()));
    for video in (0..films.len() as u64).map(VideoNumber) {
        let slots = (0..3).map(|clip| video.slot(3, clip));
        let slots: Vec<_> = slots.map(|slot| (slot, schedule.start(5, slot))).collect();
        let [here, there] = readers.each_mut().map(|reader| reader.frames_together(video, slots.clone()));
        let alone: Vec<_> =
            slots.into_iter().map(|(slot, start)| readers[1].frames(video, slot, start)).collect();
        if video == VideoNumber(1) {
            assert!(here.iter().all(Result::is_ok));
            let crashed = |clip: &Result<ClipFrames, SourceError>| match clip {
                Err(SourceError::Failed { verdict, reach, .. }) => {
                    verdict == "decoder-crashed" && *reach == Reach::Video
                }
                _ => false,
            };
            assert!(there.iter().chain(&alone).all(crashed));
            continue;
        }
        assert!(here.iter().all(Result::is_ok));
        assert!(here == there, "{video:?}, in one pass");
        assert!(here == alone, "{video:?}, one by one");
    }
}

fn batches(source: PacketVideos, count: usize, taken: impl Fn()) -> Vec<RecordBatch> {
    let workers = Workers { count: 2, budget_bytes: 256 << 20, seconds_per_clip: 60 };
    let profile = Arc::new(Profile::default());
    let any = Arc::new(|_| Ok(()));
    let stream =
        stream::batches(Arc::new(source), settings(), 0, workers, any, Arc::clone(&profile)).unwrap();
    let batches = channel::spawn(stream, 16 << 20, profile).unwrap().take(count);
    batches.inspect(|_| taken()).map(Result::unwrap).collect()
}

#[test]
fn killed_children_cost_no_clip() {
    start_children();
    let folder = tempfile::tempdir().unwrap();
    let mut films = films(folder.path());
    films.remove(1);
    let shards = shards(&folder.path().join("shards"), &films);
    let epoch = settings().batches_per_epoch(films.len() as u64).unwrap() as usize;
    let expected = batches(source(&shards, false), epoch, || ());

    let watched = Watched::default();
    thread::scope(|scope| {
        let _ends = Ends(&watched);
        scope.spawn(|| kill_children(&watched));
        while watched.killed.load(Relaxed) < kills() {
            let taken = || {
                watched.answered.fetch_add(1, Relaxed);
            };
            assert!(batches(source(&shards, true), epoch, taken) == expected, "other batches");
        }
    });
    println!("{} kills, all batches alike", watched.killed.load(Relaxed));
    // Threads of a stream that was dropped finish the clip in hand.
    let left = || (children_of(std::process::id()).len(), pieces_of_memory());
    let since = Instant::now();
    while left() != (0, 0) {
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "children and pieces of memory are left: {:?}",
            left()
        );
        thread::sleep(Duration::from_millis(20));
    }
}
