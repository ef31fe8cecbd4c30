//! Columns of one row: lists and blobs in and out of Arrow arrays.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, LargeBinaryArray, ListArray, PrimitiveArray, RecordBatch, cast::AsArray,
    types::ArrowPrimitiveType,
};
use arrow_buffer::{Buffer, OffsetBuffer};
use arrow_schema::{Field, Schema, SchemaRef};

/// The schema without metadata, as rows have it.
pub(super) fn bare(schema: &Schema) -> SchemaRef {
    Schema::new(schema.fields().clone()).into()
}

/// A column with one list in it.
pub(super) fn list<T: ArrowPrimitiveType>(items: PrimitiveArray<T>) -> ListArray {
    list_of(items, false)
}

/// A column with one list in it, whose items may be missing.
#[cfg(any(feature = "video", test))]
pub(super) fn partial_list<T: ArrowPrimitiveType>(items: PrimitiveArray<T>) -> ListArray {
    list_of(items, true)
}

fn list_of<T: ArrowPrimitiveType>(items: PrimitiveArray<T>, partial: bool) -> ListArray {
    let length = OffsetBuffer::from_lengths([items.len()]);
    ListArray::new(Arc::new(Field::new("item", T::DATA_TYPE, partial)), length, Arc::new(items), None)
}

/// The items of a column's first list.
pub(super) fn values<T: ArrowPrimitiveType>(column: &ArrayRef) -> Option<PrimitiveArray<T>> {
    column.as_list_opt::<i32>()?.value(0).as_primitive_opt::<T>().cloned()
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

/// The bytes that a batch's first row has in the column `name`.
pub(super) fn blob(mut row: RecordBatch, name: &str) -> Option<Vec<u8>> {
    let at = row.schema_ref().index_of(name).ok()?;
    if row.num_rows() == 0 {
        return None;
    }
    // The column itself goes with this line, so that nothing else holds the bytes.
    let blob = row.remove_column(at).as_binary_opt::<i64>()?.slice(0, 1);
    Some(into_bytes(blob))
}
