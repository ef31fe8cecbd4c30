//! A clip as a shard keeps it, and the row that it is in an Arrow record batch.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, Int32Array, Int64Array, LargeBinaryArray, ListArray, PrimitiveArray,
        RecordBatch, StringArray, UInt16Array, UInt32Array, UInt64Array,
    },
    buffer::{Buffer, OffsetBuffer},
    datatypes::{ArrowPrimitiveType, Int32Type, Int64Type, SchemaRef, UInt16Type, UInt32Type, UInt64Type},
};
use schemas::{clip_batch::item_field, frame_shard::FrameShardFacts};

use crate::{FrameRank, StreamTime};

/// The drawn frames of a clip, before crop and mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredClip {
    /// Its place in the source: video number × clips per video + k.
    pub slot: u64,
    /// The video, as its dataset names it.
    pub video: String,
    /// Class of the video.
    pub label: Option<i32>,
    /// The frames, one a stored frame.
    pub ranks: Vec<FrameRank>,
    /// When they are shown, one a stored frame.
    pub times: Vec<StreamTime>,
    /// Columns of a frame.
    pub width: u16,
    /// Rows of a frame.
    pub height: u16,
    /// frames × height × width × 3 bytes, RGB, upright.
    pub pixels: Vec<u8>,
}

impl StoredClip {
    /// Says what contradicts itself, or the dataset, in this clip.
    pub(super) fn flaw(&self, facts: &FrameShardFacts) -> Option<String> {
        let frames = facts.frames as usize;
        if self.ranks.len() != frames || self.times.len() != frames {
            let (ranks, times) = (self.ranks.len(), self.times.len());
            return Some(format!("{ranks} frames and {times} times instead of {frames}"));
        }
        let (width, height) = (self.width, self.height);
        let frame = usize::from(width) * usize::from(height) * 3;
        if frame == 0 || frame.checked_mul(frames) != Some(self.pixels.len()) {
            let bytes = self.pixels.len();
            return Some(format!("{bytes} bytes are not {frames} frames of {width}x{height}"));
        }
        None
    }

    /// The clip as a batch of one row; `schema` is that of the shard.
    pub(super) fn into_row(self, schema: SchemaRef) -> RecordBatch {
        let ranks = UInt32Array::from_iter_values(self.ranks.iter().map(|rank| rank.0));
        let times = Int64Array::from_iter_values(self.times.iter().map(|time| time.0));
        let length = OffsetBuffer::from_lengths([self.pixels.len()]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(vec![self.slot])),
            Arc::new(StringArray::from(vec![self.video])),
            Arc::new(Int32Array::from(vec![self.label])),
            Arc::new(UInt16Array::from(vec![self.width])),
            Arc::new(UInt16Array::from(vec![self.height])),
            Arc::new(list(ranks)),
            Arc::new(list(times)),
            Arc::new(LargeBinaryArray::new(length, Buffer::from_vec(self.pixels), None)),
        ];
        RecordBatch::try_new(schema, columns).expect("because the columns are those of the schema")
    }

    /// The clip of a batch's first row, `None` where there is none or a column is of another type.
    pub(super) fn from_row(mut row: RecordBatch) -> Option<Self> {
        if row.num_rows() == 0 {
            return None;
        }
        let pixels = row.schema_ref().index_of("pixels").ok()?;
        let pixels = row.remove_column(pixels).as_binary_opt::<i64>()?.slice(0, 1);
        let column = |name| row.column_by_name(name);
        let labels = column("label")?.as_primitive_opt::<Int32Type>()?;
        let ranks = values::<UInt32Type>(column("frames")?)?;
        let times = values::<Int64Type>(column("times")?)?;
        Some(Self {
            slot: column("slot")?.as_primitive_opt::<UInt64Type>()?.value(0),
            video: column("video")?.as_string_opt::<i32>()?.value(0).to_owned(),
            label: labels.is_valid(0).then(|| labels.value(0)),
            ranks: ranks.values().iter().map(|&rank| FrameRank(rank)).collect(),
            times: times.values().iter().map(|&time| StreamTime(time)).collect(),
            width: column("width")?.as_primitive_opt::<UInt16Type>()?.value(0),
            height: column("height")?.as_primitive_opt::<UInt16Type>()?.value(0),
            pixels: into_bytes(pixels),
        })
    }
}

/// A column with one list in it.
fn list<T: ArrowPrimitiveType>(items: PrimitiveArray<T>) -> ListArray {
    let length = OffsetBuffer::from_lengths([items.len()]);
    ListArray::new(item_field(T::DATA_TYPE), length, Arc::new(items), None)
}

/// The bytes of an array's only value; without a copy where nothing else holds or precedes them.
fn into_bytes(array: LargeBinaryArray) -> Vec<u8> {
    let length = array.value(0).len();
    let (offsets, bytes, _) = array.into_parts();
    let start = offsets[0] as usize;
    let of_shared = |bytes: Buffer| bytes.as_slice()[start..start + length].to_vec();
    if start > 0 || bytes.len() != length {
        return of_shared(bytes);
    }
    bytes.into_vec().unwrap_or_else(of_shared)
}

/// The items of a column's first list.
fn values<T: ArrowPrimitiveType>(column: &ArrayRef) -> Option<PrimitiveArray<T>> {
    column.as_list_opt::<i32>()?.value(0).as_primitive_opt::<T>().cloned()
}

#[cfg(test)]
pub(super) mod tests {
    use schemas::MADE_BY;

    use super::*;

    /// A dataset with two clips of each video, four clips a shard.
    pub(in crate::shard) fn facts(videos: u64) -> FrameShardFacts {
        FrameShardFacts {
            seed: 1,
            videos,
            clips_per_video: 2,
            clips_per_shard: 4,
            frames: 16,
            stride: 4,
            short_side: 0,
            source: "00".repeat(32),
            made_by: MADE_BY.to_owned(),
        }
    }

    /// A clip whose pixels are its own.
    pub(in crate::shard) fn clip(slot: u64) -> StoredClip {
        let (width, height) = (20 + slot as u16, 12);
        let bytes = 16 * usize::from(width) * usize::from(height) * 3;
        StoredClip {
            slot,
            video: format!("films/{}.mp4", slot / 2),
            label: (!slot.is_multiple_of(3)).then_some(slot as i32),
            ranks: (0..16).map(|frame| FrameRank(slot as u32 + 4 * frame)).collect(),
            times: (0..16).map(|frame| StreamTime(frame * 160_000_000)).collect(),
            width,
            height,
            pixels: (0..bytes).map(|at| (at * (slot as usize + 1) % 251) as u8).collect(),
        }
    }

    #[test]
    fn a_clip_survives_its_row() {
        for slot in [0, 1] {
            let schema = schemas::frame_shard::schema(&facts(1));
            assert_eq!(StoredClip::from_row(clip(slot).into_row(schema)), Some(clip(slot)));
        }
    }

    #[test]
    fn a_clip_of_the_wrong_size_has_a_flaw() {
        assert_eq!(clip(0).flaw(&facts(1)), None);
        let mut short = clip(0);
        short.pixels.pop();
        assert_eq!(short.flaw(&facts(1)).unwrap(), "11519 bytes are not 16 frames of 20x12");
        let mut fewer = clip(0);
        fewer.ranks.pop();
        assert_eq!(fewer.flaw(&facts(1)).unwrap(), "15 frames and 16 times instead of 16");
    }
}
