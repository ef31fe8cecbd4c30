//! Small files that were made to take a machine's memory, time or stack.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    fixtures::{
        matroska::{
            BLOCK_GROUP, Body, CHAPTER, CHAPTERS, CLUSTER, EDITION, Element, SEGMENT, SIMPLE_BLOCK,
            TRACK_ENTRY, TRACK_NUMBER, TRACKS, VOID, bytes, element, inside, read, short, write,
        },
        mp4::boxed,
        shown::sample,
    },
    samples, text,
};

/// Bytes as zlib packs them without making them smaller.
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x78, 0x01];
    let parts = bytes.chunks(0xffff);
    let last = parts.len() - 1;
    for (at, part) in parts.enumerate() {
        let length = part.len() as u16;
        packed.push(u8::from(at == last));
        packed.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
        packed.extend(part);
    }
    let sums = bytes.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    packed.extend((sums.1 << 16 | sums.0).to_be_bytes());
    packed
}

/// About `count` times 258 zeros as deflate writes them, thirteen bits for 258 bytes.
fn zeros(count: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    let mut code = |code: u32, length: u32| bits.extend((0..length).rev().map(|at| code >> at & 1 == 1));
    // A zero, then copies of the one byte before.
    code(0x30, 8);
    for _ in 0..count {
        code(0b1100_0101, 8);
        code(0, 5);
    }
    code(0, 7);
    let packed =
        bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |value, bit| value << 1 | u8::from(*bit)));
    let sum = ((1 + 258 * count as u64) % 65521) as u32;
    [0x78, 0x01].into_iter().chain(packed).chain((sum << 16 | 1).to_be_bytes()).collect()
}

/// Scans a film that was made to harm, with a gigabyte of addresses, of which a scan needs less than half: ends in time, by itself, and calls it no good film; the
/// reason is given.
#[track_caller]
fn is_harmless(name: &str, film: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, film).unwrap();
    let line = format!(
        "ulimit -v 1000000; exec {} scan {} {}/flower.mp4 --workers 1 --json --out {}",
        env!("CARGO_BIN_EXE_tubelet"),
        text(&path),
        samples(),
        text(&folder.path().join("manifest.parquet"))
    );
    let begun = Instant::now();
    let mut command = Command::new("bash");
    // Memory that is set aside for each thread of a large machine is not the film's.
    command.env("RAYON_NUM_THREADS", "1").env("MALLOC_ARENA_MAX", "1");
    let output = command.args(["-c", &line]).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{words}");
    let row: serde_json::Value =
        serde_json::from_slice(output.stdout.split(|byte| *byte == b'\n').next().unwrap())
            .unwrap_or_else(|error| panic!("{error}: {words}"));
    assert_ne!(row["kind"], "good", "{row}");
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
    row["reason"].as_str().unwrap_or_default().to_owned()
}

/// The sample with these bytes in the place of its clusters.
fn with_cluster(body: &[u8]) -> Vec<u8> {
    let mut film = read(&sample("bottles.webm"));
    let segment = inside(&mut film, SEGMENT);
    segment.retain(|element| element.id != CLUSTER);
    segment.push(bytes(CLUSTER, body));
    write(&film)
}

/// An element of elements, so many deep.
fn nested(id: u32, depth: usize) -> Vec<u8> {
    // Each has a size of eight bytes; they are written from the outside, so that this takes no time.
    let id = &id.to_be_bytes()[id.leading_zeros() as usize / 8..];
    let each = id.len() + 8;
    let head = |at: usize| [id, &(((depth - 1 - at) * each) as u64 | 1 << 56).to_be_bytes()].concat();
    (0..depth).flat_map(head).collect()
}

/// Seen: 20,000 groups of blocks in each other overflowed the stack, of `scan` and of every run with the file in it.
/// Right: a damaged container (attack ebml_nested_blockgroups).
#[test]
fn groups_of_blocks_in_each_other_overflowed_the_stack() {
    is_harmless("film.mkv", &with_cluster(&nested(BLOCK_GROUP, 20_000)));
}

/// Seen: chapters in each other overflowed the stack of the demuxer. Right: they do not matter, or are damage.
#[test]
fn chapters_in_each_other_overflowed_the_stack() {
    let mut film = read(&sample("bottles.webm"));
    let segment = inside(&mut film, SEGMENT);
    segment.retain(|element| element.id != CLUSTER);
    segment.push(bytes(CHAPTERS, &element(EDITION, &nested(CHAPTER, 20_000))));
    is_harmless("film.mkv", &write(&film));
}

/// Seen: 51,000 boxes in each other overflowed the stack of the demuxer. Right: a damaged container.
#[test]
fn boxes_in_each_other_overflowed_the_stack() {
    let depth = 60_000u32;
    let head = |at: u32| [&((depth - at) * 8).to_be_bytes()[..], b"moov"].concat();
    let nested: Vec<u8> = (0..depth).flat_map(head).collect();
    is_harmless("film.mp4", &[boxed(b"ftyp", b"qt  \0\0\0\0"), nested].concat());
}

/// Seen: blocks of 256 frames of one byte made an index of a thousand times the file. Right: refused before that
/// (attack mkv_lacing_1000).
#[test]
fn laced_blocks_became_an_index_of_a_thousand_times_their_bytes() {
    let lace = element(SIMPLE_BLOCK, &[&[0x81, 0, 0, 0x84][..], &[255; 257]].concat());
    let reason = is_harmless("film.mkv", &with_cluster(&lace.repeat(16_000)));
    assert!(reason.contains("much more memory than the file"), "{reason}");
}

/// Seen: the track of each block was searched for among all tracks: 3.6 MB took 26 s. Right: time in proportion
/// (attack mkv_tracks_quadratic_small).
#[test]
fn many_tracks_took_time_by_the_square() {
    let entries = short(TRACK_ENTRY, &short(TRACK_NUMBER, &[7, 7])).repeat(200_000);
    let blocks = short(SIMPLE_BLOCK, &[0x47, 7, 0, 0, 0, 1]).repeat(200_000);
    let mut film = read(&sample("bottles.webm"));
    let segment = inside(&mut film, SEGMENT);
    segment.retain(|element| !matches!(element.id, TRACKS | CLUSTER));
    segment.extend([bytes(TRACKS, &entries), bytes(CLUSTER, &blocks)]);
    is_harmless("film.mkv", &write(&film));
}

/// Seen: a million empty elements among the tracks took memory for each. Right: they are passed over.
#[test]
fn a_million_empty_elements_took_memory_for_each() {
    let mut film = read(&sample("bottles.webm"));
    let segment = inside(&mut film, SEGMENT);
    segment.retain(|element| !matches!(element.id, TRACKS | CLUSTER));
    segment.push(bytes(TRACKS, &short(VOID, &[]).repeat(1_000_000)));
    is_harmless("film.mkv", &write(&film));
}

/// Seen: 1 MB of compressed movie became 1 GB. Right: refused before it is unpacked to far more than the file.
#[test]
fn a_compressed_movie_grew_to_a_thousand_times_its_bytes() {
    // Three gigabytes, and the size of one said.
    let packed = zeros(12_000_000);
    let size = 1u32 << 30;
    let inner =
        [boxed(b"dcom", b"zlib"), boxed(b"cmvd", &[&size.to_be_bytes()[..], &packed].concat())].concat();
    let file = [boxed(b"ftyp", b"qt  \0\0\0\0"), boxed(b"moov", &boxed(b"cmov", &inner))].concat();
    let reason = is_harmless("film.mp4", &file);
    assert!(reason.contains("cmov"), "{reason}");
}

/// Seen: blocks that zlib packed grew from 3 MB to 3 GB. Right: refused before that.
#[test]
fn compressed_blocks_grew_to_a_thousand_times_their_bytes() {
    let (encodings, encoding, compression) = (0x6d80, 0x6240, 0x5034);
    let mut film = read(&sample("bottles.webm"));
    let packed = element(encodings, &element(encoding, &element(compression, &[])));
    let entry = inside(&mut film, TRACK_ENTRY);
    entry.extend(read(&packed));
    // Nine megabytes each.
    let bomb = zeros(35_000);
    let block = element(SIMPLE_BLOCK, &[&[0x81, 0, 0, 0x80][..], &bomb].concat());
    let segment = inside(&mut film, SEGMENT);
    segment.retain(|element| element.id != CLUSTER);
    let blocks = Body::Elements(read(&block.repeat(200)));
    segment.push(Element { id: CLUSTER, body: blocks });
    let reason = is_harmless("film.mkv", &write(&film));
    assert!(reason.contains("unpack") || reason.contains("come to"), "{reason}");
}

/// Seen: a table that promises four billion samples of one byte took memory for each. Right: the file cannot hold them.
#[test]
fn a_table_of_four_billion_samples_took_memory_for_each() {
    let mut file = sample("cars.mp4");
    let at = file.windows(4).rposition(|kind| kind == b"stsz").unwrap();
    file[at + 8..at + 12].copy_from_slice(&1u32.to_be_bytes());
    file[at + 12..at + 16].copy_from_slice(&[0xff; 4]);
    is_harmless("film.mp4", &file);
}
