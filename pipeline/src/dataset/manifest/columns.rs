//! Rows of a manifest as Arrow columns, and back; columns are found by name.

use std::{iter, sync::Arc};

use arrow_array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray,
    PrimitiveArray, RecordBatch, StringArray, UInt16Array, UInt32Array, UInt64Array,
    cast::AsArray,
    types::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{Schema, SchemaRef};
use schemas::clip_batch::item_field;

use super::{ListedRow, ManifestRow, file_of};
use crate::{file::Extent, segment::Segment};

/// The columns; what describes the file goes into Parquet's own metadata.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(schemas::manifest::schema().fields().clone()))
}

/// Some rows as the columns of a manifest.
pub fn of_rows(rows: &[ManifestRow]) -> RecordBatch {
    macro_rules! column {
        ($array:ty, $field:ident) => {
            Arc::new(rows.iter().map(|row| row.$field.clone()).collect::<$array>()) as ArrayRef
        };
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.path))),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.bytes))),
        column!(Int32Array, label),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.verdict))),
        column!(StringArray, reason),
        column!(StringArray, container),
        column!(StringArray, codec),
        column!(UInt32Array, width),
        column!(UInt32Array, height),
        column!(UInt32Array, pixel_aspect_width),
        column!(UInt32Array, pixel_aspect_height),
        column!(UInt16Array, rotation),
        column!(UInt32Array, frames),
        column!(UInt32Array, packets),
        lists::<Int64Type>(rows.iter().map(|row| row.times.as_deref())),
        lists::<UInt32Type>(rows.iter().map(|row| row.key_frames.as_deref())),
        column!(Int64Array, duration_ns),
        column!(BooleanArray, variable_rate),
        column!(Float64Array, frames_per_second),
        column!(BooleanArray, has_b_frames),
        column!(BooleanArray, verified),
        Arc::new(rows.iter().map(|row| row.path_bytes.as_deref()).collect::<BinaryArray>()),
        column!(StringArray, kind),
        column!(StringArray, numbers),
        column!(UInt32Array, start),
        column!(UInt32Array, stop),
        column!(Float64Array, start_seconds),
        column!(Float64Array, stop_seconds),
        column!(UInt64Array, member_start),
        column!(UInt64Array, member_bytes),
        column!(UInt64Array, archive_bytes),
        column!(Int64Array, archive_modified),
        column!(StringArray, blake3),
    ];
    RecordBatch::try_new(schema(), columns).expect("because the columns are those of the schema")
}

/// The rows of a batch, or the name of the first column that is missing or of another type.
pub(super) fn to_rows(batch: &RecordBatch) -> Result<Vec<ManifestRow>, &'static str> {
    let mut rows = vec![ManifestRow::default(); batch.num_rows()];
    macro_rules! take {
        ($field:ident, $as_array:ident $(::<$kind:ty>)?) => {
            let name = stringify!($field);
            let column = batch.column_by_name(name).ok_or(name)?;
            let column = column.$as_array $(::<$kind>)? ().ok_or(name)?;
            for (row, value) in iter::zip(&mut rows, column.iter()) {
                row.$field = value.map(Into::into);
            }
        };
    }
    macro_rules! take_always {
        ($field:ident, $as_array:ident ::<$kind:ty>) => {
            let name = stringify!($field);
            let column = batch.column_by_name(name).ok_or(name)?;
            let column = column.$as_array::<$kind>().ok_or(name)?;
            for (row, value) in iter::zip(&mut rows, column.iter()) {
                row.$field = value.ok_or(name)?.into();
            }
        };
    }
    macro_rules! take_list {
        ($field:ident, $kind:ty) => {
            let name = stringify!($field);
            let column =
                batch.column_by_name(name).and_then(|column| column.as_list_opt::<i32>()).ok_or(name)?;
            for (row, list) in iter::zip(&mut rows, column.iter()) {
                let Some(list) = list else { continue };
                row.$field = Some(list.as_primitive_opt::<$kind>().ok_or(name)?.values().to_vec());
            }
        };
    }
    // Columns that manifests of earlier versions do not have.
    macro_rules! take_if_there {
        ($field:ident, $as_array:ident ::<$kind:ty>) => {
            if batch.column_by_name(stringify!($field)).is_some() {
                take!($field, $as_array::<$kind>);
            }
        };
    }
    take_always!(path, as_string_opt::<i32>);
    take_always!(bytes, as_primitive_opt::<UInt64Type>);
    take!(label, as_primitive_opt::<Int32Type>);
    take_always!(verdict, as_string_opt::<i32>);
    take!(reason, as_string_opt::<i32>);
    take!(container, as_string_opt::<i32>);
    take!(codec, as_string_opt::<i32>);
    take!(width, as_primitive_opt::<UInt32Type>);
    take!(height, as_primitive_opt::<UInt32Type>);
    take!(pixel_aspect_width, as_primitive_opt::<UInt32Type>);
    take!(pixel_aspect_height, as_primitive_opt::<UInt32Type>);
    take!(rotation, as_primitive_opt::<UInt16Type>);
    take!(frames, as_primitive_opt::<UInt32Type>);
    take!(packets, as_primitive_opt::<UInt32Type>);
    take_list!(times, Int64Type);
    take_list!(key_frames, UInt32Type);
    take!(duration_ns, as_primitive_opt::<Int64Type>);
    take!(variable_rate, as_boolean_opt);
    take!(frames_per_second, as_primitive_opt::<Float64Type>);
    take!(has_b_frames, as_boolean_opt);
    take!(verified, as_boolean_opt);
    take_if_there!(path_bytes, as_binary_opt::<i32>);
    take_if_there!(kind, as_string_opt::<i32>);
    take_if_there!(numbers, as_string_opt::<i32>);
    take_if_there!(start, as_primitive_opt::<UInt32Type>);
    take_if_there!(stop, as_primitive_opt::<UInt32Type>);
    take_if_there!(start_seconds, as_primitive_opt::<Float64Type>);
    take_if_there!(stop_seconds, as_primitive_opt::<Float64Type>);
    take_if_there!(member_start, as_primitive_opt::<UInt64Type>);
    take_if_there!(member_bytes, as_primitive_opt::<UInt64Type>);
    take_if_there!(archive_bytes, as_primitive_opt::<UInt64Type>);
    take_if_there!(archive_modified, as_primitive_opt::<Int64Type>);
    take_if_there!(blake3, as_string_opt::<i32>);
    Ok(rows)
}

/// What a run needs of the videos of a batch, or the name of the first column that is missing or of another type.
pub(super) fn to_listed(batch: &RecordBatch) -> Result<Vec<ListedRow>, &'static str> {
    let column = |name: &'static str| batch.column_by_name(name).ok_or(name);
    let texts = |name: &'static str| column(name)?.as_string_opt::<i32>().ok_or(name);
    let (paths, verdicts, reasons) = (texts("path")?, texts("verdict")?, texts("reason")?);
    let bytes = column("bytes")?.as_primitive_opt::<UInt64Type>().ok_or("bytes")?;
    let labels = column("label")?.as_primitive_opt::<Int32Type>().ok_or("label")?;
    let verified = column("verified")?.as_boolean_opt().ok_or("verified")?;
    // Manifests of earlier versions do not have it.
    let path_bytes = match batch.column_by_name("path_bytes") {
        Some(column) => Some(column.as_binary_opt::<i32>().ok_or("path_bytes")?),
        None => None,
    };
    let (segments, extents) = (SegmentColumns::of(batch)?, ExtentColumns::of(batch)?);
    let text = |array: &StringArray, row: usize| array.is_valid(row).then(|| array.value(row).to_owned());
    let row = |row: usize| {
        let own = path_bytes.and_then(|bytes| bytes.is_valid(row).then(|| bytes.value(row)));
        Ok(ListedRow {
            path: file_of(paths.value(row), own),
            bytes: bytes.value(row),
            label: labels.is_valid(row).then(|| labels.value(row)),
            verdict: text(verdicts, row).ok_or("verdict")?,
            reason: text(reasons, row),
            verified: verified.is_valid(row) && verified.value(row),
            segment: segments.as_ref().map_or(Segment::Whole, |segments| segments.of_row(row)),
            extent: extents.as_ref().and_then(|extents| extents.of_row(row)),
        })
    };
    if paths.null_count() > 0 {
        return Err("path");
    }
    if bytes.null_count() > 0 {
        return Err("bytes");
    }
    (0..batch.num_rows()).map(row).collect()
}

/// The digests of the verified videos of a batch, or the name of the first column that is missing or of another type.
pub(super) fn to_verified_digests(batch: &RecordBatch) -> Result<Vec<blake3::Hash>, &'static str> {
    let column = |name: &'static str| batch.column_by_name(name).ok_or(name);
    let verified = column("verified")?.as_boolean_opt().ok_or("verified")?;
    let digests = column("blake3")?.as_string_opt::<i32>().ok_or("blake3")?;
    iter::zip(verified, digests)
        .filter_map(|(verified, digest)| digest.filter(|_| verified == Some(true)))
        .map(|digest| blake3::Hash::from_hex(digest).map_err(|_| "blake3"))
        .collect()
}

/// The columns that say which parts of videos rows mean.
struct SegmentColumns<'a> {
    frames: [&'a UInt32Array; 2],
    seconds: [&'a Float64Array; 2],
}

impl<'a> SegmentColumns<'a> {
    /// Those of a batch; manifests of earlier versions have none.
    fn of(batch: &'a RecordBatch) -> Result<Option<Self>, &'static str> {
        if batch.column_by_name("start").is_none() {
            return Ok(None);
        }
        let column = |name: &'static str| batch.column_by_name(name).ok_or(name);
        let frames = |name| column(name)?.as_primitive_opt::<UInt32Type>().ok_or(name);
        let seconds = |name| column(name)?.as_primitive_opt::<Float64Type>().ok_or(name);
        let frames = [frames("start")?, frames("stop")?];
        Ok(Some(Self { frames, seconds: [seconds("start_seconds")?, seconds("stop_seconds")?] }))
    }

    fn of_row(&self, row: usize) -> Segment {
        let [start, stop] = self.frames.map(|column| column.is_valid(row).then(|| column.value(row)));
        let [from, to] = self.seconds.map(|column| column.is_valid(row).then(|| column.value(row)));
        ManifestRow { start, stop, start_seconds: from, stop_seconds: to, ..ManifestRow::default() }.segment()
    }
}

/// The columns that say where in archives videos lie.
struct ExtentColumns<'a> {
    numbers: [&'a UInt64Array; 3],
    modified: &'a Int64Array,
}

impl<'a> ExtentColumns<'a> {
    /// Those of a batch; manifests of earlier versions have none.
    fn of(batch: &'a RecordBatch) -> Result<Option<Self>, &'static str> {
        if batch.column_by_name("member_start").is_none() {
            return Ok(None);
        }
        let column = |name: &'static str| batch.column_by_name(name).ok_or(name);
        let number = |name| column(name)?.as_primitive_opt::<UInt64Type>().ok_or(name);
        let numbers = [number("member_start")?, number("member_bytes")?, number("archive_bytes")?];
        let modified =
            column("archive_modified")?.as_primitive_opt::<Int64Type>().ok_or("archive_modified")?;
        Ok(Some(Self { numbers, modified }))
    }

    fn of_row(&self, row: usize) -> Option<Extent> {
        let [member_start, member_bytes, archive_bytes] =
            self.numbers.map(|column| column.is_valid(row).then(|| column.value(row)));
        let archive_modified = self.modified.is_valid(row).then(|| self.modified.value(row));
        let unknown = ManifestRow::default();
        ManifestRow { member_start, member_bytes, archive_bytes, archive_modified, ..unknown }.extent()
    }
}

/// A column of lists, null where a row has none.
fn lists<'a, T: ArrowPrimitiveType>(rows: impl Iterator<Item = Option<&'a [T::Native]>> + Clone) -> ArrayRef
where
    T::Native: 'a,
{
    let items = PrimitiveArray::<T>::from_iter_values(rows.clone().flatten().flatten().copied());
    let lengths = OffsetBuffer::from_lengths(rows.clone().map(|list| list.map_or(0, <[_]>::len)));
    let there: NullBuffer = rows.map(|list| list.is_some()).collect();
    Arc::new(ListArray::new(item_field(T::DATA_TYPE), lengths, Arc::new(items), Some(there)))
}
