//! A clip as a shard keeps it, and the row that it is in an Arrow record batch.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, LargeBinaryArray, RecordBatch, StringArray, UInt16Array,
    UInt32Array, UInt64Array,
    cast::AsArray,
    types::{Int32Type, Int64Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_buffer::{Buffer, OffsetBuffer};
use bytes::Bytes;
use schemas::frame_shard::{FrameShardFacts, StoredPixels};

use super::{
    columns::{bare, blob, list, values},
    kind::ShardFacts as _,
    writer::Row,
};
use crate::{
    FrameRank, Slot, StreamTime,
    picture::{Layout, Matrix, Picture, Range},
};

/// The drawn frames of a clip, before crop and mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredClip {
    /// Which clip of the source it is.
    pub slot: Slot,
    /// The video, as its dataset names it.
    pub video: String,
    /// Class of the video.
    pub label: Option<i32>,
    /// The frames of the clip; may repeat.
    pub ranks: Vec<FrameRank>,
    /// When they are shown, one a frame.
    pub times: Vec<StreamTime>,
    /// Columns of a stored frame.
    pub width: u16,
    /// Rows of a stored frame.
    pub height: u16,
    /// What the bytes are, where they are planes; RGB otherwise.
    pub planes: Option<Planes>,
    /// Planes: each distinct frame once, by rising rank. RGB: frames × height × width × 3 bytes, upright.
    pub bytes: Vec<u8>,
}

/// What is the same for the planes of all frames of a clip; they are upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planes {
    /// Their layout.
    pub layout: Layout,
    /// Colour matrix.
    pub matrix: Matrix,
    /// Range of the samples.
    pub range: Range,
}

impl StoredClip {
    /// The distinct frames, rising.
    pub fn distinct(&self) -> Vec<FrameRank> {
        let mut distinct = self.ranks.clone();
        distinct.sort_unstable();
        distinct.dedup();
        distinct
    }

    /// Bytes of a stored frame; nothing where it has no pixel.
    fn frame_bytes(&self) -> Option<usize> {
        let (width, height) = (u32::from(self.width), u32::from(self.height));
        let bytes = match self.planes {
            None => width as usize * height as usize * 3,
            Some(planes) => {
                let Planes { layout, matrix, range } = planes;
                let picture = Picture { layout, width, height, matrix, range, planes: Bytes::new() };
                let samples = |plane| {
                    let (columns, rows) = picture.plane_size(plane);
                    columns * rows
                };
                let samples: usize = (0..layout.colour.planes()).map(samples).sum();
                samples * picture.sample_bytes()
            }
        };
        (width > 0 && height > 0).then_some(bytes)
    }

    /// Says what contradicts itself, or the dataset, in this clip.
    pub(super) fn flaw(&self, facts: &FrameShardFacts) -> Option<String> {
        let frames = facts.frames as usize;
        if self.ranks.len() != frames || self.times.len() != frames {
            let (ranks, times) = (self.ranks.len(), self.times.len());
            return Some(format!("{ranks} frames and {times} times instead of {frames}"));
        }
        let (width, height) = (self.width, self.height);
        let stored = if self.planes.is_some() { self.distinct().len() } else { frames };
        if self.frame_bytes().and_then(|bytes| bytes.checked_mul(stored)) != Some(self.bytes.len()) {
            let bytes = self.bytes.len();
            return Some(format!("{bytes} bytes are not {stored} frames of {width}x{height}"));
        }
        let other = self.planes.is_some() != (facts.pixels == StoredPixels::Planes);
        other.then(|| "planes and RGB do not stand in one dataset".to_owned())
    }

    /// The clip as a row of the dataset with these facts.
    ///
    /// # Errors
    /// What in it contradicts itself or the dataset.
    pub(crate) fn into_row(self, facts: &FrameShardFacts) -> Result<Row, String> {
        if let Some(flaw) = self.flaw(facts) {
            return Err(flaw);
        }
        let ranks = UInt32Array::from_iter_values(self.ranks.iter().map(|rank| rank.0));
        let times = Int64Array::from_iter_values(self.times.iter().map(|time| time.0));
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(vec![self.slot.0])),
            Arc::new(StringArray::from(vec![self.video])),
            Arc::new(Int32Array::from(vec![self.label])),
            Arc::new(UInt16Array::from(vec![self.width])),
            Arc::new(UInt16Array::from(vec![self.height])),
            Arc::new(list(ranks)),
            Arc::new(list(times)),
        ];
        if let Some(Planes { layout, matrix, range }) = self.planes {
            let format = layout.name().ok_or("planes in a layout without a name")?;
            columns.extend([
                Arc::new(StringArray::from(vec![format])) as ArrayRef,
                Arc::new(StringArray::from(vec![matrix.name()])),
                Arc::new(StringArray::from(vec![range.name()])),
            ]);
        }
        let bytes = self.bytes.len();
        let offsets = OffsetBuffer::from_lengths([bytes]);
        columns.push(Arc::new(LargeBinaryArray::new(offsets, Buffer::from_vec(self.bytes), None)));
        let columns = RecordBatch::try_new(bare(&facts.schema()), columns)
            .expect("because the columns are those of the schema");
        Ok(Row { key: self.slot.0, bytes, columns })
    }

    /// The clip of a batch's first row.
    ///
    /// # Errors
    /// What is missing or not understood.
    pub(super) fn from_row(row: RecordBatch, facts: &FrameShardFacts) -> Result<Self, String> {
        if row.num_rows() == 0 {
            return Err("it is not there".to_owned());
        }
        let blobs = facts.pixels.column();
        let missing = |name: &str| format!("column {name} is missing or of another type");
        let column = |name: &str| row.column_by_name(name).ok_or_else(|| missing(name));
        let text = |name: &str| {
            let column = column(name)?.as_string_opt::<i32>().ok_or_else(|| missing(name))?;
            Ok::<_, String>(column.value(0).to_owned())
        };
        let short = |name: &str| {
            Ok::<_, String>(
                column(name)?.as_primitive_opt::<UInt16Type>().ok_or_else(|| missing(name))?.value(0),
            )
        };
        let labels = column("label")?.as_primitive_opt::<Int32Type>().ok_or_else(|| missing("label"))?;
        let slots = column("slot")?.as_primitive_opt::<UInt64Type>().ok_or_else(|| missing("slot"))?;
        let ranks = values::<UInt32Type>(column("frames")?).ok_or_else(|| missing("frames"))?;
        let times = values::<Int64Type>(column("times")?).ok_or_else(|| missing("times"))?;
        let planes = match facts.pixels {
            StoredPixels::Rgb => None,
            StoredPixels::Planes => {
                let unknown = |name: &str, word: &str| format!("its {name} is {word:?}");
                let (format, matrix, range) = (text("format")?, text("matrix")?, text("range")?);
                Some(Planes {
                    layout: Layout::named(&format).ok_or_else(|| unknown("format", &format))?,
                    matrix: Matrix::named(&matrix).ok_or_else(|| unknown("matrix", &matrix))?,
                    range: Range::named(&range).ok_or_else(|| unknown("range", &range))?,
                })
            }
        };
        let clip = Self {
            slot: Slot(slots.value(0)),
            video: text("video")?,
            label: labels.is_valid(0).then(|| labels.value(0)),
            ranks: ranks.values().iter().map(|&rank| FrameRank(rank)).collect(),
            times: times.values().iter().map(|&time| StreamTime(time)).collect(),
            width: short("width")?,
            height: short("height")?,
            planes,
            bytes: Vec::new(),
        };
        Ok(Self { bytes: blob(row, blobs).ok_or_else(|| missing(blobs))?, ..clip })
    }

    /// Its pictures, where it keeps planes: each distinct frame, rising. The clip must have no flaw.
    pub(crate) fn pictures(&self) -> Option<Vec<(FrameRank, Picture)>> {
        let Planes { layout, matrix, range } = self.planes?;
        let (width, height) = (u32::from(self.width), u32::from(self.height));
        let frames = self.bytes.chunks_exact(self.frame_bytes()?);
        let picture = |(rank, planes): (FrameRank, &[u8])| {
            (rank, Picture { layout, width, height, matrix, range, planes: Bytes::copy_from_slice(planes) })
        };
        Some(self.distinct().into_iter().zip(frames).map(picture).collect())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use schemas::MADE_BY;

    use super::*;
    use crate::picture::Sampling;

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
            pixels: StoredPixels::Rgb,
            source: "00".repeat(32),
            made_by: MADE_BY.to_owned(),
        }
    }

    /// A clip whose pixels are its own.
    pub(in crate::shard) fn clip(slot: u64) -> StoredClip {
        let (width, height) = (20 + slot as u16, 12);
        let bytes = 16 * usize::from(width) * usize::from(height) * 3;
        StoredClip {
            slot: Slot(slot),
            video: format!("films/{}.mp4", slot / 2),
            label: (!slot.is_multiple_of(3)).then_some(slot as i32),
            ranks: (0..16).map(|frame| FrameRank(slot as u32 + 4 * frame)).collect(),
            times: (0..16).map(|frame| StreamTime(frame * 160_000_000)).collect(),
            width,
            height,
            planes: None,
            bytes: (0..bytes).map(|at| (at * (slot as usize + 1) % 251) as u8).collect(),
        }
    }

    /// The facts of a dataset of planes, and a clip of it: frames 3, 7 and then 11 again and again.
    fn planes() -> (FrameShardFacts, StoredClip) {
        let planes = Planes {
            layout: Layout { colour: Sampling::Yuv420, bits: 10 },
            matrix: Matrix::Bt2020,
            range: Range::Full,
        };
        // 5×3 luma and twice 3×2 chroma samples of two bytes, three distinct frames.
        let bytes = (0..3 * 2 * (15 + 2 * 6)).map(|at| at as u8).collect();
        let ranks = (0..16).map(|frame| FrameRank(3 + 4 * frame.min(2))).collect();
        let clip = StoredClip { ranks, width: 5, height: 3, planes: Some(planes), bytes, ..clip(1) };
        (FrameShardFacts { pixels: StoredPixels::Planes, ..facts(1) }, clip)
    }

    #[test]
    fn a_clip_survives_its_row() {
        for (facts, clip) in [(facts(1), clip(0)), (facts(1), clip(1)), planes()] {
            let row = clip.clone().into_row(&facts).unwrap();
            assert_eq!(StoredClip::from_row(row.columns, &facts), Ok(clip));
        }
    }

    #[test]
    fn distinct_frames_are_kept_once() {
        let pictures = planes().1.pictures().unwrap();
        assert_eq!(pictures.iter().map(|(rank, _)| rank.0).collect::<Vec<_>>(), [3, 7, 11]);
        assert_eq!(pictures[1].1.plane(0)[0], 54);
        assert_eq!(clip(0).pictures(), None);
    }

    #[test]
    fn a_clip_of_the_wrong_size_has_a_flaw() {
        assert_eq!(clip(0).flaw(&facts(1)), None);
        let mut short = clip(0);
        short.bytes.pop();
        assert_eq!(short.flaw(&facts(1)).unwrap(), "11519 bytes are not 16 frames of 20x12");
        let mut fewer = clip(0);
        fewer.ranks.pop();
        assert_eq!(fewer.flaw(&facts(1)).unwrap(), "15 frames and 16 times instead of 16");
        let (of_planes, mut planes) = planes();
        assert_eq!(planes.flaw(&of_planes), None);
        assert!(planes.flaw(&facts(1)).is_some());
        planes.bytes.pop();
        assert_eq!(planes.flaw(&of_planes).unwrap(), "161 bytes are not 3 frames of 5x3");
    }
}
