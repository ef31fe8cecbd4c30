//! Shards: what was made of videos, in Parquet files, to be trained from again and again.
//!
//! A dataset of shards is a folder of one kind: frames (the decoded frames of clips), packets (the videos'
//! own compressed packets), a transcode (packets made for training), or videos (whole files, for others to read). Shard n holds the rows of the keys
//! from n × keys a shard on, and its bytes depend on nothing but them, so a folder can be finished by
//! another process than began it:
//!
//! ```text
//! frames-00000.parquet   slots 0 to 63      metadata: FrameShardFacts, the same in all shards
//! frames-00001.parquet   slots 64 to 127    no row for a slot whose video failed
//! frames-00002.parquet   slots 128 to 149   the last one is shorter
//! ```
//!
//! `unfinished` says which ranges are not there yet, a `ShardWriter` writes one of them, [`FrameShards`]
//! reads clips by slot. Which frames a clip has is decided elsewhere.

mod blocks;
mod columns;
mod error;
mod footer;
mod frames;
mod kind;
mod layout;
mod listing;
mod packets;
mod reader;
#[cfg(feature = "video")]
mod videos;
mod writer;

pub(crate) use blocks::{CheckedFile, Failure};
pub use error::{ShardError, VideoFlaw};
pub(crate) use footer::{format_of, open as open_file};
pub use frames::{Planes, StoredClip};
pub use kind::ShardFacts;
pub(crate) use layout::{belongs_to, holds, is_shard_folder};
pub use layout::{facts_in, keys_of_shards, unfinished};
#[cfg(feature = "video")]
pub(crate) use packets::write::SEGMENT_BYTES;
pub use packets::{PacketShards, ShardVideo, file_index::FileIndex};
pub use reader::{FrameShards, Shards};
#[cfg(feature = "video")]
pub(crate) use videos::{MOST_BYTES, video_row};
pub use writer::Row;
pub(crate) use writer::ShardWriter;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, ops::Range, path::Path, thread};

    use parquet::file::{
        metadata::ParquetMetaData,
        reader::{FileReader as _, SerializedFileReader},
    };
    use schemas::frame_shard::FrameShardFacts;

    use super::{
        frames::tests::{clip, facts},
        layout::unfinished,
        *,
    };
    use crate::Slot;

    /// Slots of a video that failed, and of one whose clips are a whole shard's.
    const FAILED: [u64; 5] = [2, 4, 5, 6, 7];

    fn write_shard(out: &Path, facts: &FrameShardFacts, slots: Range<u64>) {
        let mut shard = ShardWriter::create(out, facts, slots.clone()).unwrap();
        for slot in slots.filter(|slot| !FAILED.contains(slot)) {
            shard.push(clip(slot).into_row(facts).unwrap()).unwrap();
        }
        shard.finish().unwrap();
    }

    fn write_rest(out: &Path, facts: &FrameShardFacts) {
        for slots in unfinished(out, facts).unwrap() {
            write_shard(out, facts, slots);
        }
    }

    fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let entry =
            |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        fs::read_dir(folder).unwrap().map(|found| entry(found.unwrap())).collect()
    }

    fn metadata(path: &Path) -> ParquetMetaData {
        SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap().metadata().clone()
    }

    /// Where page index and footer begin.
    fn end_of_clips(shard: &Path) -> usize {
        let end = |(start, length): (u64, u64)| start + length;
        let metadata = metadata(shard);
        let ends = metadata.row_group(0).columns().iter().map(|column| end(column.byte_range()));
        ends.max().unwrap() as usize
    }

    #[test]
    fn clips_are_read_as_they_were_written_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        write_rest(folder.path(), &facts(5));
        let shards = FrameShards::open(folder.path()).unwrap();
        assert_eq!((shards.facts(), shards.rows()), (&facts(5), 5));
        for slot in [9, 0, 3, 2, 1, 8, 7, 3, 10, u64::MAX] {
            let there = slot < 10 && !FAILED.contains(&slot);
            assert_eq!(shards.read(Slot(slot)).unwrap(), there.then(|| clip(slot)), "slot {slot}");
        }
    }

    #[test]
    fn threads_read_the_same_shards_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        write_rest(folder.path(), &facts(5));
        let shards = FrameShards::open(folder.path()).unwrap();
        thread::scope(|scope| {
            for first in 0..4 {
                let shards = shards.clone();
                scope.spawn(move || {
                    for slot in [0, 1, 3, 8, 9, 0, 1, 3, 8, 9].into_iter().skip(first) {
                        assert_eq!(shards.read(Slot(slot)).unwrap().unwrap(), clip(slot));
                    }
                });
            }
        });
    }

    #[test]
    fn the_same_clips_give_the_same_bytes() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_rest(first.path(), &facts(5));
        write_rest(second.path(), &facts(5));
        assert!(contents(first.path()) == contents(second.path()));
    }

    #[test]
    fn a_folder_that_was_interrupted_ends_like_one_that_was_not() {
        let (whole, interrupted) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_rest(whole.path(), &facts(5));
        let out = interrupted.path();
        write_shard(out, &facts(5), 4..8);
        let mut dropped = ShardWriter::create(out, &facts(5), 0..4).unwrap();
        dropped.push(clip(0).into_row(&facts(5)).unwrap()).unwrap();
        drop(dropped);
        fs::write(out.join(".frames-00002.parquet.abcdef.part"), b"left by a killed process").unwrap();

        assert_eq!(unfinished(out, &facts(5)).unwrap(), [0..4, 8..10]);
        write_rest(out, &facts(5));
        assert!(contents(out) == contents(whole.path()));
    }

    #[test]
    fn a_range_without_clips_is_finished_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        write_shard(folder.path(), &facts(5), 4..8);
        assert_eq!(unfinished(folder.path(), &facts(5)).unwrap(), [0..4, 8..10]);
        assert_eq!(metadata(&folder.path().join("frames-00001.parquet")).file_metadata().num_rows(), 0);
        let only = FrameShards::open(&folder.path().join("frames-00001.parquet")).unwrap();
        assert_eq!((only.rows(), only.read(Slot(4)).unwrap()), (0, None));
    }

    #[test]
    fn a_shard_that_is_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = FrameShards::open(folder.path()).unwrap_err();
        assert!(matches!(error, ShardError::NoShards { .. }), "{error}");
        write_shard(folder.path(), &facts(5), 0..4);
        write_shard(folder.path(), &facts(5), 8..10);
        match FrameShards::open(folder.path()).unwrap_err() {
            ShardError::Missing { missing: 1, shards: 3, first, .. } => assert_eq!(first, 4..8),
            error => panic!("{error}"),
        }
    }

    #[test]
    fn a_shard_cut_short_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write_rest(folder.path(), &facts(5));
        let path = folder.path().join("frames-00000.parquet");
        let bytes = fs::read(&path).unwrap();
        for length in [0, 4, 11, bytes.len() / 2, bytes.len() - 8, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            for error in [
                FrameShards::open(folder.path()).unwrap_err(),
                FrameShards::open(&path).unwrap_err(),
                unfinished(folder.path(), &facts(5)).unwrap_err(),
            ] {
                assert!(matches!(error, ShardError::Damaged { .. }), "{length} bytes: {error}");
                assert!(error.to_string().contains("frames-00000.parquet"), "{error}");
            }
        }
    }

    #[test]
    fn a_shard_cut_short_after_it_was_opened_gives_no_pixels() {
        let folder = tempfile::tempdir().unwrap();
        write_rest(folder.path(), &facts(5));
        let shards = FrameShards::open(folder.path()).unwrap();
        let path = folder.path().join("frames-00000.parquet");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..100]).unwrap();
        let error = shards.read(Slot(3)).unwrap_err();
        assert!(matches!(&error, ShardError::Damaged { path: named, .. } if *named == path), "{error}");
    }

    #[test]
    fn shards_with_other_facts_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        write_shard(folder.path(), &facts(5), 0..4);
        let other = FrameShardFacts { short_side: 256, ..facts(5) };
        let error = unfinished(folder.path(), &other).unwrap_err();
        let path = folder.path().join("frames-00000.parquet");
        assert_eq!(
            error.to_string(),
            format!("{} was written with short_side = 0, here it is 256", path.display())
        );
        write_shard(folder.path(), &other, 4..8);
        write_shard(folder.path(), &facts(5), 8..10);
        let error = FrameShards::open(folder.path()).unwrap_err();
        assert!(matches!(error, ShardError::OtherFacts { .. }), "{error}");
    }

    #[test]
    fn clips_out_of_place_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ShardWriter::create(folder.path(), &facts(5), 0..3).is_err());
        assert!(ShardWriter::create(folder.path(), &facts(5), 12..16).is_err());
        let mut shard = ShardWriter::create(folder.path(), &facts(5), 0..4).unwrap();
        shard.push(clip(1).into_row(&facts(5)).unwrap()).unwrap();
        for slot in [0, 1, 4] {
            let error = shard.push(clip(slot).into_row(&facts(5)).unwrap()).unwrap_err();
            assert!(matches!(error, ShardError::WrongKey { .. }), "{error}");
        }
    }

    #[test]
    fn each_clip_has_its_own_page_of_pixels_and_nothing_is_counted_in_them() {
        let folder = tempfile::tempdir().unwrap();
        write_shard(folder.path(), &facts(5), 0..4);
        let footer =
            footer::Footer::<FrameShardFacts>::read(&folder.path().join("frames-00000.parquet")).unwrap();
        let metadata = footer.metadata.metadata();
        assert_eq!(metadata.num_row_groups(), 1);
        let columns = metadata.row_group(0).columns();
        let pixels = columns.iter().position(|column| column.column_path().string() == "pixels").unwrap();
        assert_eq!(metadata.page_index_for_row_group(0).num_data_pages(pixels), Some(3));
        assert!(columns[pixels].statistics().is_none() && columns[pixels].dictionary_page_offset().is_none());
        assert!(columns[0].statistics().is_some());
        assert_eq!(metadata.file_metadata().created_by(), Some(schemas::MADE_BY));
    }

    #[test]
    fn a_flipped_bit_is_found_wherever_it_is_among_the_clips() {
        let folder = tempfile::tempdir().unwrap();
        write_rest(folder.path(), &facts(2));
        let path = folder.path().join("frames-00000.parquet");
        let bytes = fs::read(&path).unwrap();
        for at in (0..end_of_clips(&path)).step_by(61) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, damaged).unwrap();
            let error = FrameShards::open(folder.path()).and_then(|shards| shards.read(Slot(3))).unwrap_err();
            assert!(matches!(error, ShardError::Damaged { .. }), "byte {at}: {error}");
        }
    }

    #[test]
    fn a_flipped_bit_behind_the_clips_never_gives_other_pixels() {
        let folder = tempfile::tempdir().unwrap();
        write_rest(folder.path(), &facts(2));
        let path = folder.path().join("frames-00000.parquet");
        let bytes = fs::read(&path).unwrap();
        for at in end_of_clips(&path)..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, damaged).unwrap();
            // Some bits mean nothing to a reader of clips, such as those of `created_by`.
            if let Ok(found) = FrameShards::open(folder.path()).and_then(|shards| shards.read(Slot(3))) {
                assert_eq!(found.unwrap().bytes, clip(3).bytes, "byte {at}");
            }
        }
    }
}
