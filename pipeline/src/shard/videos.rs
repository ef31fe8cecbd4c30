//! A film's file into a row of a video shard.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, StructArray, UInt64Array};
use arrow_buffer::{Buffer, OffsetBuffer};
use schemas::video_shard::{VideoShardFacts, video_fields};

use super::{columns::bare, kind::ShardFacts as _, writer::Row};
use crate::VideoNumber;

/// Bytes that a file may have: Arrow counts them by 31 bits.
pub(crate) const MOST_BYTES: u64 = i32::MAX as u64;

/// The row of a film. `file` is at most [`MOST_BYTES`] long.
pub(crate) fn video_row(
    facts: &VideoShardFacts,
    number: VideoNumber,
    name: &str,
    label: Option<i32>,
    file: Vec<u8>,
) -> Row {
    let length = file.len();
    let bytes = BinaryArray::new(OffsetBuffer::from_lengths([length]), Buffer::from_vec(file), None);
    let parts: Vec<ArrayRef> = vec![Arc::new(bytes), Arc::new(StringArray::from(vec![name]))];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StructArray::new(video_fields(), parts, None)),
        Arc::new(Int64Array::from(vec![label.map(i64::from)])),
        Arc::new(UInt64Array::from(vec![number.0])),
    ];
    let columns = RecordBatch::try_new(bare(&facts.schema()), columns)
        .expect("because the columns are those of the schema");
    Row { key: number.0, bytes: length, columns }
}
