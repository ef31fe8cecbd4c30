//! Record batches made without a pipeline, from frames and lists of tokens.

mod cube;

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use schemas::{
    ClipGeometry,
    clip_batch::{crop_fields, item_field, schema},
};

pub use self::cube::cube;

/// A clip and its mask.
pub struct MadeClip {
    pub number: u64,
    /// `[frames, height, width, 3]`.
    pub frames: Vec<u8>,
    pub visible: Vec<usize>,
    pub target: Vec<usize>,
    pub context: Vec<usize>,
}

/// The batch that the pipeline would make of these clips.
pub fn record_batch(geometry: ClipGeometry, clips: &[MadeClip]) -> RecordBatch {
    let (number, frames, visible) = (clips.len(), geometry.frames(), clips[0].visible.len());
    let tokens = |of: fn(&MadeClip) -> &Vec<usize>| -> Vec<Vec<u16>> {
        clips.iter().map(|clip| of(clip).iter().map(|token| *token as u16).collect()).collect()
    };
    let cubes = |of: fn(&MadeClip) -> &Vec<usize>| -> Vec<Vec<u8>> {
        let of_clip = |clip: &MadeClip| {
            of(clip).iter().flat_map(|token| cube(&clip.frames, geometry, *token)).collect()
        };
        clips.iter().map(of_clip).collect()
    };
    let crops = (0..4).map(|_| Arc::new(UInt16Array::from(vec![0; number])) as ArrayRef).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(clips.iter().map(|clip| clip.number))),
        Arc::new(UInt32Array::from(vec![0; number])),
        Arc::new(StringArray::from(vec!["made"; number])),
        Arc::new(Int32Array::from(vec![None; number])),
        Arc::new(UInt32Array::from(vec![0; number])),
        fixed(Arc::new(UInt32Array::from(vec![0; number * frames])), frames),
        fixed(Arc::new(Int64Array::from(vec![0; number * frames])), frames),
        Arc::new(StructArray::new(crop_fields(), crops, None)),
        Arc::new(BooleanArray::from(vec![false; number])),
        fixed(Arc::new(UInt16Array::from(tokens(|clip| &clip.visible).concat())), visible),
        fixed(Arc::new(UInt8Array::from(cubes(|clip| &clip.visible).concat())), visible * geometry.cube()),
        list(&tokens(|clip| &clip.target), DataType::UInt16, |row| Arc::new(UInt16Array::from(row))),
        list(&cubes(|clip| &clip.target), DataType::UInt8, |row| Arc::new(UInt8Array::from(row))),
        list(&tokens(|clip| &clip.context), DataType::UInt16, |row| Arc::new(UInt16Array::from(row))),
    ];
    RecordBatch::try_new(schema(geometry, visible), columns).unwrap()
}

fn fixed(values: ArrayRef, length: usize) -> ArrayRef {
    let field = item_field(values.data_type().clone());
    Arc::new(FixedSizeListArray::new(field, length as i32, values, None))
}

fn list<T: Clone>(rows: &[Vec<T>], item: DataType, array: fn(Vec<T>) -> ArrayRef) -> ArrayRef {
    let offsets = rows.iter().scan(0, |end, row| {
        *end += row.len() as i32;
        Some(*end)
    });
    let offsets: Vec<i32> = [0].into_iter().chain(offsets).collect();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Arc::new(ListArray::new(item_field(item), offsets, array(rows.concat()), None))
}
