//! Rows of whole clips to a record batch.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Int32Array, Int64Array, RecordBatch, StringArray,
    StructArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    builder::{Float32Builder, ListBuilder},
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Schema};

use super::{EraseBox, View, schema, schema_with_labels};
use crate::{batch_builder::BatchBuilder, clip_batch::item_field, geometry::ClipGeometry};

/// One row, as it is put into a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledClip {
    /// Number within the epoch.
    pub clip: u64,
    /// The epoch.
    pub epoch: u32,
    /// Place of its video in the list that was given, from 0.
    pub row: u64,
    /// Path of its video.
    pub video: Arc<str>,
    /// Class of its video.
    pub label: Option<i32>,
    /// What its video should be answered by, if it has several labels or numbers.
    pub labels: Option<Arc<[f32]>>,
    /// Which view of the video it is.
    pub view: View,
    /// Rank of each frame.
    pub frames: Arc<[u32]>,
    /// Presentation time of each frame in ns.
    pub times: Arc<[i64]>,
    /// `x`, `y`, `width`, `height` of the crop in the (resized, upright) frame.
    pub crop: [u16; 4],
    /// Whether it is mirrored left to right.
    pub flip: bool,
    /// What the trainer fills with noise.
    pub erase: Option<EraseBox>,
    /// All cubes; in batches of another layout, all pixels in its order.
    pub pixels: Vec<u8>,
}

/// Collects rows of one geometry. Each row's cubes are copied once, when it is pushed.
#[derive(Debug)]
pub struct LabelledBatchBuilder {
    geometry: ClipGeometry,
    rows: Vec<LabelledClip>,
    cubes: Vec<u8>,
    with_labels: bool,
}

impl LabelledBatchBuilder {
    /// A builder of batches of clips of this geometry.
    pub fn new(geometry: ClipGeometry) -> Self {
        Self { geometry, rows: Vec::new(), cubes: Vec::new(), with_labels: false }
    }

    /// The same for videos with several labels, or numbers: every batch has that column, also an empty one.
    pub fn with_labels(self, with_labels: bool) -> Self {
        Self { with_labels, ..self }
    }
}

impl BatchBuilder for LabelledBatchBuilder {
    type Row = LabelledClip;

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn push(&mut self, mut row: LabelledClip) {
        self.cubes.extend_from_slice(&std::mem::take(&mut row.pixels));
        self.rows.push(row);
    }

    /// Fails when a row does not have the geometry's number of frames or bytes.
    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let (rows, cubes) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.cubes));
        let with_labels = self.with_labels || rows.iter().any(|row| row.labels.is_some());
        let schema = if with_labels { schema_with_labels(self.geometry) } else { schema(self.geometry) };
        let mut columns = columns(&schema, &rows, ("cubes", Arc::new(UInt8Array::from(cubes))))?;
        if with_labels {
            columns.push(label_vectors(&rows));
        }
        RecordBatch::try_new(schema.clone(), columns)
    }
}

/// The columns of [`super::fields`]; the last one has this name and these pixels.
pub(crate) fn columns(
    schema: &Schema,
    rows: &[LabelledClip],
    (name, pixels): (&str, ArrayRef),
) -> Result<Vec<ArrayRef>, ArrowError> {
    let fixed = |name: &str, values: ArrayRef| -> Result<ArrayRef, ArrowError> {
        let DataType::FixedSizeList(item, length) = schema.field_with_name(name)?.data_type() else {
            return Err(ArrowError::SchemaError(format!("{name} is no list of fixed length")));
        };
        Ok(Arc::new(FixedSizeListArray::try_new(item.clone(), *length, values, None)?))
    };
    let numbers = |name: &str, parts: Vec<Vec<u16>>, nulls| -> Result<ArrayRef, ArrowError> {
        let DataType::Struct(fields) = schema.field_with_name(name)?.data_type() else {
            return Err(ArrowError::SchemaError(format!("{name} is no struct")));
        };
        let parts = parts.into_iter().map(|part| Arc::new(UInt16Array::from(part)) as ArrayRef).collect();
        Ok(Arc::new(StructArray::try_new(fields.clone(), parts, nulls)?))
    };
    let every = |of: &dyn Fn(&LabelledClip) -> u16| -> Vec<u16> { rows.iter().map(of).collect() };
    let erased = |of: fn(EraseBox) -> u16| every(&|row| row.erase.map_or(0, of));
    let no_erase = NullBuffer::from_iter(rows.iter().map(|row| row.erase.is_some()));
    let frames = rows.iter().flat_map(|row| row.frames.iter().copied());
    let times = rows.iter().flat_map(|row| row.times.iter().copied());
    Ok(vec![
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.clip))),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.epoch))),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.row))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.video.as_ref()))),
        Arc::new(rows.iter().map(|row| row.label).collect::<Int32Array>()),
        numbers("view", vec![every(&|row| row.view.clip), every(&|row| row.view.crop)], None)?,
        fixed("frames", Arc::new(UInt32Array::from_iter_values(frames)))?,
        fixed("times", Arc::new(Int64Array::from_iter_values(times)))?,
        numbers("crop", (0..4).map(|part| every(&|row| row.crop[part])).collect(), None)?,
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.flip)))),
        numbers(
            "erase",
            vec![erased(|it| it.top), erased(|it| it.left), erased(|it| it.height), erased(|it| it.width)],
            Some(no_erase),
        )?,
        fixed(name, pixels)?,
    ])
}

/// The column `labels`.
pub(crate) fn label_vectors(rows: &[LabelledClip]) -> ArrayRef {
    let mut lists = ListBuilder::new(Float32Builder::new()).with_field(item_field(DataType::Float32));
    for row in rows {
        lists.values().append_slice(row.labels.as_deref().unwrap_or_default());
        lists.append(row.labels.is_some());
    }
    Arc::new(lists.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelledBatch;

    fn clip(number: u64, erase: Option<EraseBox>) -> LabelledClip {
        LabelledClip {
            clip: number,
            epoch: 3,
            row: 10 + number,
            video: "a/b.mp4".into(),
            label: (number == 0).then_some(5),
            labels: None,
            view: View { clip: 1, crop: 2 },
            frames: [0, 4].into(),
            times: [0, 40].into(),
            crop: [1, 2, 3, 4],
            flip: true,
            erase,
            pixels: vec![number as u8 + 7; 2 * 4 * 4 * 3],
        }
    }

    fn batch(erase: EraseBox) -> RecordBatch {
        let mut builder = LabelledBatchBuilder::new(ClipGeometry::new(2, 4, 4, 2, 4).unwrap());
        builder.push(clip(0, None));
        builder.push(clip(1, Some(erase)));
        builder.finish().unwrap()
    }

    #[test]
    fn what_is_pushed_is_what_is_read() {
        let erase = EraseBox { top: 1, left: 0, height: 3, width: 2 };
        let batch = LabelledBatch::try_from(batch(erase)).unwrap();
        assert_eq!((batch.len(), batch.identity(1), batch.row(1)), (2, (3, 1), 11));
        assert_eq!((batch.label(0), batch.label(1)), (Some(5), None));
        assert_eq!((batch.erase(0), batch.erase(1)), (None, Some(erase)));
        assert_eq!((batch.view(1), batch.video(0)), (View { clip: 1, crop: 2 }, "a/b.mp4"));
        assert_eq!((batch.frames(1), batch.times(1)), (&[0, 4][..], &[0, 40][..]));
        assert_eq!((batch.cubes()[0], batch.cubes()[96], batch.cubes().len()), (7, 8, 192));
    }

    #[test]
    fn labels_of_several_classes_are_a_column_only_where_there_are_some() {
        let geometry = ClipGeometry::new(2, 4, 4, 2, 4).unwrap();
        let mut builder = LabelledBatchBuilder::new(geometry);
        builder.push(LabelledClip { labels: Some([1.0, 0.0, 0.5].into()), ..clip(1, None) });
        builder.push(LabelledClip { label: None, ..clip(2, None) });
        let batch = builder.finish().unwrap();
        assert_eq!(batch.num_columns(), schema(geometry).fields().len() + 1);
        let batch = LabelledBatch::try_from(batch).unwrap();
        assert_eq!((batch.labels(0), batch.labels(1)), (Some(vec![1.0, 0.0, 0.5]), None));
        builder.push(clip(1, None));
        let plain = builder.finish().unwrap();
        assert_eq!(plain.schema(), schema(geometry));
        assert_eq!(LabelledBatch::try_from(plain).unwrap().labels(0), None);
    }

    #[test]
    fn the_pictures_of_a_clip_are_its_cubes_put_back() {
        let geometry = ClipGeometry::new(2, 4, 6, 2, 2).unwrap();
        let (cubes, cube) = (geometry.tokens(), geometry.cube());
        let mut builder = LabelledBatchBuilder::new(geometry);
        let bytes: Vec<u8> = (0..cubes * cube).map(|at| at as u8).collect();
        for (number, cubes) in [(0, vec![0; bytes.len()]), (1, bytes)] {
            builder.push(LabelledClip { pixels: cubes, ..clip(number, None) });
        }
        let batch = LabelledBatch::try_from(builder.finish().unwrap()).unwrap();
        assert!(batch.pictures(0).iter().all(|value| *value == 0));
        let pictures = batch.pictures(1);
        // Frame 1, row 3, column 4: token (0, 1, 2), and in its cube time 1, row 1, column 0.
        for colour in 0..3 {
            let expected = (5 * cube + ((colour * 2 + 1) * 2 + 1) * 2) as u8;
            assert_eq!(pictures[((4 + 3) * 6 + 4) * 3 + colour], expected);
        }
    }

    #[test]
    fn a_box_outside_the_picture_is_refused() {
        let outside = batch(EraseBox { top: 2, left: 0, height: 3, width: 2 });
        let refused = LabelledBatch::try_from(outside).unwrap_err().to_string();
        assert!(refused.contains("`erase` of row 1") && refused.contains("4×4"), "{refused}");
    }

    #[test]
    fn a_row_with_too_few_bytes_makes_no_batch() {
        let mut builder = LabelledBatchBuilder::new(ClipGeometry::new(2, 4, 4, 2, 4).unwrap());
        builder.push(LabelledClip { pixels: vec![0; 95], ..clip(0, None) });
        assert!(builder.finish().is_err());
    }
}
