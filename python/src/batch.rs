//! A record batch of clips as arrays: pixels in the memory that they were put into, numbers as PyTorch wants them.
//!
//! ```text
//! video u8[B, …]          pixels in the layout that was asked for (of cubes: tokens, then bytes of a cube)
//! visible, target, context i64[B, …]      tokens; rows of fewer tokens are filled with -1
//! bool_masked_pos bool[B, tokens]         what the encoder does not see
//! label i64[B] (-1: none), labels f32[B, classes]
//! frames, times (ns) i64[B, T], pts (s) f64[B, T]
//! clip, epoch, row i64[B]   crop i64[B, 4]   view i64[B, 2]   erase i64[B, 4] (all 0: none)   flip bool[B]
//! ```

use arrow_array::{
    Array, ArrayRef, RecordBatch, StructArray,
    cast::AsArray,
    types::{Float32Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_buffer::Buffer as ArrowBuffer;
use arrow_schema::DataType;
use pyo3::{prelude::*, types::PyDict};
use tubelet::schemas::{ClipGeometry, PixelLayout};

use crate::{buffer::Buffer, memory::Element};

/// Nanoseconds of a second.
const SECOND: f64 = 1e9;

/// What a batch holds, by key.
#[derive(Default)]
pub struct Arrays {
    pub arrays: Vec<(&'static str, Buffer)>,
    /// Columns of text.
    pub words: Vec<(&'static str, Vec<Option<String>>)>,
}

impl Arrays {
    /// The same as dictionaries: of buffers, and of lists of text.
    pub fn into_dicts(self, py: Python<'_>) -> PyResult<(Bound<'_, PyDict>, Bound<'_, PyDict>)> {
        let (arrays, words) = (PyDict::new(py), PyDict::new(py));
        for (key, array) in self.arrays {
            arrays.set_item(key, Bound::new(py, array)?)?;
        }
        for (key, column) in self.words {
            words.set_item(key, column)?;
        }
        Ok((arrays, words))
    }
}

/// What the rows of batches look like.
#[derive(Clone, Copy)]
pub struct RowShape {
    pub geometry: ClipGeometry,
    pub layout: PixelLayout,
}

/// Takes a batch apart. `None` where a column is of another type than the format says.
pub fn arrays(batch: RecordBatch, shape: RowShape) -> Option<Arrays> {
    let (schema, columns, rows) = batch.into_parts();
    let mut found = Arrays::default();
    let cube = shape.geometry.cube();
    for (field, column) in schema.fields().iter().zip(columns) {
        let arrays = &mut found.arrays;
        match field.name().as_str() {
            "video" => found.words.push(("path", words(&column)?)),
            "set" => found.words.push(("set", words(&column)?)),
            "verdict" => found.words.push(("verdict", words(&column)?)),
            "error" => found.words.push(("error", words(&column)?)),
            "pixels" | "cubes" => {
                let sides = [vec![rows], shape.layout.shape(shape.geometry)].concat();
                arrays.insert(0, ("video", bytes(column, &sides)?));
            }
            "visible_cubes" => {
                let seen = column.as_fixed_size_list_opt()?.value_length() as usize / cube;
                arrays.push(("visible_cubes", bytes(column, &[rows, seen, cube])?));
            }
            "target_cubes" => arrays.push(("target_cubes", target_cubes(&column, cube)?)),
            "visible" => {
                let visible = tokens(&column)?;
                arrays.push(("bool_masked_pos", hidden(&visible, shape.geometry.tokens())));
                arrays.push(("visible", numbers(visible)));
            }
            "target" => arrays.push(("target", numbers(tokens(&column)?))),
            "context" => arrays.push(("context", numbers(tokens(&column)?))),
            "labels" => arrays.push(("labels", answers(&column)?)),
            "times" => {
                let length = column.as_fixed_size_list_opt()?.value_length() as usize;
                let times = column.as_fixed_size_list().values().as_primitive_opt::<Int64Type>()?.values();
                let seconds: Vec<f64> = times.iter().map(|&time| time as f64 / SECOND).collect();
                arrays.push(("pts", Buffer::new(seconds.into(), Element::F64, &[rows, length])));
                arrays.push(("times", whole(times.to_vec(), &[rows, length])));
            }
            "frames" => {
                let list = column.as_fixed_size_list_opt()?;
                let ranks = list.values().as_primitive_opt::<UInt32Type>()?.values();
                let ranks = ranks.iter().copied().map(i64::from).collect();
                arrays.push(("frames", whole(ranks, &[rows, list.value_length() as usize])));
            }
            "flip" => {
                let flips: Vec<u8> =
                    column.as_boolean_opt()?.iter().map(|it| it == Some(true)).map(u8::from).collect();
                arrays.push(("flip", Buffer::new(flips.into(), Element::Bool, &[rows])));
            }
            "crop" => arrays.push(("crop", sides(column.as_struct_opt()?)?)),
            "view" => arrays.push(("view", sides(column.as_struct_opt()?)?)),
            "erase" => arrays.push(("erase", sides(column.as_struct_opt()?)?)),
            "clip" => arrays.push(("clip", single(&column)?)),
            "epoch" => arrays.push(("epoch", single(&column)?)),
            "row" => arrays.push(("row", single(&column)?)),
            "label" => arrays.push(("label", single(&column)?)),
            // What is not known here stays in the Arrow table (`ClipDataset.arrow()`).
            _ => {}
        }
    }
    Some(found)
}

fn words(column: &ArrayRef) -> Option<Vec<Option<String>>> {
    Some(column.as_string_opt::<i32>()?.iter().map(|word| word.map(str::to_owned)).collect())
}

fn whole(values: Vec<i64>, shape: &[usize]) -> Buffer {
    Buffer::new(values.into(), Element::I64, shape)
}

/// Rows of equal length as an array.
fn numbers(rows: Vec<Vec<i64>>) -> Buffer {
    let (count, length) = (rows.len(), rows.first().map_or(0, Vec::len));
    whole(rows.concat(), &[count, length])
}

/// The bytes of lists of fixed length, in their own memory.
fn bytes(column: ArrayRef, shape: &[usize]) -> Option<Buffer> {
    let list = column.as_fixed_size_list_opt()?.clone();
    drop(column);
    let (_, _, values, _) = list.into_parts();
    // Each owner but one is dropped before the buffer is taken, so that it need not be copied.
    let array = values.as_primitive_opt::<UInt8Type>()?.clone();
    drop(values);
    let (_, values, _) = array.into_parts();
    Some(Buffer::new(values.into_inner(), Element::U8, shape))
}

/// Lists of tokens; those that are shorter than the longest are filled with -1.
fn tokens(column: &ArrayRef) -> Option<Vec<Vec<i64>>> {
    let row = |values: ArrayRef| -> Option<Vec<i64>> {
        Some(values.as_primitive_opt::<UInt16Type>()?.values().iter().copied().map(i64::from).collect())
    };
    let lists: Option<Vec<Vec<i64>>> = match column.data_type() {
        DataType::List(_) => column.as_list::<i32>().iter().map(|list| row(list?)).collect(),
        _ => column.as_fixed_size_list_opt()?.iter().map(|list| row(list?)).collect(),
    };
    let mut lists = lists?;
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    lists.iter_mut().for_each(|list| list.resize(longest, -1));
    Some(lists)
}

/// Which of all tokens are not among the visible ones.
fn hidden(visible: &[Vec<i64>], tokens: usize) -> Buffer {
    let mut hidden = vec![1u8; visible.len() * tokens];
    for (row, visible) in hidden.chunks_exact_mut(tokens.max(1)).zip(visible) {
        for &token in visible {
            if let Some(place) = usize::try_from(token).ok().and_then(|token| row.get_mut(token)) {
                *place = 0;
            }
        }
    }
    Buffer::new(hidden.into(), Element::Bool, &[visible.len(), tokens])
}

/// The cubes of the targets `[B, targets, cube]`; those of rows with fewer targets are filled with 0.
fn target_cubes(column: &ArrayRef, cube: usize) -> Option<Buffer> {
    let lists = column.as_list_opt::<i32>()?;
    let longest = lists.iter().map(|list| list.map_or(0, |list| list.len())).max().unwrap_or(0);
    let mut cubes = vec![0u8; lists.len() * longest];
    for (row, list) in cubes.chunks_exact_mut(longest.max(1)).zip(lists.iter()) {
        let list = list?;
        let bytes = list.as_primitive_opt::<UInt8Type>()?.values();
        row[..bytes.len()].copy_from_slice(bytes);
    }
    Some(Buffer::new(ArrowBuffer::from_vec(cubes), Element::U8, &[lists.len(), longest / cube.max(1), cube]))
}

/// Several labels, or numbers, of each row; rows without any are filled with NaN.
fn answers(column: &ArrayRef) -> Option<Buffer> {
    let lists = column.as_list_opt::<i32>()?;
    let longest = lists.iter().map(|list| list.map_or(0, |list| list.len())).max().unwrap_or(0);
    let mut answers = vec![f32::NAN; lists.len() * longest];
    for (row, list) in answers.chunks_exact_mut(longest.max(1)).zip(lists.iter()) {
        if let Some(list) = list {
            let values = list.as_primitive_opt::<Float32Type>()?.values();
            row[..values.len()].copy_from_slice(values);
        }
    }
    Some(Buffer::new(answers.into(), Element::F32, &[lists.len(), longest]))
}

/// The numbers of a struct's fields, side by side; 0 where it is null.
fn sides(column: &StructArray) -> Option<Buffer> {
    let fields: Option<Vec<_>> =
        column.columns().iter().map(|field| field.as_primitive_opt::<UInt16Type>()).collect();
    let fields = fields?;
    let values = (0..column.len()).flat_map(|row| {
        let there = column.is_valid(row);
        fields.iter().map(move |field| if there { field.value(row).into() } else { 0 })
    });
    Some(whole(values.collect(), &[column.len(), fields.len()]))
}

/// A number a row; -1 where there is none.
fn single(column: &ArrayRef) -> Option<Buffer> {
    let values: Vec<i64> = match column.data_type() {
        DataType::UInt64 => {
            column.as_primitive::<UInt64Type>().iter().map(|it| it.map_or(-1, u64::cast_signed)).collect()
        }
        DataType::UInt32 => {
            column.as_primitive::<UInt32Type>().iter().map(|it| it.map_or(-1, i64::from)).collect()
        }
        DataType::Int32 => {
            column.as_primitive::<Int32Type>().iter().map(|it| it.map_or(-1, i64::from)).collect()
        }
        _ => return None,
    };
    Some(whole(values, &[column.len()]))
}
