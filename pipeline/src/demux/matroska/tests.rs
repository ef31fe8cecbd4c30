//! Whole films: written in every way that the format allows they give the frames of the sample they are made of.

mod harm;

use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use flate2::{Compression, write::ZlibEncoder};
use gstreamer as gst;

use super::{
    demux, ids,
    test_films::{Film, block, differences, element, endless, float, number, short, xiph},
};
use crate::{
    FrameRank,
    demux::{self, Demuxed},
    error::VideoError,
    file::{Container, FileBytes},
    picture::Orientation,
    plan::order::IndexMode,
    video::{Limits, VideoReader},
};

/// The film of a sample of the repository.
fn sample(name: &str, codec: &str) -> Film {
    gst::init().unwrap();
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples")).join(name);
    let file = FileBytes::open(&path, u64::MAX).unwrap();
    let container = if name.ends_with("webm") { Container::Matroska } else { Container::Mp4 };
    let demuxed = demux::demuxer::demux(file.clone(), container, demux::deadline(60), 60).unwrap();
    let structure = demuxed.caps.structure(0).unwrap();
    let side = |name| structure.get::<i32>(name).unwrap() as u64;
    let frame = |packet: &demux::Packet| {
        let bytes = packet.buffer(&file).map_readable().unwrap().to_vec();
        (packet.stamp.pts.unwrap().0 / 1_000_000, packet.key, bytes)
    };
    Film {
        codec: codec.to_owned(),
        setup: demux::setup_of(structure),
        size: (side("width"), side("height")),
        frames: demuxed.packets.iter().take(FRAMES).map(frame).collect(),
        video: Vec::new(),
        track: Vec::new(),
    }
}

/// Frames of a film that are taken.
const FRAMES: usize = 45;

fn vp9() -> Film {
    sample("bottles.webm", "V_VP9")
}

fn with_file<T>(bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mkv");
    std::fs::write(&path, bytes).unwrap();
    read(&path)
}

/// What is read of a file, in memory and on the disk.
fn demuxed(bytes: &[u8]) -> Result<Demuxed, VideoError> {
    gst::init().unwrap();
    with_file(bytes, |path| {
        let of = |in_memory| {
            let file = FileBytes::open(path, in_memory).unwrap();
            demux(&file, Instant::now() + Duration::from_secs(20), 20)
        };
        let (memory, disk) = (of(u64::MAX), of(0));
        let places = |demuxed: &Result<Demuxed, VideoError>| match demuxed {
            Ok(demuxed) => format!("{:?}", demuxed.packets),
            Err(error) => error.to_string(),
        };
        assert_eq!(places(&memory), places(&disk));
        memory
    })
}

fn verdict(bytes: &[u8]) -> &'static str {
    demuxed(bytes).map_or_else(|error| error.verdict(), |_| "good")
}

/// The planes of all frames of a film, and how they are turned.
fn frames(bytes: &[u8]) -> (Vec<Vec<u8>>, Orientation) {
    with_file(bytes, |path| {
        let mut reader = VideoReader::new(Limits::default());
        let video = reader.open(path).unwrap();
        let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
        let pictures = reader.decode(&video, &all).unwrap();
        (pictures.into_iter().map(|(_, picture)| picture.planes.to_vec()).collect(), video.facts.orientation)
    })
}

#[track_caller]
fn assert_same_frames(film: &Film, bytes: &[u8]) {
    let (expected, found) = (frames(&film.file()).0, frames(bytes).0);
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "other frames");
}

#[test]
fn a_film_of_ours_has_the_frames_of_the_sample() {
    let film = vp9();
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/bottles.webm"));
    let all = frames(&std::fs::read(path).unwrap()).0;
    assert!(frames(&film.file()).0[..] == all[..FRAMES], "other frames");
}

#[test]
fn pictures_in_another_order_than_their_blocks_are_ranked_by_time() {
    let film = sample("flower.mp4", "V_MPEG4/ISO/AVC");
    assert!(!film.frames.is_sorted_by_key(|frame| frame.0), "the sample has no B-pictures");
    let times: Vec<_> = film.frames.iter().map(|frame| frame.0).collect();
    let found = demuxed(&film.file()).unwrap();
    let found: Vec<_> = found.packets.iter().map(|packet| packet.stamp.pts.unwrap().0 / 1_000_000).collect();
    assert_eq!(found, times);
}

#[test]
fn clusters_and_segments_of_unknown_size_end_with_what_follows() {
    let film = vp9();
    let clusters = |known: bool| {
        let cluster =
            |body: &Vec<u8>| if known { element(ids::CLUSTER, body) } else { endless(ids::CLUSTER, body) };
        film.clusters().iter().flat_map(cluster).collect::<Vec<_>>()
    };
    let live = |clusters| {
        let body = [Film::info(), film.tracks(), clusters].concat();
        [Film::header(), endless(ids::SEGMENT, &body)].concat()
    };
    for known in [true, false] {
        assert_same_frames(&film, &live(clusters(known)));
    }
    let cues = element(ids::CUES, &[]);
    assert_same_frames(&film, &live([clusters(false), cues, clusters(true)[..0].to_vec()].concat()));
    // FFmpeg reads no cluster of unknown size within a segment that has one.
    assert_eq!(verdict(&film.file_of(clusters(false))), "container-damaged");
}

#[test]
fn tracks_count_before_the_clusters_or_where_they_are_said_to_stand() {
    let film = vp9();
    let clusters: Vec<_> = film.clusters().iter().flat_map(|body| element(ids::CLUSTER, body)).collect();
    let (info, tracks) = (Film::info(), film.tracks());
    let file = |parts: &[&[u8]]| [Film::header(), element(ids::SEGMENT, &parts.concat())].concat();
    let pointer = |place: usize| {
        let entry =
            [element(ids::SEEK_ID, &ids::TRACKS.to_be_bytes()), number(ids::SEEK_POSITION, place as u64)];
        element(ids::SEEK_HEAD, &element(ids::SEEK, &entry.concat()))
    };
    let before = pointer(0).len() + clusters.len();
    assert_same_frames(&film, &file(&[&pointer(before), &clusters, &tracks, &info]));
    assert_same_frames(&film, &file(&[&pointer(before + info.len()), &clusters, &info, &tracks]));
    // FFmpeg does not find them either.
    assert_eq!(verdict(&file(&[&info, &clusters, &tracks])), "no-video-stream");
    assert_eq!(verdict(&file(&[&pointer(before + 1), &clusters, &tracks])), "no-video-stream");
    assert_same_frames(&film, &file(&[&info, &tracks, &tracks, &clusters, &tracks]));
    let other = Film { size: (1, 1), ..film.clone() }.tracks();
    assert_eq!(verdict(&file(&[&info, &tracks, &other, &clusters])), "container-damaged");
    assert_eq!(verdict(&file(&[&info, &tracks, &clusters, &other])), "codec-changed");
    assert_eq!(verdict(&file(&[&info, &clusters])), "no-video-stream");
    let slow = element(ids::INFO, &number(ids::TIMESTAMP_SCALE, 1 << 31));
    assert_eq!(verdict(&file(&[&slow, &tracks, &clusters])), "container-damaged");
    assert_eq!(verdict(&file(&[&info, &tracks])), "no-video-stream");
}

#[test]
fn segments_that_follow_each_other_are_one_film() {
    let film = vp9();
    let halves = film.frames.split_at(FRAMES / 2);
    // Decoding goes on where the first ends, as the second does not begin with a key frame.
    let half = |frames: &[super::test_films::Frame]| Film { frames: frames.to_vec(), ..film.clone() };
    let both = [half(halves.0).file(), half(halves.1).file()].concat();
    assert_same_frames(&film, &both);
    let other = Film { codec: "V_VP8".to_owned(), ..half(halves.1) };
    assert_eq!(verdict(&[half(halves.0).file(), other.file()].concat()), "codec-changed");
}

#[test]
fn what_stands_behind_a_segment_is_read_like_by_ffmpeg() {
    let film = vp9();
    assert_same_frames(&film, &[film.file(), b"some bytes that are no element".to_vec()].concat());
    let (first, last) = film.frames.split_at(40);
    let part = |frames: &[super::test_films::Frame]| Film { frames: frames.to_vec(), ..film.clone() };
    let cluster = element(ids::CLUSTER, &part(last).clusters()[0]);
    assert_same_frames(&film, &[part(first).file(), cluster.clone()].concat());
    assert_same_frames(&film, &[part(first).file(), vec![0; 70_000], cluster].concat());
}

/// The film with the frames of each cluster in one block.
fn laced(film: &Film, flags: u8, lace: fn(&[Vec<u8>]) -> Vec<u8>) -> Vec<u8> {
    let cluster = |frames: &[super::test_films::Frame]| {
        let start = frames[0].0 as u64;
        let bodies: Vec<_> = frames.iter().map(|frame| frame.2.clone()).collect();
        let laced = element(ids::BLOCK, &block(0, flags, &lace(&bodies)));
        let lasts = number(ids::BLOCK_DURATION, 40 * frames.len() as u64);
        let group = element(ids::BLOCK_GROUP, &[laced, lasts].concat());
        element(ids::CLUSTER, &[number(ids::TIMESTAMP, start), group].concat())
    };
    film.file_of(film.frames.chunks(9).flat_map(cluster).collect())
}

#[test]
fn frames_of_one_block_are_told_apart() {
    let mut film = vp9();
    film.frames.iter_mut().zip(0..).for_each(|(frame, at)| frame.0 = 40 * at);
    for bytes in [laced(&film, 2, xiph), laced(&film, 6, differences)] {
        assert_same_frames(&film, &bytes);
        let found = demuxed(&bytes).unwrap();
        let times: Vec<_> = found.packets.iter().map(|packet| packet.stamp.pts.unwrap().0).collect();
        assert_eq!(times, (0..FRAMES as i64).map(|at| 40_000_000 * at).collect::<Vec<_>>());
    }
    assert_eq!(verdict(&laced(&film, 4, xiph)), "container-damaged");
}

#[test]
fn packed_blocks_and_setups_are_unpacked() {
    let film = sample("flower.mp4", "V_MPEG4/ISO/AVC");
    let zlib = |bytes: &[u8]| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let encoded = |fields: &[Vec<u8>]| {
        element(ids::CONTENT_ENCODINGS, &element(ids::CONTENT_ENCODING, &fields.concat()))
    };
    let packed = |track: Vec<u8>, setup: Vec<u8>, pack: &dyn Fn(&[u8]) -> Vec<u8>| {
        let frames = film.frames.iter().map(|(time, key, frame)| (*time, *key, pack(frame)));
        Film { track, setup, frames: frames.collect(), ..film.clone() }.file()
    };
    let scope = number(ids::ENCODING_SCOPE, 3);
    let compression = |algorithm, settings: &[u8]| {
        let fields =
            [number(ids::COMPRESSION_ALGORITHM, algorithm), element(ids::COMPRESSION_SETTINGS, settings)];
        element(ids::COMPRESSION, &fields.concat())
    };
    let track = encoded(&[scope.clone(), compression(0, &[])]);
    assert_same_frames(&film, &packed(track, zlib(&film.setup), &zlib));
    // All units of less than 64 KiB have the same first two bytes of length.
    let stripped = encoded(&[compression(3, &[0, 0])]);
    assert!(film.frames.iter().all(|frame| frame.2.starts_with(&[0, 0])));
    assert_same_frames(&film, &packed(stripped, film.setup.clone(), &|frame| frame[2..].to_vec()));
    let refused = |track| verdict(&packed(track, film.setup.clone(), &|frame| frame.to_vec()));
    assert_eq!(refused(encoded(&[scope.clone(), compression(0, &[])])), "unknown-codec");
    assert_eq!(refused(encoded(&[compression(0, &[])])), "container-damaged");
    assert_eq!(refused(encoded(&[compression(1, &[])])), "unknown-codec");
    assert_eq!(refused(encoded(&[compression(2, &[])])), "unknown-codec");
    assert_eq!(refused(encoded(&[number(ids::ENCODING_TYPE, 1)])), "encrypted");
    let twice = element(ids::CONTENT_ENCODING, &compression(3, &[0]));
    assert_eq!(refused(element(ids::CONTENT_ENCODINGS, &[twice.clone(), twice].concat())), "unknown-codec");
}

#[test]
fn a_pose_turns_the_film_and_an_odd_one_is_refused() {
    let posed = |yaw, roll| {
        let pose = [float(ids::POSE_YAW, yaw), float(ids::POSE_ROLL, roll)].concat();
        Film { video: element(ids::PROJECTION, &pose), ..vp9() }.file()
    };
    let upright = frames(&vp9().file()).0;
    for (yaw, roll, quarter_turns, mirrored) in
        [(0.0, 90.0, 3, false), (0.0, -90.0, 1, false), (0.0, 180.0, 2, false), (180.0, 0.0, 0, true)]
    {
        let (pixels, orientation) = frames(&posed(yaw, roll));
        assert_eq!(orientation, Orientation { quarter_turns, mirrored });
        assert!(pixels == upright, "planes are those of the stream");
    }
    assert_eq!(demuxed(&posed(0.0, 30.0)).unwrap_err().verdict(), "odd-turn");
}

#[test]
fn cropping_is_left_to_the_viewer_as_the_libraries_of_ffmpeg_do() {
    const PIXEL_CROP_TOP: u32 = 0x54bb;
    let film = vp9();
    assert_same_frames(&film, &Film { video: number(PIXEL_CROP_TOP, 16), ..film.clone() }.file());
}

#[test]
fn a_track_in_the_manner_of_avi_has_times_of_decoding() {
    let film = sample("flower.mp4", "V_MS/VFW/FOURCC");
    let mut header = vec![0; 40];
    header[16..20].copy_from_slice(b"H264");
    let avi = Film { setup: [header.clone(), film.setup.clone()].concat(), ..film.clone() };
    let plain = Film { codec: "V_MPEG4/ISO/AVC".to_owned(), ..film };
    assert_same_frames(&plain, &avi.file());
    with_file(&avi.file(), |path| {
        let video = VideoReader::new(Limits::default()).open(path).unwrap();
        assert_eq!(video.facts.index, IndexMode::Linear);
    });
    header[16..20].copy_from_slice(b"CLJR");
    let unknown = demuxed(&Film { setup: header, ..avi }.file()).unwrap_err();
    assert_eq!(unknown.to_string(), "unknown codec: V_MS/VFW/FOURCC CLJR");
}

#[test]
fn units_behind_start_codes_need_no_parser() {
    let film = sample("flower.mp4", "V_MPEG4/ISO/AVC");
    let coded = |packet: &[u8]| {
        let (mut rest, mut found) = (packet, Vec::new());
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let (unit, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
            found.extend([&[0, 0, 0, 1], unit].concat());
            rest = behind;
        }
        found
    };
    let mut sets = Vec::new();
    let (sequence_length, behind) = film.setup[6..].split_first_chunk::<2>().unwrap();
    let (sequence, behind) = behind.split_at(u16::from_be_bytes(*sequence_length).into());
    let length = usize::from(u16::from_be_bytes([behind[1], behind[2]]));
    for set in [sequence, &behind[3..3 + length]] {
        sets.extend([&[0, 0, 0, 1], set].concat());
    }
    let mut frames: Vec<_> =
        film.frames.iter().map(|(time, key, frame)| (*time, *key, coded(frame))).collect();
    let in_setup = Film { setup: sets.clone(), frames: frames.clone(), ..film.clone() };
    assert_same_frames(&film, &in_setup.file());
    frames[0].2 = [&sets, &frames[0].2[..]].concat();
    assert_same_frames(&film, &Film { setup: Vec::new(), frames, ..film.clone() }.file());
}

#[test]
fn a_file_that_ends_too_early_is_cut_and_one_with_strange_elements_is_damaged() {
    let film = vp9();
    let whole = film.file();
    for length in [whole.len() - 1, whole.len() / 2, 60] {
        assert_eq!(verdict(&whole[..length]), "truncated", "{length}");
    }
    let cluster = |body: &[u8]| verdict(&film.file_of(element(ids::CLUSTER, body)));
    let good = short(ids::SIMPLE_BLOCK, &block(0, 0x80, b"frame"));
    assert_eq!(cluster(&good), "good");
    let of_track_33 = [&[0xa1][..], &block(0, 0x80, b"frame")[1..]].concat();
    let twice = short(ids::BLOCK, &block(0, 0, b"frame")).repeat(2);
    for body in [
        short(ids::SIMPLE_BLOCK, &of_track_33),
        short(ids::SIMPLE_BLOCK, &[0x81, 0, 0]),
        short(0xa5, b"no element of a cluster"),
        short(ids::BLOCK_GROUP, &short(ids::BLOCK_GROUP, &[])),
        short(ids::BLOCK_GROUP, &twice),
        [&good[..], &[0, 0]].concat(),
        [&good[..], &[0xa3, 0x85, 0x81]].concat(),
        endless(ids::SIMPLE_BLOCK, &block(0, 0, b"frame")),
    ] {
        assert_eq!(cluster(&body), "container-damaged", "{body:x?}");
    }
    let newer = element(ids::EBML, &number(ids::EBML_READ_VERSION, 2));
    assert_eq!(verdict(&[newer, film.file()].concat()), "container-damaged");
}

#[test]
fn empty_frames_are_none_and_voids_are_passed_over() {
    let film = vp9();
    let first = film.clusters().swap_remove(0);
    let nothing = element(ids::SIMPLE_BLOCK, &block(3, 0, &[]));
    let foreign = short(0x7262, b"of one writer");
    let more =
        [&first[..], &short(ids::VOID, &[0; 9]), &nothing, &foreign, &short(ids::CRC_32, &[0; 4])].concat();
    let mut clusters = element(ids::CLUSTER, &more);
    clusters.extend(film.clusters()[1..].iter().flat_map(|body| element(ids::CLUSTER, body)));
    assert_same_frames(&film, &film.file_of(clusters));
}
