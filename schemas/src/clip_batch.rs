//! The record batch that goes from the pipeline to the trainer: one row a clip.
//!
//! ```text
//! clip u64, epoch u32                        the clip's identity: number within its epoch
//! video utf8, label i32?                     where it comes from
//! start_frame u32, frames list<u32>[F], times list<i64 ns>[F]
//! crop struct{x, y, width, height u16}, flip bool
//! visible      u16[V]   tokens the encoder sees, ascending
//! visible_cubes u8[V·C] their pixels
//! target       list u16 tokens that count in the loss, ascending      (V1: all hidden ones)
//! target_cubes list u8  their pixels
//! context      list u16 tokens the decoder predicts without counting them (V2's decoder mask only)
//! set          utf8     which set the video is of (mixtures of sets only)
//! ```
//!
//! Cube bytes are in the order of the embedding weights ([`crate::geometry`]), so the trainer reshapes
//! and never permutes. `target` and `context` are lists of free length because a running-cell mask
//! counts different numbers of tokens in different clips when the time positions are no multiple of 4.
//! The schema's metadata holds the geometry, the format version and what made it.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, ListArray, RecordBatch, UInt8Array, UInt16Array,
    cast::AsArray,
    types::{UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

use crate::geometry::ClipGeometry;

/// Format version of the record batch; a reader refuses any other.
pub const VERSION: &str = "tubelet-clip-batch/1";

/// Metadata key of the format version.
pub const VERSION_KEY: &str = "tubelet.format";
/// Metadata key of the geometry, as JSON.
pub const GEOMETRY_KEY: &str = "tubelet.geometry";

/// Metadata key of the names of the sets of a mixture, a JSON list.
pub const SETS_KEY: &str = "tubelet.sets";

/// Why a record batch is no batch of clips.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClipBatchError {
    /// The metadata names another format, or none.
    #[error("the batch is {found:?}, wanted {wanted}")]
    Version {
        /// What stands there.
        found: Option<String>,
        /// The format that is read.
        wanted: &'static str,
    },
    /// The geometry in the metadata is missing or wrong.
    #[error("the batch's geometry cannot be read: {why}")]
    Geometry {
        /// What is wrong with it.
        why: String,
    },
    /// The layout in the metadata is missing or unknown.
    #[error("the batch's layout cannot be read: {found:?}")]
    Layout {
        /// What stands there.
        found: String,
    },
    /// A column is missing, of another type, or of another length than the geometry asks for.
    #[error("column `{column}` {why}")]
    Column {
        /// Its name.
        column: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// The schema of a batch of clips of this geometry with `visible` visible tokens each.
pub fn schema(geometry: ClipGeometry, visible: usize) -> SchemaRef {
    let frames = length(geometry.frames());
    let list = |name: &str, item: DataType, length: i32| {
        Field::new(name, DataType::FixedSizeList(item_field(item), length), false)
    };
    let free_list = |name: &str, item: DataType| Field::new(name, DataType::List(item_field(item)), false);
    let fields = vec![
        Field::new("clip", DataType::UInt64, false),
        Field::new("epoch", DataType::UInt32, false),
        Field::new("video", DataType::Utf8, false),
        Field::new("label", DataType::Int32, true),
        Field::new("start_frame", DataType::UInt32, false),
        list("frames", DataType::UInt32, frames),
        list("times", DataType::Int64, frames),
        Field::new("crop", DataType::Struct(crop_fields()), false),
        Field::new("flip", DataType::Boolean, false),
        list("visible", DataType::UInt16, length(visible)),
        list("visible_cubes", DataType::UInt8, length(visible * geometry.cube())),
        free_list("target", DataType::UInt16),
        free_list("target_cubes", DataType::UInt8),
        free_list("context", DataType::UInt16),
    ];
    Arc::new(Schema::new_with_metadata(fields, metadata(VERSION, geometry)))
}

/// The schema of the same batches of a mixture of sets with these names.
pub fn schema_with_sets(schema: &Schema, names: &[Arc<str>]) -> SchemaRef {
    let fields = schema.fields().iter().cloned().chain([Arc::new(set_field())]);
    let mut metadata = schema.metadata().clone();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    metadata.insert(SETS_KEY.to_owned(), serde_json::Value::from(names).to_string());
    Arc::new(Schema::new_with_metadata(fields.collect::<Fields>(), metadata))
}

/// The field of the set that a clip's video is of.
pub(crate) fn set_field() -> Field {
    Field::new("set", DataType::Utf8, false)
}

/// The metadata of a batch of clips of this geometry, in this format.
pub(crate) fn metadata(version: &str, geometry: ClipGeometry) -> HashMap<String, String> {
    HashMap::from([
        (VERSION_KEY.to_owned(), version.to_owned()),
        (
            GEOMETRY_KEY.to_owned(),
            serde_json::to_string(&geometry).expect("because five numbers always make JSON"),
        ),
    ])
}

/// The geometry that the metadata of a batch names, if it is of format `version`.
pub(crate) fn geometry_in(schema: &Schema, version: &'static str) -> Result<ClipGeometry, ClipBatchError> {
    let metadata = schema.metadata();
    if metadata.get(VERSION_KEY).map(String::as_str) != Some(version) {
        let found = metadata.get(VERSION_KEY).cloned();
        return Err(ClipBatchError::Version { found, wanted: version });
    }
    let json =
        metadata.get(GEOMETRY_KEY).ok_or_else(|| ClipBatchError::Geometry { why: "it is missing".into() })?;
    serde_json::from_str(json).map_err(|why| ClipBatchError::Geometry { why: why.to_string() })
}

/// Checks that the columns found are those wanted, in their order.
pub(crate) fn check_columns(found: &Schema, wanted: &Schema) -> Result<(), ClipBatchError> {
    if found.fields() == wanted.fields() {
        return Ok(());
    }
    let odd = found.fields().iter().zip(wanted.fields()).find(|(a, b)| a != b);
    let why = odd.map_or_else(|| "are too few or too many".into(), |(a, b)| format!("has {a:?} for {b:?}"));
    Err(ClipBatchError::Column { column: "(all)", why })
}

/// The fields of `crop`: the window in the (resized, upright) frame, in pixels.
pub fn crop_fields() -> Fields {
    ["x", "y", "width", "height"].map(|name| Field::new(name, DataType::UInt16, false)).into_iter().collect()
}

/// The field of a list's items.
pub fn item_field(item: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", item, false))
}

fn length(items: usize) -> i32 {
    i32::try_from(items).expect("because a clip has at most 65536 tokens of some thousand bytes")
}

/// A record batch whose columns have been checked against the schema; the trainer's view of it.
#[derive(Clone, Debug)]
pub struct ClipBatch {
    batch: RecordBatch,
    geometry: ClipGeometry,
    visible: usize,
    /// Names of the sets of a mixture; empty where there is none.
    sets: Arc<[Arc<str>]>,
}

impl TryFrom<RecordBatch> for ClipBatch {
    type Error = ClipBatchError;

    fn try_from(batch: RecordBatch) -> Result<Self, ClipBatchError> {
        let found = batch.schema();
        let geometry = geometry_in(&found, VERSION)?;
        let visible = match batch.column_by_name("visible").map(|column| column.data_type().clone()) {
            Some(DataType::FixedSizeList(_, tokens)) => tokens as usize,
            other => {
                let why = format!("is {other:?}, not a list of fixed length");
                return Err(ClipBatchError::Column { column: "visible", why });
            }
        };
        let sets = sets_in(&found)?;
        let wanted = schema(geometry, visible);
        let wanted = if sets.is_empty() { wanted } else { schema_with_sets(&wanted, &sets) };
        check_columns(&found, &wanted)?;
        let view = Self { batch, geometry, visible, sets };
        view.check_lengths()?;
        Ok(view)
    }
}

impl ClipBatch {
    fn check_lengths(&self) -> Result<(), ClipBatchError> {
        for clip in 0..self.len() {
            let (targets, bytes) = (self.target(clip).len(), self.target_cubes(clip).len());
            if targets * self.geometry.cube() != bytes {
                let why = format!("has {bytes} bytes for {targets} cubes in row {clip}");
                return Err(ClipBatchError::Column { column: "target_cubes", why });
            }
            for (column, tokens) in [
                ("visible", self.visible(clip)),
                ("target", self.target(clip)),
                ("context", self.context(clip)),
            ] {
                if let Some(token) =
                    tokens.iter().find(|token| usize::from(**token) >= self.geometry.tokens())
                {
                    let why = format!("names token {token} of {} in row {clip}", self.geometry.tokens());
                    return Err(ClipBatchError::Column { column, why });
                }
            }
        }
        Ok(())
    }

    /// The names of the sets of a mixture; empty where there is none.
    pub fn sets(&self) -> &Arc<[Arc<str>]> {
        &self.sets
    }

    /// Which of [`Self::sets`] clip `clip` is of; none where there is no mixture, or where it names another set.
    pub fn set_of(&self, clip: usize) -> Option<usize> {
        let names = self.batch.column_by_name("set")?.as_string::<i32>();
        self.sets.iter().position(|set| **set == *names.value(clip))
    }

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

    /// Visible tokens of each clip.
    pub fn visible_tokens(&self) -> usize {
        self.visible
    }

    /// The record batch itself.
    pub fn record_batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Epoch of the clip in row `clip`, and its number within that epoch.
    pub fn identity(&self, clip: usize) -> (u32, u64) {
        let epochs = self.column("epoch").as_primitive::<UInt32Type>();
        (epochs.value(clip), self.column("clip").as_primitive::<UInt64Type>().value(clip))
    }

    /// Frames of all clips that repeat the frame before them: what a video shorter than its clip gives.
    pub fn repeated_frames(&self) -> usize {
        let ranks = self.fixed("frames").values().as_primitive::<UInt32Type>();
        let clips = ranks.values().chunks_exact(self.geometry.frames()).take(self.len());
        clips.map(|ranks| ranks.windows(2).filter(|pair| pair[0] == pair[1]).count()).sum()
    }

    /// Tokens of clip `clip` that the encoder sees, ascending.
    pub fn visible(&self, clip: usize) -> &[u16] {
        &u16s(self.fixed("visible").values())[clip * self.visible..][..self.visible]
    }

    /// Pixels of the visible cubes of all clips: `[clips, visible, cube]`.
    pub fn visible_cubes(&self) -> &[u8] {
        let row = self.visible * self.geometry.cube();
        &u8s(self.fixed("visible_cubes").values())[..self.len() * row]
    }

    /// Tokens of clip `clip` that count in the loss, ascending.
    pub fn target(&self, clip: usize) -> &[u16] {
        let list = self.list("target");
        &u16s(list.values())[range(list, clip)]
    }

    /// Pixels of the target cubes of clip `clip`: `[targets, cube]`.
    pub fn target_cubes(&self, clip: usize) -> &[u8] {
        let list = self.list("target_cubes");
        &u8s(list.values())[range(list, clip)]
    }

    /// Pixels of the target cubes of all clips, one clip's after the other's.
    pub fn all_target_cubes(&self) -> &[u8] {
        let list = self.list("target_cubes");
        match self.len() {
            0 => &[],
            clips => &u8s(list.values())[range(list, 0).start..range(list, clips - 1).end],
        }
    }

    /// Tokens of clip `clip` that the decoder predicts and the loss leaves out, ascending.
    pub fn context(&self, clip: usize) -> &[u16] {
        let list = self.list("context");
        &u16s(list.values())[range(list, clip)]
    }

    fn column(&self, name: &str) -> &ArrayRef {
        self.batch.column_by_name(name).expect("because the schema was checked")
    }

    fn fixed(&self, name: &str) -> &FixedSizeListArray {
        self.column(name).as_fixed_size_list()
    }

    fn list(&self, name: &str) -> &ListArray {
        self.column(name).as_list()
    }
}

/// The names of the sets that the metadata of a batch names.
fn sets_in(schema: &Schema) -> Result<Arc<[Arc<str>]>, ClipBatchError> {
    let Some(text) = schema.metadata().get(SETS_KEY) else { return Ok(Arc::default()) };
    let names: Vec<String> = serde_json::from_str(text).map_err(|why| {
        let why = format!("is not to be read, since `{SETS_KEY}` is no list of names: {why}");
        ClipBatchError::Column { column: "set", why }
    })?;
    Ok(names.into_iter().map(Into::into).collect())
}

fn range(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

fn u8s(values: &ArrayRef) -> &[u8] {
    let bytes: &UInt8Array = values.as_primitive::<UInt8Type>();
    bytes.values()
}

fn u16s(values: &ArrayRef) -> &[u16] {
    let tokens: &UInt16Array = values.as_primitive::<UInt16Type>();
    tokens.values()
}
