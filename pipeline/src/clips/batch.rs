//! Rows of clips ─▶ an Arrow record batch ([`schemas::clip_batch`]).
//!
//! A [`MaskedBatchBuilder`] copies each row's cubes once into the column's buffer; the row and its right to hold
//! bytes can go as soon as it is pushed. Its own size is bounded by the number of rows of a batch.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use schemas::{
    BatchBuilder, ClipGeometry,
    clip_batch::{crop_fields, item_field, schema, schema_with_sets},
};

use super::masked::ClipRow;

/// Collects rows of clips of one geometry and mask size.
#[derive(Debug)]
pub struct MaskedBatchBuilder {
    schema: SchemaRef,
    geometry: ClipGeometry,
    visible: usize,
    with_sets: bool,
    rows: Vec<ClipRow>,
    visible_cubes: Vec<u8>,
    target_cubes: Vec<u8>,
}

impl MaskedBatchBuilder {
    /// A builder of batches with `visible` visible tokens a clip.
    pub fn new(geometry: ClipGeometry, visible: usize) -> Self {
        let (rows, visible_cubes, target_cubes) = Default::default();
        let schema = schema(geometry, visible);
        Self { schema, geometry, visible, with_sets: false, rows, visible_cubes, target_cubes }
    }

    /// The same of a mixture of sets with these names: rows say which set their video is of.
    pub fn with_sets(self, names: &[Arc<str>]) -> Self {
        Self { schema: schema_with_sets(&self.schema, names), with_sets: true, ..self }
    }

    /// The schema of its batches.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The cubes so far. The next batch is most often as large: with room for it from the first row on, no cube
    /// is moved to where there is more room.
    fn take_cubes(&mut self) -> [Vec<u8>; 2] {
        [&mut self.visible_cubes, &mut self.target_cubes].map(|cubes| {
            let next = Vec::with_capacity(cubes.len());
            std::mem::replace(cubes, next)
        })
    }
}

impl BatchBuilder for MaskedBatchBuilder {
    type Row = ClipRow;

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn push(&mut self, mut row: ClipRow) {
        self.visible_cubes.append(&mut row.visible_cubes);
        let targets = std::mem::take(&mut row.target_cubes);
        self.target_cubes.extend_from_slice(&targets);
        self.rows.push(row);
    }

    /// Fails when a row does not have the builder's number of frames or visible tokens.
    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let [visible_cubes, target_cubes] = self.take_cubes();
        let cube = self.geometry.cube();
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| Some(row.clip.0)).collect::<UInt64Array>()),
            Arc::new(rows.iter().map(|row| Some(row.epoch)).collect::<UInt32Array>()),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.video.as_ref()))),
            Arc::new(rows.iter().map(|row| row.label).collect::<Int32Array>()),
            Arc::new(UInt32Array::from_iter_values(
                rows.iter().map(|row| row.frames.first().map_or(0, |rank| rank.0)),
            )),
            fixed(
                DataType::UInt32,
                self.geometry.frames(),
                UInt32Array::from_iter_values(
                    rows.iter().flat_map(|row| row.frames.iter().map(|rank| rank.0)),
                ),
            )?,
            fixed(
                DataType::Int64,
                self.geometry.frames(),
                Int64Array::from_iter_values(rows.iter().flat_map(|row| row.times.iter().map(|time| time.0))),
            )?,
            crops(&rows)?,
            Arc::new(rows.iter().map(|row| Some(row.flip)).collect::<BooleanArray>()),
            fixed(
                DataType::UInt16,
                self.visible,
                UInt16Array::from_iter_values(rows.iter().flat_map(|row| row.mask.visible.iter().copied())),
            )?,
            fixed(DataType::UInt8, self.visible * cube, UInt8Array::from(visible_cubes))?,
            tokens(rows.iter().map(|row| row.mask.target.as_slice()))?,
            free(
                DataType::UInt8,
                rows.iter().map(|row| row.mask.target.len() * cube),
                UInt8Array::from(target_cubes),
            )?,
            tokens(rows.iter().map(|row| row.mask.context.as_slice()))?,
        ];
        if self.with_sets {
            columns.push(Arc::new(rows.iter().map(|row| row.set.as_deref()).collect::<StringArray>()));
        }
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

pub(super) fn fixed(
    item: DataType,
    length: usize,
    values: impl arrow_array::Array + 'static,
) -> Result<ArrayRef, ArrowError> {
    let length = i32::try_from(length).map_err(|why| ArrowError::InvalidArgumentError(why.to_string()))?;
    Ok(Arc::new(FixedSizeListArray::try_new(item_field(item), length, Arc::new(values), None)?))
}

pub(super) fn free(
    item: DataType,
    lengths: impl IntoIterator<Item = usize>,
    values: impl arrow_array::Array + 'static,
) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(item_field(item), offsets, Arc::new(values), None)?))
}

pub(super) fn tokens<'a>(rows: impl Iterator<Item = &'a [u16]> + Clone) -> Result<ArrayRef, ArrowError> {
    let values = UInt16Array::from_iter_values(rows.clone().flatten().copied());
    free(DataType::UInt16, rows.map(<[u16]>::len), values)
}

fn crops(rows: &[ClipRow]) -> Result<ArrayRef, ArrowError> {
    // Frames are far below 65536 pixels wide: the readers' limits stand at 8192.
    let column = |side: fn(&ClipRow) -> u32| -> ArrayRef {
        let side = |row| u16::try_from(side(row)).unwrap_or(u16::MAX);
        Arc::new(UInt16Array::from_iter_values(rows.iter().map(side)))
    };
    let columns = vec![
        column(|row| row.crop.x),
        column(|row| row.crop.y),
        column(|row| row.crop.width),
        column(|row| row.crop.height),
    ];
    Ok(Arc::new(StructArray::try_new(crop_fields(), columns, None)?))
}

#[cfg(test)]
mod tests {
    use schemas::{
        ClipBatch,
        settings::{ClipOrder, DecoderMask, MaskKind},
    };

    use super::*;
    use crate::{
        FrameRank, RowNumber, StreamTime, mask::MaskRule, schedule::Schedule, transform::crop::Window,
    };

    fn row(geometry: ClipGeometry, rule: &MaskRule, clip: u64) -> ClipRow {
        let schedule = Schedule { seed: 0, videos: 9, clips_per_video: 1, order: ClipOrder::Together };
        let mask = rule.draw(&mut schedule.row(0, RowNumber(clip)));
        let cubes = |count: usize, value: u8| vec![value; count * geometry.cube()];
        ClipRow {
            clip: RowNumber(clip),
            epoch: 2,
            video: "films/a.mp4".into(),
            label: (clip == 1).then_some(-4),
            set: None,
            frames: (0..16).map(FrameRank).collect(),
            times: (0..16).map(StreamTime).collect(),
            crop: Window { x: 1, y: 2, width: 3, height: 4 },
            flip: false,
            visible_cubes: cubes(mask.visible.len(), 7),
            target_cubes: cubes(mask.target.len(), clip as u8),
            mask,
        }
    }

    #[test]
    fn with_running_cells_864_of_1568_cubes_leave() {
        let geometry = ClipGeometry::new(16, 224, 224, 2, 16).unwrap();
        let rule = MaskRule::new(geometry, MaskKind::Tube, 0.9).unwrap();
        let rule = rule.with_decoder(DecoderMask::RunningCell, 0.5).unwrap();
        let mut builder = MaskedBatchBuilder::new(geometry, rule.visible_tokens());
        for clip in 0..3 {
            builder.push(row(geometry, &rule, clip));
        }
        let batch = ClipBatch::try_from(builder.finish().unwrap()).unwrap();
        assert_eq!((batch.len(), batch.visible_tokens(), builder.rows()), (3, 160, 0));
        assert_eq!((batch.target(2).len(), batch.context(2).len()), (704, 80));
        assert_eq!(batch.visible_cubes().len(), 3 * 160 * 1536);
        assert_eq!(batch.target_cubes(2), vec![2; 704 * 1536]);
        assert_eq!(batch.record_batch().column_by_name("label").unwrap().null_count(), 2);
    }

    #[test]
    fn a_row_of_another_mask_is_refused() {
        let geometry = ClipGeometry::new(16, 224, 224, 2, 16).unwrap();
        let rule = MaskRule::new(geometry, MaskKind::Tube, 0.9).unwrap();
        let mut builder = MaskedBatchBuilder::new(geometry, rule.visible_tokens() + 8);
        builder.push(row(geometry, &rule, 0));
        assert!(builder.finish().is_err());
    }
}
