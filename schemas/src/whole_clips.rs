//! The record batch of whole clips for other trainers than ours: one row a clip, pixels in the layout they ask for.
//!
//! ```text
//! clip u64, epoch u32                 the clip's identity: number within its epoch (clip number × repeats + repeat)
//! row u64, video utf8                 which video: its place in the list that was given, from 0, and its path
//! label i32?                          its class; null where the list says none
//! view struct{clip, crop u16}         which view of the video in a test, from 0; (0, 0) elsewhere
//! frames list<u32>[F], times list<i64 ns>[F]
//! crop struct{x, y, width, height u16}, flip bool
//! erase struct{top, left, height, width u16}?     box to be filled with noise, in pixels of the clip
//! pixels u8[3·F·H·W]                  all pixels in the layout that the metadata names; not erased
//! labels list<f32>?                   0 or 1 a class, or the numbers to answer: only where videos have several
//! visible u16[V], target list u16, context list u16     tokens, ascending: only of masked clips
//! set utf8                            which set the video is of: only of mixtures of sets
//! verdict utf8?, error utf8?          why there is no clip: only of clips that are read by path and time; the row is
//!                                     all zeros then. An error without a verdict is no fault of the video
//! ```
//!
//! The columns are those of [`crate::labelled_batch`] with `pixels` for `cubes`; tokens mean what they mean in
//! [`crate::clip_batch`]. The schema's metadata holds the geometry, the layout and the format version.

mod builder;

use std::sync::Arc;

use arrow_array::{
    Array as _, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::{
    PixelLayout,
    clip_batch::{ClipBatchError, check_columns, geometry_in, item_field, metadata, set_field},
    geometry::ClipGeometry,
    labelled_batch::{fields, labels_field},
};

pub use self::builder::{ClipFailure, MaskTokens, WholeClip, WholeClipsBuilder};

/// Format version of the record batch; a reader refuses any other.
pub const VERSION: &str = "tubelet-whole-clips/1";

/// Metadata key of the layout of `pixels`.
pub const LAYOUT_KEY: &str = "tubelet.layout";

/// Which columns batches of whole clips have, and how long their rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeClipShape {
    /// Frames and pixels of a clip.
    pub geometry: ClipGeometry,
    /// The order of its pixels.
    pub layout: PixelLayout,
    /// Whether videos have several labels, or numbers.
    pub with_labels: bool,
    /// Visible tokens of each clip, where clips are masked.
    pub visible: Option<usize>,
    /// Whether rows name the set of a mixture that their video is of.
    pub with_sets: bool,
    /// Whether a row may say why there is no clip.
    pub with_failures: bool,
}

impl WholeClipShape {
    /// Clips of videos with one class each or none, without masks.
    pub fn new(geometry: ClipGeometry, layout: PixelLayout) -> Self {
        Self { geometry, layout, with_labels: false, visible: None, with_sets: false, with_failures: false }
    }

    /// The schema of their batches.
    pub fn schema(&self) -> SchemaRef {
        let mut fields = fields(self.geometry, "pixels");
        fields.extend(self.with_labels.then(labels_field));
        if let Some(visible) = self.visible {
            let length = i32::try_from(visible).expect("because a clip has at most 65536 tokens");
            let list = |name: &str, kind| Field::new(name, kind, false);
            fields.push(list("visible", DataType::FixedSizeList(item_field(DataType::UInt16), length)));
            let free =
                ["target", "context"].map(|name| list(name, DataType::List(item_field(DataType::UInt16))));
            fields.extend(free);
        }
        fields.extend(self.with_sets.then(set_field));
        if self.with_failures {
            fields.extend(["verdict", "error"].map(|name| Field::new(name, DataType::Utf8, true)));
        }
        let mut metadata = metadata(VERSION, self.geometry);
        metadata.insert(LAYOUT_KEY.to_owned(), self.layout.name().to_owned());
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }

    /// That of a batch with this schema.
    fn of(found: &Schema) -> Result<Self, ClipBatchError> {
        let geometry = geometry_in(found, VERSION)?;
        let word = found.metadata().get(LAYOUT_KEY).map_or("", String::as_str);
        let layout = word.parse().map_err(|_| ClipBatchError::Layout { found: word.to_owned() })?;
        let visible = match found.field_with_name("visible").map(Field::data_type) {
            Ok(DataType::FixedSizeList(_, tokens)) => usize::try_from(*tokens).ok(),
            _ => None,
        };
        let with_labels = found.column_with_name("labels").is_some();
        let [with_sets, with_failures] = ["set", "error"].map(|name| found.column_with_name(name).is_some());
        Ok(Self { geometry, layout, with_labels, visible, with_sets, with_failures })
    }
}

/// A record batch of whole clips whose columns have been checked against the schema.
#[derive(Clone, Debug)]
pub struct WholeClips {
    batch: RecordBatch,
    shape: WholeClipShape,
}

impl TryFrom<RecordBatch> for WholeClips {
    type Error = ClipBatchError;

    fn try_from(batch: RecordBatch) -> Result<Self, ClipBatchError> {
        let found = batch.schema();
        let shape = WholeClipShape::of(&found)?;
        check_columns(&found, &shape.schema())?;
        let view = Self { batch, shape };
        let tokens = shape.geometry.tokens();
        for column in ["visible", "target", "context"] {
            for row in 0..view.len() {
                if let Some(token) = view.tokens(column, row).iter().find(|it| usize::from(**it) >= tokens) {
                    let why = format!("names token {token} of {tokens} in row {row}");
                    return Err(ClipBatchError::Column { column, why });
                }
            }
        }
        Ok(view)
    }
}

impl WholeClips {
    /// Clips in the batch.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there is no clip in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which columns it has, and how long their rows are.
    pub fn shape(&self) -> WholeClipShape {
        self.shape
    }

    /// The record batch itself.
    pub fn record_batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Epoch of the clip in row `row`, and its number within that epoch.
    pub fn identity(&self, row: usize) -> (u32, u64) {
        let epochs = self.column("epoch").as_primitive::<UInt32Type>();
        (epochs.value(row), self.column("clip").as_primitive::<UInt64Type>().value(row))
    }

    /// Path of the video of row `row`.
    pub fn video(&self, row: usize) -> &str {
        self.column("video").as_string::<i32>().value(row)
    }

    /// Rank of each frame of row `row`.
    pub fn frames(&self, row: usize) -> &[u32] {
        let length = self.shape.geometry.frames();
        let list = self.column("frames").as_fixed_size_list();
        &list.values().as_primitive::<UInt32Type>().values()[row * length..][..length]
    }

    /// Pixels of all clips: `[clips, …]` with [`PixelLayout::shape`].
    pub fn pixels(&self) -> &[u8] {
        let list = self.column("pixels").as_fixed_size_list();
        let row = list.value_length() as usize;
        &list.values().as_primitive::<UInt8Type>().values()[..self.len() * row]
    }

    /// Tokens of row `row` that the encoder sees, ascending; none where clips are not masked.
    pub fn visible(&self, row: usize) -> &[u16] {
        self.tokens("visible", row)
    }

    /// Tokens of row `row` that count in the loss, ascending.
    pub fn target(&self, row: usize) -> &[u16] {
        self.tokens("target", row)
    }

    /// Tokens of row `row` that the decoder predicts and the loss leaves out, ascending.
    pub fn context(&self, row: usize) -> &[u16] {
        self.tokens("context", row)
    }

    /// Why row `row` has no clip, if it has none: the verdict on the video, where there is one, and a sentence.
    pub fn failure(&self, row: usize) -> Option<(Option<&str>, &str)> {
        let [verdict, error] =
            ["verdict", "error"].map(|name| Some(self.batch.column_by_name(name)?.as_string::<i32>()));
        let error = error.filter(|error| error.is_valid(row))?;
        let verdict = verdict.filter(|verdict| verdict.is_valid(row));
        Some((verdict.map(|verdict| verdict.value(row)), error.value(row)))
    }

    fn tokens(&self, name: &str, row: usize) -> &[u16] {
        let Some(column) = self.batch.column_by_name(name) else { return &[] };
        let (values, shown) = match column.as_list_opt::<i32>() {
            Some(list) => {
                let offsets = list.value_offsets();
                (list.values(), offsets[row] as usize..offsets[row + 1] as usize)
            }
            None => {
                let list = column.as_fixed_size_list();
                let length = list.value_length() as usize;
                (list.values(), row * length..(row + 1) * length)
            }
        };
        &values.as_primitive::<UInt16Type>().values()[shown]
    }

    fn column(&self, name: &str) -> &ArrayRef {
        self.batch.column_by_name(name).expect("because the schema was checked")
    }
}
