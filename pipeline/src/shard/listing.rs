//! Which videos lie in shards, and the classes they were stored with: read without pixels and packets.

use std::collections::BTreeMap;

use arrow_array::{
    Array as _, RecordBatch,
    cast::AsArray as _,
    types::{Int32Type, UInt64Type},
};
use parquet::arrow::ProjectionMask;
use schemas::{frame_shard::FrameShardFacts, packet_shard::PacketShardFacts};

use super::{ShardError, kind::ShardFacts, reader::Shards};
use crate::{Slot, VideoNumber, video_entry::VideoEntry};

impl Shards<FrameShardFacts> {
    /// Number and entry of every video that has a row, by number.
    ///
    /// # Errors
    /// When a shard cannot be read.
    pub fn listing(&self) -> Result<Vec<(VideoNumber, VideoEntry)>, ShardError> {
        let clips_per_video = self.facts().clips_per_video;
        listing(self, |key| Slot(key).video(clips_per_video))
    }
}

impl Shards<PacketShardFacts> {
    /// Number and entry of every video that has a row, by number.
    ///
    /// # Errors
    /// When a shard cannot be read.
    pub fn listing(&self) -> Result<Vec<(VideoNumber, VideoEntry)>, ShardError> {
        listing(self, VideoNumber)
    }
}

fn listing<F: ShardFacts>(
    shards: &Shards<F>,
    video_of: impl Fn(u64) -> VideoNumber,
) -> Result<Vec<(VideoNumber, VideoEntry)>, ShardError> {
    let mut found = BTreeMap::new();
    for shard in shards.shards() {
        let builder = shard.builder()?;
        let columns = ProjectionMask::columns(builder.parquet_schema(), [F::KEY, "video", "label"]);
        for batch in shard.batches(builder.with_projection(columns))? {
            let batch = batch.map_err(|cause| shard.damaged(cause))?;
            for row in 0..batch.num_rows() {
                let wrong =
                    |reason| ShardError::WrongRow { path: shard.path().to_owned(), row: row as u64, reason };
                let (key, entry) = entry::<F>(&batch, row).map_err(wrong)?;
                found.entry(video_of(key)).or_insert(entry);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Key, path and class of a row.
fn entry<F: ShardFacts>(batch: &RecordBatch, row: usize) -> Result<(u64, VideoEntry), String> {
    let missing = |name: &str| format!("column {name} is missing or of another type");
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| missing(name));
    let keys = column(F::KEY)?.as_primitive_opt::<UInt64Type>().ok_or_else(|| missing(F::KEY))?;
    let videos = column("video")?.as_string_opt::<i32>().ok_or_else(|| missing("video"))?;
    let labels = column("label")?.as_primitive_opt::<Int32Type>().ok_or_else(|| missing("label"))?;
    let label = labels.is_valid(row).then(|| labels.value(row));
    Ok((keys.value(row), VideoEntry::whole(videos.value(row).into(), label)))
}

#[cfg(test)]
mod tests {
    use crate::shard::{
        FrameShards, ShardWriter,
        frames::tests::{clip, facts},
    };

    #[test]
    fn a_video_is_listed_once_with_its_class_and_one_without_a_row_is_not() {
        let folder = tempfile::tempdir().unwrap();
        // Two clips a video; nothing of videos 1 and 3.
        let facts = facts(5);
        assert_eq!(facts.clips_per_video, 2);
        for slots in [0..4, 4..8, 8..10] {
            let mut shard = ShardWriter::create(folder.path(), &facts, slots.clone()).unwrap();
            for slot in slots.filter(|slot| ![2, 3, 6, 7].contains(slot)) {
                shard.push(clip(slot).into_row(&facts).unwrap()).unwrap();
            }
            shard.finish().unwrap();
        }
        let listing = FrameShards::open(folder.path()).unwrap().listing().unwrap();
        let numbers: Vec<u64> = listing.iter().map(|(number, _)| number.0).collect();
        assert_eq!(numbers, [0, 2, 4]);
        for (number, entry) in listing {
            let first = clip(number.0 * 2);
            assert_eq!((entry.path.to_str(), entry.label), (Some(first.video.as_str()), first.label));
        }
    }
}
