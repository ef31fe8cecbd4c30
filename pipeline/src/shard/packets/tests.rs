//! Videos as rows of packet shards: what is written comes back, and what is damaged is refused.

use std::path::Path;

use arrow_array::{
    ArrayRef, Int32Array, RecordBatch, StringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    cast::AsArray as _, types::UInt32Type,
};
use schemas::MADE_BY;

use super::*;
use crate::{
    StreamTime, VideoNumber,
    codec::{Codec, Start},
    picture::Orientation,
    plan::{self, PacketFact, order::IndexMode},
    shard::{
        ShardWriter,
        columns::{list, partial_list},
        writer::Row,
    },
    video::stored_video::StoredPacket,
};

fn facts() -> PacketShardFacts {
    PacketShardFacts {
        videos: 2,
        videos_per_shard: 2,
        transcode: None,
        parts: false,
        source: "00".repeat(32),
        made_by: MADE_BY.to_owned(),
    }
}

/// Frames 2 to 7 of nine packets of 10, 11, 12 … bytes, three groups of I P b; two frames are hidden.
fn video(number: u64) -> StoredVideo {
    let packet = |at: u32| {
        let place = [0, 2, 1][at as usize % 3] + at / 3 * 3;
        let start =
            if at % 3 == 0 { [Start::Closed, Start::Open][at as usize / 3 % 2] } else { Start::Never };
        StoredPacket {
            bytes: 10 + at,
            pts: (at != 4).then_some(StreamTime(i64::from(place) * 40 - 80)),
            fact: PacketFact { place: Some(plan::OutputIndex(place)), start, disposable: at % 3 == 2 },
            hidden: place < 2,
            key: at == 0,
        }
    };
    StoredVideo {
        number: VideoNumber(number),
        video: "films/a.mp4".to_owned(),
        digest: [7; 16],
        label: Some(-3),
        container: "mp4".to_owned(),
        codec: Codec::H264,
        caps: "video/x-h264, width=(int)64".to_owned(),
        codec_data: vec![1, 2, 3],
        size: (64, 48),
        coded: Some((64, 64)),
        left: None,
        orientation: Orientation { quarter_turns: 3, mirrored: true },
        interlaced: true,
        mode: IndexMode::Times,
        hidden: 2,
        times: (0..7).map(|rank| StreamTime(rank * 40)).collect(),
        packets: (0..9).map(packet).collect(),
        made: None,
        part: None,
    }
}

/// Bytes that are the packet's own.
fn body(at: usize) -> Vec<u8> {
    (0..10 + at).map(|byte| (at * 16 + byte) as u8).collect()
}

fn rows(video: StoredVideo, segment_bytes: u64) -> Vec<Row> {
    let bodies: Vec<_> = (0..video.packets.len()).map(body).collect();
    video.into_rows(&facts(), segment_bytes, |at| bodies.get(at).map(Vec::as_slice)).unwrap()
}

fn write(folder: &Path, rows: Vec<Row>) -> PacketShards {
    let mut shard = ShardWriter::create(folder, &facts(), 0..2).unwrap();
    for row in rows {
        shard.push(row).unwrap();
    }
    shard.finish().unwrap();
    PacketShards::open(folder).unwrap()
}

#[test]
fn a_video_survives_its_rows_however_it_is_split() {
    // Groups have 33, 42 and 51 bytes.
    for (segment_bytes, segments) in [(1 << 20, 1), (80, 2), (1, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let shards = write(folder.path(), rows(video(1), segment_bytes));
        assert!(shards.video(VideoNumber(0)).unwrap().is_none());
        let found = shards.video(VideoNumber(1)).unwrap().unwrap();
        assert_eq!(found.stored, video(1));
        assert_eq!((found.segments(), shards.rows()), (segments, segments as u64), "{segment_bytes}");
        let mut all = Vec::new();
        for segment in 0..segments {
            let (packets, bytes) = shards.packets(&found, segment).unwrap().unwrap();
            assert_eq!(bytes, packets.clone().flat_map(body).collect::<Vec<_>>());
            assert!(video(1).packets[packets.start].fact.start != Start::Never);
            all.extend(packets);
        }
        assert_eq!(all, (0..9).collect::<Vec<_>>());
        let needed = found.segments_of([0, 2, 7].into_iter());
        assert_eq!(needed.len(), segments.min(2), "{needed:?}");
    }
}

/// The row with another column.
fn with(row: &Row, name: &str, column: ArrayRef) -> Row {
    let at = row.columns.schema().index_of(name).unwrap();
    let mut columns = row.columns.columns().to_vec();
    columns[at] = column;
    Row { columns: RecordBatch::try_new(row.columns.schema(), columns).unwrap(), ..row.clone() }
}

fn flaw(rows: Vec<Row>) -> VideoFlaw {
    let folder = tempfile::tempdir().unwrap();
    let shards = write(folder.path(), rows);
    let read = shards.video(VideoNumber(0)).map(|video| video.map(|video| shards.packets(&video, 0)));
    match read.and_then(|packets| packets.transpose().map(|_| ())).unwrap_err() {
        ShardError::WrongVideo { path, row: _, flaw } => {
            assert!(path.ends_with("packets-00000.parquet"), "{}", path.display());
            flaw
        }
        error => panic!("{error}"),
    }
}

#[test]
fn every_contradiction_has_its_name() {
    let good = &rows(video(0), 1 << 20)[0];
    let damaged = |name: &str, column: ArrayRef| flaw(vec![with(good, name, column)]);
    let numbers = |numbers: Vec<u32>| std::sync::Arc::new(list(UInt32Array::from(numbers))) as ArrayRef;
    let word = |word: &str| std::sync::Arc::new(StringArray::from(vec![word])) as ArrayRef;
    let one = |number: u32| std::sync::Arc::new(UInt32Array::from(vec![number])) as ArrayRef;
    let bytes = |number: u64| std::sync::Arc::new(UInt64Array::from(vec![number])) as ArrayRef;
    let sizes = good.columns.column_by_name("sizes").unwrap().as_list::<i32>().value(0);
    let sizes = sizes.as_primitive::<UInt32Type>().values().to_vec();

    assert!(matches!(
        damaged("flags", std::sync::Arc::new(list(UInt8Array::from(vec![0; 8])))),
        VideoFlaw::Lengths { sizes: 9, flags: 8, .. }
    ));
    let longer = [&sizes[..8], &[u32::MAX]].concat();
    assert!(matches!(damaged("sizes", numbers(longer)), VideoFlaw::Bytes { bytes: 126, .. }));
    assert!(matches!(damaged("bytes", bytes(1 << 40)), VideoFlaw::Bytes { sizes: 126, .. }));
    // The sum is right, but not that of the bytes that are there.
    let more = with(&with(good, "sizes", numbers([&sizes[..8], &[19]].concat())), "bytes", bytes(127));
    assert_eq!(flaw(vec![more]), VideoFlaw::Bytes { sizes: 127, bytes: 126 });
    let ranks =
        |ranks: [i32; 9]| std::sync::Arc::new(partial_list(Int32Array::from(ranks.to_vec()))) as ArrayRef;
    assert_eq!(
        damaged("ranks", ranks([-2, 0, -1, 1, 3, 2, 4, 6, 7])),
        VideoFlaw::Rank { packet: 8, rank: 7, frames: 7 }
    );
    assert_eq!(
        damaged("ranks", ranks([-2, 0, -3, 1, 3, 2, 4, 6, 5])),
        VideoFlaw::Rank { packet: 2, rank: -3, frames: 7 }
    );
    assert_eq!(
        damaged("ranks", ranks([-2, 0, -1, 1, 3, 2, 4, 6, 6])),
        VideoFlaw::Frames { packets: 8, frames: 9 }
    );
    assert_eq!(damaged("frames", one(8)), VideoFlaw::Times { times: 7, frames: 8 });
    assert_eq!(damaged("mode", word("guess")), VideoFlaw::Word { column: "mode", found: "guess".into() });
    assert_eq!(damaged("mode", word("linear")), VideoFlaw::Frames { packets: 9, frames: 0 });
    assert_eq!(damaged("codec", word("prose")), VideoFlaw::Word { column: "codec", found: "prose".into() });
    let turned = std::sync::Arc::new(UInt16Array::from(vec![45]));
    assert_eq!(damaged("rotation", turned), VideoFlaw::Word { column: "rotation", found: "45".into() });
    assert_eq!(damaged("segment", one(1)), VideoFlaw::Segment { found: 1, expected: 0, segments: 1 });
}

#[test]
fn segments_that_are_missing_or_doubled_are_told() {
    let split = rows(video(0), 1);
    assert!(matches!(flaw(split[..2].to_vec()), VideoFlaw::Segment { segments: 2, .. }));
    let doubled = vec![split[0].clone(), split[0].clone(), split[2].clone()];
    assert_eq!(flaw(doubled), VideoFlaw::Segment { found: 0, expected: 1, segments: 3 });
}

#[test]
fn a_flipped_bit_never_gives_other_packets() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), rows(video(0), 80));
    let path = folder.path().join("packets-00000.parquet");
    let bytes = std::fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&path, damaged).unwrap();
        let read = |shards: PacketShards| {
            let Some(video) = shards.video(VideoNumber(0))? else { return Ok(None) };
            let packets = (0..video.segments()).map(|at| shards.packets(&video, at));
            let packets: Result<Vec<_>, _> = packets.collect();
            Ok(Some((video.stored, packets?)))
        };
        // Some bits mean nothing to a reader, such as those of `created_by`.
        if let Ok(Some((stored, packets))) = PacketShards::open(folder.path()).and_then(read) {
            assert_eq!(stored, video(0), "byte {at}");
            let packets = packets.into_iter().flatten().flat_map(|(_, bytes)| bytes.to_vec());
            assert!(packets.eq((0..9).flat_map(body)), "byte {at}");
        }
    }
}

#[test]
fn a_folder_of_clips_takes_no_packets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("frames-00000.parquet"), "").unwrap();
    let error = crate::shard::layout::unfinished(folder.path(), &facts()).unwrap_err();
    assert!(matches!(error, ShardError::SeveralKinds { .. }), "{error}");
}
