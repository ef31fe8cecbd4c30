//! Files that were made to harm, or damaged anywhere: whatever is done to their bytes ends soon, in little memory, and
//! in packets that lie in the file, or in a verdict.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use flate2::{Compression, write::ZlibEncoder};
use proptest::prelude::*;

use super::{Film, block, demux, demuxed, element, endless, ids, number, short, verdict, vp9, with_file};
use crate::{demux::Body, error::VideoError, file::FileBytes};

#[test]
fn attacks_on_stack_memory_and_time_end_in_a_verdict() {
    let film = vp9();
    let cluster = |body: &[u8]| film.file_of(element(ids::CLUSTER, body));
    let begun = Instant::now();
    let nested = (0..5_000).fold(Vec::new(), |inner, _| element(ids::BLOCK_GROUP, &inner));
    assert_eq!(verdict(&cluster(&nested)), "container-damaged");
    let open = [Film::header(), endless(ids::SEGMENT, &film.tracks())].concat();
    let open = [open, endless(ids::CLUSTER, &endless(ids::BLOCK_GROUP, &[]).repeat(20_000))].concat();
    assert_eq!(verdict(&open), "container-damaged");
    // A byte a frame, in blocks of 256.
    let lace = element(ids::SIMPLE_BLOCK, &block(0, 0x80 | 4, &[255; 257]));
    assert_eq!(verdict(&cluster(&lace.repeat(1000))), "container-damaged");
    // Frames without a byte cost nothing.
    let empty = short(ids::SIMPLE_BLOCK, &block(0, 0x80 | 4, &[255]));
    assert_eq!(verdict(&cluster(&empty.repeat(100_000))), "no-video-stream");
    let entries = short(ids::TRACK_ENTRY, &short(ids::TRACK_NUMBER, &[7, 7])).repeat(200_000);
    let blocks = short(ids::SIMPLE_BLOCK, &[0x47, 7, 0, 0, 0, 1]).repeat(100_000);
    let segment = [element(ids::TRACKS, &entries), element(ids::CLUSTER, &blocks)].concat();
    let many = [Film::header(), element(ids::SEGMENT, &segment)].concat();
    assert_eq!(verdict(&many), "no-video-stream");
    let voids = element(ids::TRACKS, &short(ids::VOID, &[]).repeat(1_000_000));
    let voids = [Film::header(), element(ids::SEGMENT, &voids)].concat();
    assert_eq!(verdict(&voids), "no-video-stream");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn blocks_that_unpack_to_far_more_than_the_file_are_refused() {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 9_000_000]).unwrap();
    let bomb = encoder.finish().unwrap();
    let encoding = element(ids::CONTENT_ENCODING, &element(ids::COMPRESSION, &[]));
    let track = element(ids::CONTENT_ENCODINGS, &encoding);
    let frames = (0..40).map(|at| (at, true, bomb.clone())).collect();
    let error = demuxed(&Film { track, frames, ..vp9() }.file()).unwrap_err();
    assert!(error.to_string().contains("what its packets come to"), "{error}");
}

#[test]
fn the_time_limit_ends_the_reading() {
    let voids = element(ids::TRACKS, &short(ids::VOID, &[]).repeat(100_000));
    let bytes = [Film::header(), element(ids::SEGMENT, &voids)].concat();
    with_file(&bytes, |path| {
        let file = FileBytes::open(path, u64::MAX).unwrap();
        let error = demux(&file, Instant::now() - Duration::from_secs(1), 7).unwrap_err();
        assert!(matches!(error, VideoError::TimeLimit { seconds: 7, .. }), "{error}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn bytes_changed_anywhere_give_packets_of_the_file_or_a_verdict(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut film = Film { frames: (0..30).map(|at| (40 * at, at % 9 == 0, vec![at as u8; 5])).collect(), ..small() };
        film.video = element(ids::COLOUR, &number(ids::RANGE, 1));
        let mut bytes = film.file();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(demuxed) = demuxed(&bytes) {
            let length = bytes.len() as u64;
            for packet in &demuxed.packets {
                if let Body::OnDisk { place, length: of } = packet.body {
                    prop_assert!(place + u64::from(of) <= length);
                }
            }
        }
    }
}

/// A film without frames.
fn small() -> Film {
    Film {
        codec: "V_VP8".to_owned(),
        setup: Vec::new(),
        size: (32, 32),
        frames: Vec::new(),
        video: Vec::new(),
        track: Vec::new(),
    }
}
