//! Batches of real films: the same whatever reads them, wherever they begin, from files or from shards.

// Each test file uses another part of it.
#[allow(dead_code)]
mod shared;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use arrow_array::RecordBatch;
use pipeline::{
    StreamTime, VideoNumber,
    dataset::{Dataset, VideoList},
    draws::{Draws, Purpose},
    loader::{Workers, channel, stream},
    preprocess::{self, Making, clips, fill},
    profile::Profile,
    quarantine::Quarantine,
    sampling::pretraining::Pace,
    segment::Segment,
    settings::ClipSettings,
    shard::{FrameShards, PacketShards},
    source::{ClipFrames, ClipSource, SourceError, packet_shards::PacketVideos, videos},
    video::Limits,
    video_entry::VideoEntry,
};
use schemas::{
    ClipGeometry, MADE_BY,
    frame_shard::{FrameShardFacts, StoredPixels},
    packet_shard::PacketShardFacts,
    settings::{Resample, Skip},
};

/// The films that come with the project, and where they are there, some of the collection.
fn films() -> Vec<VideoEntry> {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples");
    let mut paths: Vec<_> = std::fs::read_dir(samples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "mp4" || ending == "webm"))
        .collect();
    if let Some(folder) = shared::folder() {
        let few = shared::films(&["kinetics/", "broken/"]).into_iter().step_by(8);
        paths.extend(few.map(|film| folder.join(film.file)));
    }
    paths.sort();
    paths.into_iter().map(|path| VideoEntry::whole(path, Some(3))).collect()
}

fn settings(short_side: u32) -> ClipSettings {
    let geometry = ClipGeometry::new(16, 112, 112, 2, 16).unwrap();
    ClipSettings { pace: Pace::Stride(2), short_side, ..ClipSettings::published(geometry, 2, 17) }
}

fn raw(films: &[VideoEntry], settings: ClipSettings) -> Arc<dyn ClipSource> {
    let videos = VideoList::new(films.to_vec());
    Arc::new(videos::VideoSource::new(videos, settings.sampling(), Limits::default()))
}

fn batches(source: Arc<dyn ClipSource>, settings: ClipSettings, from: u64, count: usize) -> Vec<RecordBatch> {
    read(source, settings, from, count, 2)
}

fn read(
    source: Arc<dyn ClipSource>,
    settings: ClipSettings,
    from: u64,
    count: usize,
    threads: usize,
) -> Vec<RecordBatch> {
    let workers = Workers { count: threads, budget_bytes: 256 << 20, seconds_per_clip: 60 };
    let profile = Arc::new(Profile::default());
    let stream =
        stream::batches(source, settings, from, workers, Arc::new(|_| Ok(())), profile.clone()).unwrap();
    let batches = channel::spawn(stream, 16 << 20, profile).unwrap();
    batches.take(count).map(Result::unwrap).collect()
}

fn shards(folder: &Path, films: &[VideoEntry], settings: ClipSettings) -> Arc<dyn ClipSource> {
    let dataset = Dataset::of_videos(films.to_vec());
    let facts = FrameShardFacts {
        seed: settings.seed,
        videos: dataset.videos(),
        clips_per_video: settings.clips_per_video,
        clips_per_shard: 4,
        frames: settings.geometry.frames() as u32,
        stride: 2,
        short_side: settings.short_side,
        pixels: match settings.resample {
            Resample::Planes => StoredPixels::Planes,
            Resample::Rgb => StoredPixels::Rgb,
        },
        source: dataset.digest(),
        made_by: MADE_BY.into(),
    };
    let making = Making {
        workers: 2,
        patience: Duration::from_secs(60),
        name: &|slot| format!("slot {slot}"),
        maker: clips(raw(films, settings), facts.clone()),
        slice: None,
    };
    let quarantine = Quarantine::open(None, dataset.videos(), 1.0).unwrap();
    fill(folder, &facts, &making, &quarantine, &AtomicBool::new(false), |_| {}).unwrap();
    Arc::new(FrameShards::open(folder).unwrap())
}

#[test]
fn one_two_and_five_workers_give_the_same_batches() {
    let (films, settings) = (films(), settings(0));
    let epoch = settings.batches_per_epoch(films.len() as u64).unwrap() as usize;
    let one = read(raw(&films, settings), settings, 0, 2 * epoch, 1);
    for threads in [2, 5] {
        assert_eq!(one, read(raw(&films, settings), settings, 0, 2 * epoch, threads), "{threads} workers");
    }
    let later = batches(raw(&films, settings), settings, epoch as u64 - 1, 2);
    assert_eq!(one[epoch - 1..epoch + 1], later, "begun at the last batch of the first epoch");
}

#[test]
fn files_and_frame_shards_give_the_same_first_epoch() {
    let films = films();
    for (short_side, resample) in [(0, Resample::Planes), (128, Resample::Planes), (128, Resample::Rgb)] {
        let settings = ClipSettings { resample, ..settings(short_side) };
        let folder = tempfile::tempdir().unwrap();
        let epoch = settings.batches_per_epoch(films.len() as u64).unwrap() as usize;
        let from_shards = batches(shards(folder.path(), &films, settings), settings, 0, epoch);
        assert_eq!(
            batches(raw(&films, settings), settings, 0, epoch),
            from_shards,
            "short side {short_side}"
        );
    }
}

fn packets(folder: &Path, films: &[VideoEntry]) -> PacketShards {
    let dataset = Dataset::of_videos(films.to_vec());
    let facts = PacketShardFacts {
        videos: dataset.videos(),
        videos_per_shard: 4,
        transcode: None,
        parts: false,
        source: dataset.digest(),
        made_by: MADE_BY.into(),
    };
    let making = Making {
        workers: 2,
        patience: Duration::from_secs(60),
        name: &|number| format!("video {number}"),
        maker: preprocess::packets(VideoList::new(films.to_vec()), facts.clone(), Limits::default()),
        slice: None,
    };
    let quarantine = Quarantine::open(None, dataset.videos(), 1.0).unwrap();
    fill(folder, &facts, &making, &quarantine, &AtomicBool::new(false), |_| {}).unwrap();
    PacketShards::open(folder).unwrap()
}

#[test]
fn several_clips_of_a_video_are_the_same_from_files_and_packets_in_one_pass_and_one_by_one() {
    let films = films();
    let folder = tempfile::tempdir().unwrap();
    let settings = ClipSettings { clips_per_video: 3, ..settings(0) };
    let schedule = settings.schedule(films.len() as u64);
    let shards = packets(folder.path(), &films);
    let packets = PacketVideos::new(shards.clone(), settings.sampling(), Limits::default());
    let unskipped = PacketVideos::new(shards, settings.sampling(), Limits::default());
    let unskipped = unskipped.with_skipping(Skip::Nothing);
    let sources: [Arc<dyn ClipSource>; 3] = [raw(&films, settings), Arc::new(packets), Arc::new(unskipped)];
    let mut readers = sources.map(|source| source.reader(Arc::default()));
    for video in (0..films.len() as u64).map(VideoNumber) {
        let slots = (0..3).map(|k| video.slot(3, k));
        let slots: Vec<_> = slots.map(|slot| (slot, schedule.start(5, slot))).collect();
        let clips = readers.each_mut().map(|reader| reader.frames_together(video, slots.clone()));
        let alone = slots.into_iter().map(|(slot, start)| readers[1].frames(video, slot, start));
        // A broken film has no row in the shards.
        let given = |clip: Result<ClipFrames, _>| clip.ok();
        let [files, packets, unskipped] = clips.map(|clips| clips.into_iter().map(given).collect::<Vec<_>>());
        assert!(files == packets, "{video:?} from packets");
        assert!(files == unskipped, "{video:?} without skipping");
        assert!(files == alone.map(given).collect::<Vec<_>>(), "{video:?}, one by one");
    }
}

/// Parts of the films, by frames and by seconds, and one that no film has.
fn parts() -> Vec<VideoEntry> {
    let samples = ["flower.mp4", "cars.mp4", "bottles.webm"];
    let is_sample = |film: &VideoEntry| samples.iter().any(|name| film.path.ends_with(name));
    let films: Vec<_> = films().into_iter().filter(is_sample).collect();
    let frames = |start, stop| Segment::frames(start, Some(stop)).unwrap();
    let seconds = |start: i64, stop: i64| {
        let time = |tenths: i64| StreamTime(tenths * 100_000_000);
        Segment::times(time(start), Some(time(stop))).unwrap()
    };
    let mut parts = Vec::new();
    for film in films {
        for segment in [frames(3, 50), seconds(7, 21), Segment::Whole, frames(90, 5000)] {
            parts.push(VideoEntry { segment, ..film.clone() });
        }
    }
    parts
}

#[test]
fn clips_of_parts_of_videos_lie_in_them() {
    let (parts, settings) = (parts(), settings(0));
    let source = raw(&parts, settings);
    let mut reader = source.reader(Arc::default());
    for epoch in 0..3 {
        for (number, part) in (0..).map(VideoNumber).zip(&parts) {
            let slot = number.slot(1, 0);
            let clip = reader.frames(number, slot, Draws::new(1, Purpose::Start, epoch, slot.0));
            if matches!(part.segment, Segment::Frames { stop: Some(5000), .. }) {
                let Err(SourceError::Failed { verdict, reason, .. }) = clip else {
                    panic!("{}", part.name())
                };
                assert_eq!(verdict, "no-such-frame");
                assert!(reason.starts_with("frames 90 to 5000 is not in the video"), "{reason}");
                continue;
            }
            let clip = clip.unwrap();
            assert_eq!(*clip.video, part.name());
            let bounds = (clip.ranks.iter().min().unwrap().0, clip.ranks.iter().max().unwrap().0);
            match part.segment {
                Segment::Frames { start, stop } => {
                    assert!(start <= bounds.0 && bounds.1 < stop.unwrap(), "{bounds:?}")
                }
                Segment::Times { start, stop } => {
                    let inside = |time: &StreamTime| start <= *time && *time < stop.unwrap();
                    assert!(clip.times.iter().all(inside), "{:?}", clip.times);
                }
                Segment::Whole => {}
            }
        }
    }
}

#[test]
fn parts_of_videos_give_the_same_batches_whoever_reads_them() {
    let (parts, settings) = (parts(), settings(0));
    let epoch = settings.batches_per_epoch(parts.len() as u64).unwrap() as usize;
    let one = read(raw(&parts, settings), settings, 0, 2 * epoch, 1);
    for threads in [2, 5] {
        assert_eq!(one, read(raw(&parts, settings), settings, 0, 2 * epoch, threads), "{threads} workers");
    }
    let folder = tempfile::tempdir().unwrap();
    let from_shards = batches(shards(folder.path(), &parts, settings), settings, 0, epoch);
    assert_eq!(one[..epoch], from_shards);
}
