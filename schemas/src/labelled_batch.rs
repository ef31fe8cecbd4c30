//! The record batch of fine-tuning and evaluation: one row a whole clip, or one view of a video.
//!
//! ```text
//! clip u64, epoch u32                 the clip's identity: number within its epoch (clip number × repeats + repeat)
//! row u64, video utf8                 which video: its place in the list that was given, from 0, and its path
//! label i32?                          its class; null where the list says none
//! view struct{clip, crop u16}         which view of the video in a test, from 0; (0, 0) in training
//! frames list<u32>[F], times list<i64 ns>[F]
//! crop struct{x, y, width, height u16}, flip bool
//! erase struct{top, left, height, width u16}?     box that the trainer fills with noise, in pixels of the clip
//! cubes u8[N·C]                       all cubes in token order, augmented, resized, mirrored; not erased
//! labels list<f32>?                   0 or 1 a class, or the numbers to answer: only in batches of videos that have
//!                                     several labels or numbers, whose `label` is null
//! ```
//!
//! Tokens, and a cube's bytes, are in the order of [`crate::geometry`], so the trainer reshapes and never
//! permutes. Pixels are u8 until the device: the official code crops and resizes f32 pixels, so a level here
//! is up to half a level (.0087 after normalisation) off the official one. What erasing puts in its box is
//! noise in normalised space, which no u8 holds; only the box travels, and the trainer draws the noise from
//! (seed, epoch, clip). Mixup and cutmix belong to an update, not to a clip, and are the trainer's too.
//! The schema's metadata holds the geometry and the format version.

pub(crate) mod builder;

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{Float32Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

use crate::{
    clip_batch::{ClipBatchError, check_columns, crop_fields, geometry_in, item_field, metadata},
    geometry::{CHANNELS, ClipGeometry},
};

pub use self::builder::{LabelledBatchBuilder, LabelledClip};

/// Format version of the record batch; a reader refuses any other.
pub const VERSION: &str = "tubelet-labelled-batch/1";

/// A box of pixels of the clip's frames, the same in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EraseBox {
    /// First row.
    pub top: u16,
    /// First column.
    pub left: u16,
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
}

/// Which view of a video a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct View {
    /// Clip along time, from 0.
    pub clip: u16,
    /// Crop along the long side, from 0.
    pub crop: u16,
}

/// The schema of a batch of whole clips of this geometry, of videos with one class each or none.
pub fn schema(geometry: ClipGeometry) -> SchemaRef {
    Arc::new(Schema::new_with_metadata(fields(geometry, "cubes"), metadata(VERSION, geometry)))
}

/// The same of videos with several labels, or numbers.
pub fn schema_with_labels(geometry: ClipGeometry) -> SchemaRef {
    let mut fields = fields(geometry, "cubes");
    fields.push(labels_field());
    Arc::new(Schema::new_with_metadata(fields, metadata(VERSION, geometry)))
}

/// The field of several labels, or numbers.
pub(crate) fn labels_field() -> Field {
    Field::new("labels", DataType::List(item_field(DataType::Float32)), true)
}

/// The fields of whole clips, whose pixels stand in the column `pixels`.
pub(crate) fn fields(geometry: ClipGeometry, pixels: &str) -> Vec<Field> {
    let list = |name: &str, item: DataType, length: usize| Field::new(name, list_of(item, length), false);
    let numbers = |names: &[&str]| -> Fields {
        names.iter().map(|name| Field::new(*name, DataType::UInt16, false)).collect()
    };
    vec![
        Field::new("clip", DataType::UInt64, false),
        Field::new("epoch", DataType::UInt32, false),
        Field::new("row", DataType::UInt64, false),
        Field::new("video", DataType::Utf8, false),
        Field::new("label", DataType::Int32, true),
        Field::new("view", DataType::Struct(numbers(&["clip", "crop"])), false),
        list("frames", DataType::UInt32, geometry.frames()),
        list("times", DataType::Int64, geometry.frames()),
        Field::new("crop", DataType::Struct(crop_fields()), false),
        Field::new("flip", DataType::Boolean, false),
        Field::new("erase", DataType::Struct(numbers(&["top", "left", "height", "width"])), true),
        list(pixels, DataType::UInt8, geometry.tokens() * geometry.cube()),
    ]
}

fn list_of(item: DataType, length: usize) -> DataType {
    let length =
        i32::try_from(length).expect("because a clip has at most 65536 tokens of some thousand bytes");
    DataType::FixedSizeList(item_field(item), length)
}

/// A record batch whose columns have been checked against the schema; the trainer's view of it.
#[derive(Clone, Debug)]
pub struct LabelledBatch {
    batch: RecordBatch,
    geometry: ClipGeometry,
}

impl TryFrom<RecordBatch> for LabelledBatch {
    type Error = ClipBatchError;

    fn try_from(batch: RecordBatch) -> Result<Self, ClipBatchError> {
        let found = batch.schema();
        let geometry = geometry_in(&found, VERSION)?;
        let with_labels = found.column_with_name("labels").is_some();
        let wanted = if with_labels { schema_with_labels(geometry) } else { schema(geometry) };
        check_columns(&found, &wanted)?;
        let view = Self { batch, geometry };
        let (rows, columns) = (geometry.height(), geometry.width());
        for clip in 0..view.len() {
            let outside = |it: &EraseBox| {
                usize::from(it.top) + usize::from(it.height) > rows
                    || usize::from(it.left) + usize::from(it.width) > columns
            };
            if let Some(erase) = view.erase(clip).filter(outside) {
                let why = format!("of row {clip} is {erase:?}, outside a picture of {columns}×{rows}");
                return Err(ClipBatchError::Column { column: "erase", why });
            }
        }
        Ok(view)
    }
}

impl LabelledBatch {
    /// Clips in the batch.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there is no clip in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of its clips.
    pub fn geometry(&self) -> ClipGeometry {
        self.geometry
    }

    /// Epoch of the clip in row `clip`, and its number within that epoch.
    pub fn identity(&self, clip: usize) -> (u32, u64) {
        let epochs = self.column("epoch").as_primitive::<UInt32Type>();
        (epochs.value(clip), self.column("clip").as_primitive::<UInt64Type>().value(clip))
    }

    /// Place of the video in the list that was given.
    pub fn row(&self, clip: usize) -> u64 {
        self.column("row").as_primitive::<UInt64Type>().value(clip)
    }

    /// Path of the video.
    pub fn video(&self, clip: usize) -> &str {
        self.column("video").as_string::<i32>().value(clip)
    }

    /// Class of the video, if the list says one.
    pub fn label(&self, clip: usize) -> Option<i32> {
        let labels = self.column("label").as_primitive::<Int32Type>();
        labels.is_valid(clip).then(|| labels.value(clip))
    }

    /// What the video should be answered by, if it has several labels or numbers.
    pub fn labels(&self, clip: usize) -> Option<Vec<f32>> {
        let labels = self.batch.column_by_name("labels")?.as_list::<i32>();
        labels.is_valid(clip).then(|| labels.value(clip).as_primitive::<Float32Type>().values().to_vec())
    }

    /// Which view of the video it is.
    pub fn view(&self, clip: usize) -> View {
        let [view_clip, crop] = self.numbers("view", clip);
        View { clip: view_clip, crop }
    }

    /// Rank of each frame.
    pub fn frames(&self, clip: usize) -> &[u32] {
        let list = self.column("frames").as_fixed_size_list();
        let length = self.geometry.frames();
        &list.values().as_primitive::<UInt32Type>().values()[clip * length..][..length]
    }

    /// Presentation time of each frame in ns.
    pub fn times(&self, clip: usize) -> &[i64] {
        let list = self.column("times").as_fixed_size_list();
        let length = self.geometry.frames();
        &list.values().as_primitive::<Int64Type>().values()[clip * length..][..length]
    }

    /// The box that is to be filled with noise.
    pub fn erase(&self, clip: usize) -> Option<EraseBox> {
        let [top, left, height, width] = self.numbers("erase", clip);
        let erase = EraseBox { top, left, height, width };
        self.column("erase").is_valid(clip).then_some(erase)
    }

    /// All cubes of all clips: `[clips, tokens, cube]`.
    pub fn cubes(&self) -> &[u8] {
        let row = self.geometry.tokens() * self.geometry.cube();
        let list = self.column("cubes").as_fixed_size_list();
        &list.values().as_primitive::<UInt8Type>().values()[..self.len() * row]
    }

    /// The frames of a clip as pictures: `[frames, height, width, 3]`.
    pub fn pictures(&self, clip: usize) -> Vec<u8> {
        let geometry = self.geometry;
        let (height, width, patch, tubelet) =
            (geometry.height(), geometry.width(), geometry.patch(), geometry.tubelet());
        let [_, rows, columns] = geometry.grid();
        let mut pixels = vec![0; geometry.frames() * height * width * CHANNELS];
        let cubes = &self.cubes()[clip * geometry.tokens() * geometry.cube()..];
        for (token, cube) in cubes.chunks_exact(geometry.cube()).take(geometry.tokens()).enumerate() {
            let (t, y, x) = (token / (rows * columns), token / columns % rows, token % columns);
            for (at, line) in cube.chunks_exact(patch).enumerate() {
                let (colour, time, row) = (at / (tubelet * patch), at / patch % tubelet, at % patch);
                let start = ((t * tubelet + time) * height + y * patch + row) * width + x * patch;
                for (column, value) in line.iter().enumerate() {
                    pixels[(start + column) * CHANNELS + colour] = *value;
                }
            }
        }
        pixels
    }

    /// The record batch itself.
    pub fn record_batch(&self) -> &RecordBatch {
        &self.batch
    }

    fn numbers<const PARTS: usize>(&self, name: &str, clip: usize) -> [u16; PARTS] {
        let parts = self.column(name).as_struct();
        std::array::from_fn(|part| parts.column(part).as_primitive::<UInt16Type>().value(clip))
    }

    fn column(&self, name: &str) -> &ArrayRef {
        self.batch.column_by_name(name).expect("because the schema was checked")
    }
}
