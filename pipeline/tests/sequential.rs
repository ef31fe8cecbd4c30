//! Calls that follow each other go on decoding where the last one stopped, and give the frames of a whole decode.
#![cfg(feature = "video")]

mod shared;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use pipeline::{
    FrameRank,
    error::VideoError,
    video::{Limits, SequentialReader, Stop, VideoReader},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use schemas::settings::{Skip, Verify};
use shared::{films, folder, md5_of};

/// The films of the repository (B-frames, VP9), and those that some checkouts have beside them: every codec and container,
/// open groups, variable rates, edit lists, fields.
fn all_films(folders: &[&str]) -> Vec<PathBuf> {
    let samples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples"));
    let own = ["big_buck_bunny.mp4", "bottles.webm", "cars.mp4", "flower.mp4"].map(|name| samples.join(name));
    let others = folder().map(|clips| films(folders).into_iter().map(move |film| clips.join(film.file)));
    own.into_iter().chain(others.into_iter().flatten()).collect()
}

/// A reader that decodes no more than the wanted frames take.
fn by_clips() -> VideoReader {
    VideoReader::new(Limits::default()).with_verify(Verify::Clip)
}

fn open(path: &Path) -> Result<SequentialReader, VideoError> {
    let mut reader = by_clips();
    let video = reader.open(path)?;
    Ok(SequentialReader::new(reader, video))
}

/// The digest of each of these frames.
fn read(reader: &mut SequentialReader, ranks: &[u32]) -> Result<BTreeMap<u32, String>, VideoError> {
    let wanted: Vec<_> = ranks.iter().copied().map(FrameRank).collect();
    let mut found = BTreeMap::new();
    reader.decode_each(&wanted, |rank, picture| drop(found.insert(rank.0, md5_of(&picture))))?;
    Ok(found)
}

/// Pixels of all frames of the largest film that is read in every way.
const LARGEST: u64 = 5_000_000;

/// The digest of every frame of a film that is not too large, by a decode of all packets.
fn whole(path: &Path) -> Option<Vec<String>> {
    let mut plain = by_clips().with_skipping(Skip::Nothing);
    let video = plain.open(path).ok()?;
    let pixels = u64::from(video.facts.width) * u64::from(video.facts.height) * u64::from(video.facts.frames);
    if pixels > LARGEST {
        return None;
    }
    let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
    let mut found = vec![String::new(); all.len()];
    plain.decode_each(&video, &all, |rank, picture| found[rank.0 as usize] = md5_of(&picture)).ok()?;
    Some(found)
}

/// Calls as people make them: by the frames of each.
fn calls(frames: u32) -> Vec<Vec<Vec<u32>>> {
    let slices = |length: u32, from: u32, step: usize| -> Vec<Vec<u32>> {
        let starts = (from..frames).step_by(length as usize);
        starts.map(|start| (start..frames.min(start + length)).step_by(step).collect()).collect()
    };
    let mut draw = ChaCha8Rng::seed_from_u64(u64::from(frames));
    let mut drawn = |most: u32| draw.next_u32() % most.max(1);
    let hops: Vec<Vec<u32>> = (0..12)
        .map(|_| {
            let (start, length, step) = (drawn(frames), 1 + drawn(6), 1 + drawn(9));
            (0..length).map(|at| start + at * step).filter(|&rank| rank < frames).collect()
        })
        .collect();
    let overlapping = (0..frames.min(60)).step_by(5).map(|start| (start..frames.min(start + 8)).collect());
    let single = (0..frames.min(24)).map(|rank| vec![rank]);
    // Each is taken further on, with what the decoder holds back skipped over.
    let gaps = (0..frames).step_by(3).take(20).map(|rank| vec![rank]);
    let unlike = (0..frames).step_by(11).map(|start| (start..frames.min(start + 4)).collect());
    vec![
        slices(7, 0, 1),
        slices(32, 0, 1),
        slices(24, frames / 3, 4),
        hops,
        overlapping.collect(),
        single.collect(),
        gaps.collect(),
        unlike.collect(),
    ]
}

#[test]
fn frames_of_calls_that_follow_each_other_are_those_of_a_whole_decode() {
    let mut compared = 0;
    for path in all_films(&["mixed/", "droid/"]) {
        let Some(whole) = whole(&path) else { continue };
        for (way, calls) in calls(whole.len() as u32).into_iter().enumerate() {
            let mut reader = open(&path).unwrap();
            for ranks in &calls {
                let found = read(&mut reader, ranks)
                    .unwrap_or_else(|why| panic!("{}, way {way}, {ranks:?}: {why}", path.display()));
                assert!(ranks.iter().all(|rank| found.contains_key(rank)), "{}, way {way}", path.display());
                for (rank, digest) in found {
                    let same = digest == whole[rank as usize];
                    assert!(same, "{}, way {way}, {ranks:?}: frame {rank} differs", path.display());
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 1000, "{compared} frames");
}

/// Packets that a film has, those that slices of it send, and those that slices send where each begins anew.
fn packets_of_slices(path: &Path, length: u32) -> Option<(u64, u64, u64)> {
    let mut reader = open(path).ok()?;
    let (before, packets) = (reader.work().packets, u64::from(reader.video().facts.packets));
    let frames = reader.video().facts.frames;
    let mut anew = by_clips();
    let video = anew.open(path).ok()?;
    let anew_before = anew.work().packets;
    for start in (0..frames).step_by(length as usize) {
        let ranks: Vec<_> = (start..frames.min(start + length)).collect();
        read(&mut reader, &ranks).ok()?;
        let ranks: Vec<_> = ranks.into_iter().map(FrameRank).collect();
        anew.decode_each(&video, &ranks, |_, _| ()).ok()?;
    }
    Some((packets, reader.work().packets - before, anew.work().packets - anew_before))
}

#[test]
fn slices_from_the_beginning_send_every_packet_once() {
    let mut counted = 0;
    for path in all_films(&["mixed/", "droid/"]) {
        let Some((packets, sent, anew)) = packets_of_slices(&path, 32) else { continue };
        counted += 1;
        assert!(sent <= packets, "{}: {sent} packets sent, {packets} are there", path.display());
        assert!(sent <= anew, "{}: {sent} packets sent, {anew} by slices that begin anew", path.display());
    }
    assert!(counted >= 4, "{counted}");
}

#[test]
fn a_single_frame_sends_no_packet_more_than_its_plan() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/cars.mp4"));
    let mut anew = by_clips();
    let video = anew.open(path).unwrap();
    for rank in [0, 37, 90] {
        let mut reader = open(path).unwrap();
        read(&mut reader, &[rank]).unwrap();
        let before = anew.work().packets;
        anew.decode(&video, &[FrameRank(rank)]).unwrap();
        assert_eq!(reader.work().packets, anew.work().packets - before, "frame {rank}");
    }
}

#[test]
fn damage_in_the_middle_takes_the_same_frames_as_without_going_on() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.mp4");
    let mut film = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/cars.mp4")).unwrap();
    film[60_000..60_060].iter_mut().step_by(3).for_each(|byte| *byte ^= 0x55);
    std::fs::write(&broken, film).unwrap();
    let mut paths = vec![broken];
    // Not those of HEVC: of damage that its decoder does not notice it makes other pictures each time.
    let others = ["broken/bit_flips_few", "broken/bit_flips_many", "broken/zero_run", "broken/lost"];
    paths.extend(all_films(&others).into_iter().skip(4));
    let mut refused = 0;
    for path in paths {
        let Ok(mut reader) = open(&path) else { continue };
        let mut anew = by_clips();
        let video = anew.open(&path).unwrap();
        for start in (0..video.facts.frames).step_by(6) {
            let ranks: Vec<_> = (start..video.facts.frames.min(start + 6)).collect();
            let found = read(&mut reader, &ranks).map_err(|why| why.verdict());
            let mut wanted = BTreeMap::new();
            let of_plan: Vec<_> = ranks.iter().copied().map(FrameRank).collect();
            let by_plan = anew
                .decode_each(&video, &of_plan, |rank, picture| drop(wanted.insert(rank.0, md5_of(&picture))));
            refused += u32::from(by_plan.is_err());
            assert_eq!(
                found,
                by_plan.map(|()| wanted).map_err(|why| why.verdict()),
                "{}, {ranks:?}",
                path.display()
            );
        }
    }
    assert!(refused > 0);
}

#[test]
fn a_decode_that_is_stopped_ends_within_a_packet_and_the_next_one_is_whole() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/cars.mp4"));
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    // Once, at the fortieth packet.
    let stop = Stop::when(move || (40..42).contains(&count.fetch_add(1, Relaxed)));
    let mut reader = by_clips().with_stop(stop);
    let video = reader.open(path).unwrap();
    let mut reader = SequentialReader::new(reader, video);
    let all: Vec<_> = (0..reader.video().facts.frames).collect();
    let stopped = read(&mut reader, &all).unwrap_err();
    assert!(matches!(stopped, VideoError::System(_)), "{stopped}");
    assert!(asked.load(Relaxed) <= 45, "{asked:?}");
    assert_eq!(read(&mut reader, &all).unwrap().len(), all.len());
}
