//! CPU time to write and read rows of shards: frames (16 frames of 340×256 as planes) and packets (the
//! repository's sample films). `cargo bench --bench shards`.

use std::{
    hint::black_box,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use pipeline::{
    FrameRank, Slot, StreamTime, VideoNumber,
    dataset::{Dataset, VideoList},
    draws::Draws,
    picture::{Layout, Matrix, Orientation, Picture, Range, Sampling},
    preprocess::{self, KeyMaker, Making, fill},
    profile::Profile,
    quarantine::Quarantine,
    shard::{FrameShards, PacketShards, ShardFacts},
    source::{ClipFrames, ClipReader, ClipSource, Pixels, SourceError},
    video::Limits,
    video_entry::VideoEntry,
};
use schemas::{
    MADE_BY,
    frame_shard::{FrameShardFacts, StoredPixels},
    packet_shard::PacketShardFacts,
};

mod measure;
use measure::measure;

const FRAMES: u32 = 16;
const CLIPS: u64 = 8;

/// Clips of noise under a gradient, which compresses about as films do.
struct Noise;

impl ClipSource for Noise {
    fn videos(&self) -> u64 {
        CLIPS
    }

    fn name(&self, video: VideoNumber) -> String {
        format!("noise {}", video.0)
    }

    fn bytes(&self, _: VideoNumber, _: u64) -> u64 {
        0
    }

    fn reader(&self, _: Arc<Profile>) -> Box<dyn ClipReader> {
        Box::new(Self)
    }
}

impl ClipReader for Noise {
    fn frames_together(
        &mut self,
        _: VideoNumber,
        slots: Vec<(Slot, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>> {
        let of = |(slot, _): (Slot, Draws)| {
            let sample = |at: u32, salt: u32| {
                let noise = at.wrapping_add(salt).wrapping_mul(2_654_435_761) >> 30;
                ((at % 340) / 4 + noise) as u8
            };
            let picture = |rank: u32| Picture {
                layout: Layout { colour: Sampling::Yuv420, bits: 8 },
                width: 340,
                height: 256,
                matrix: Matrix::Bt601,
                range: Range::Limited,
                planes: (0..340 * 256 * 3 / 2).map(|at| sample(at, rank + slot.0 as u32)).collect(),
            };
            Ok(ClipFrames {
                video: format!("noise {}", slot.0).into(),
                label: None,
                ranks: (0..FRAMES).map(FrameRank).collect(),
                times: (0..i64::from(FRAMES)).map(StreamTime).collect(),
                pixels: Pixels::Pictures {
                    pictures: (0..FRAMES).map(|rank| (FrameRank(rank), picture(rank))).collect(),
                    orientation: Orientation::default(),
                },
            })
        };
        slots.into_iter().map(of).collect()
    }
}

/// Writes the shards of these facts into a folder of their own.
fn write<F: ShardFacts>(facts: &F, maker: &Arc<dyn Fn() -> KeyMaker + Send + Sync>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("because there is a disk");
    let making = Making {
        workers: 1,
        patience: Duration::from_secs(60),
        name: &|key| key.to_string(),
        maker: Arc::clone(maker),
        slice: None,
    };
    let quarantine = Quarantine::open(None, facts.keys(), 1.0).expect("because it is in memory");
    fill(folder.path(), facts, &making, &quarantine, &AtomicBool::new(false), |_| {})
        .expect("because the disk has room");
    folder
}

fn main() {
    let facts = FrameShardFacts {
        seed: 0,
        videos: CLIPS,
        clips_per_video: 1,
        clips_per_shard: CLIPS as u32,
        frames: FRAMES,
        stride: 4,
        short_side: 0,
        pixels: StoredPixels::Planes,
        source: "00".repeat(32),
        made_by: MADE_BY.to_owned(),
    };
    let maker = preprocess::clips(Arc::new(Noise), facts.clone());
    let mut make = maker();
    measure("8 clips of 16 frames of 340×256: made", 1, |_| {
        (0..CLIPS).for_each(|slot| drop(black_box(make(slot))));
    });
    measure("the same and written", 1, |_| drop(write(&facts, &maker)));
    let folder = write(&facts, &maker);
    let shards = FrameShards::open(folder.path()).expect("because it was written");
    measure("a clip read from a frame shard", 40, |round| {
        black_box(shards.read(Slot(round as u64 % CLIPS)).expect("because it is whole"));
    });

    let videos = VideoList::new(films());
    let dataset = Dataset::of_videos(films());
    let facts = PacketShardFacts {
        videos: dataset.videos(),
        videos_per_shard: 64,
        transcode: None,
        parts: false,
        source: dataset.digest(),
        made_by: MADE_BY.to_owned(),
    };
    let maker = preprocess::packets(videos, facts.clone(), Limits::default());
    let each = format!("{} films", facts.videos);
    measure(&format!("{each}: demuxed, verified, written"), 1, |_| drop(write(&facts, &maker)));
    let folder = write(&facts, &maker);
    let shards = PacketShards::open(folder.path()).expect("because it was written");
    measure(&format!("{each}: index and all packets read"), 10, |_| {
        for number in (0..facts.videos).map(VideoNumber) {
            let video = shards.video(number).expect("because it is whole").expect("because it is there");
            for segment in 0..video.segments() {
                black_box(shards.packets(&video, segment).expect("because it is whole"));
            }
        }
    });
}

fn films() -> Vec<VideoEntry> {
    let samples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"));
    let entries = samples.read_dir().expect("because the films are in the repository").flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind != "md"));
    paths.sort();
    paths.into_iter().map(|path| VideoEntry::whole(path, None)).collect()
}
