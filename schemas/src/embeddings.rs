//! A file of embeddings: what a model makes of videos, one row a window of frames, or one a video.
//!
//! ```text
//! row u64, video utf8, label i32?       which video: its place in the list that was given, from 0; its path; its class
//! window u32                            which of its windows, from 0
//! first u32, last u32                   ranks of the first and the last frame that the model saw
//! start i64, end i64                    their presentation times in ns
//! vector fixed_size_list<f32|f16>[L]    lengths in the metadata: [width], or [time, height, width, width of a token]
//! ```
//!
//! The metadata say what the vectors are ([`Embedded`]); two files with the same words there can be compared.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Int32Array, Int64Array, PrimitiveArray, RecordBatch, StringArray,
    UInt32Array, UInt64Array,
    cast::AsArray,
    types::{ArrowPrimitiveType, Float16Type, Float32Type, Int32Type, Int64Type, UInt32Type, UInt64Type},
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::{MADE_BY, clip_batch::item_field};

/// Format version of the file.
pub const VERSION: &str = "tubelet-embeddings/1";
/// Metadata key of the format version.
pub const VERSION_KEY: &str = "tubelet.format";
/// Metadata key of [`Embedded`], as JSON.
pub const EMBEDDED_KEY: &str = "tubelet.embedded";

/// A number of 16 bits.
pub type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// How a number of a vector is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Number {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits.
    F16,
}

/// What the vectors of a file are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedded {
    /// Digest of the model.
    pub model: String,
    /// What a vector is, in words.
    pub feature: String,
    /// Lengths of a vector; their product is the number of its values.
    pub lengths: Vec<usize>,
    /// How a number is kept.
    pub number: Number,
    /// Frames of a window, and frames from one window's beginning to the next; none where a row is a video.
    pub windows: Option<[u32; 2]>,
    /// Clips and crops that a row is the mean of; none where a row is a window.
    pub views: Option<[u32; 2]>,
    /// How frames are chosen and made into pixels, in words.
    pub preprocessing: String,
    /// Videos that were given, those that gave no row included.
    pub videos: u64,
    /// Digest of their list.
    pub data: String,
    /// What wrote it.
    pub made_by: String,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// Place of the video in the list that was given, from 0.
    pub row: u64,
    /// Its path.
    pub video: String,
    /// Its class, if it is known.
    pub label: Option<i32>,
    /// Which of its windows.
    pub window: u32,
    /// Ranks of the first and the last frame that the model saw.
    pub frames: (u32, u32),
    /// Their presentation times in ns.
    pub span: (i64, i64),
    /// The vector.
    pub vector: Vec<f32>,
}

/// Why a record batch contains no embeddings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddingsError {
    /// The metadata name another format, or none.
    #[error("the file is {found:?}, wanted {VERSION}")]
    Version {
        /// What stands there.
        found: Option<String>,
    },
    /// What the vectors are cannot be read.
    #[error("what its vectors are cannot be read: {why}")]
    Embedded {
        /// What is wrong.
        why: String,
    },
    /// The columns are others.
    #[error("the columns are not those of {VERSION}")]
    Columns,
    /// A vector has another length.
    #[error("{video} (row {row}) has a vector of {found} values, not {length}")]
    Length {
        /// Path of its video.
        video: String,
        /// Place of its video.
        row: u64,
        /// Its values.
        found: usize,
        /// Values of the others.
        length: usize,
    },
    /// A value is NaN or infinite.
    #[error("{video} (row {row}, window {window}) has the value {value} at {at}, which is no number{}", half(*.overflowed))]
    NotFinite {
        /// Path of its video.
        video: String,
        /// Place of its video.
        row: u64,
        /// Which of its windows.
        window: u32,
        /// Place of the first such value.
        at: usize,
        /// The value.
        value: f32,
        /// Whether it is a number that 16 bits do not hold.
        overflowed: bool,
    },
    /// Arrow makes no record batch of the rows.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

fn half(overflowed: bool) -> &'static str {
    if overflowed { " in 16 bits: they hold 65504 at most" } else { "" }
}

impl Embedding {
    /// Refuses values that are no numbers, or become none when they are kept so.
    ///
    /// # Errors
    /// When one is NaN or infinite, or too large for 16 bits.
    pub fn check(&self, number: Number) -> Result<(), EmbeddingsError> {
        let is_kept = |value: &f32| match number {
            Number::F32 => value.is_finite(),
            Number::F16 => Half::from_f32(*value).is_finite(),
        };
        let Some(at) = self.vector.iter().position(|value| !is_kept(value)) else { return Ok(()) };
        let (video, row, window, value) = (self.video.clone(), self.row, self.window, self.vector[at]);
        Err(EmbeddingsError::NotFinite { video, row, window, at, value, overflowed: value.is_finite() })
    }
}

impl Embedded {
    /// Values of a vector.
    pub fn length(&self) -> usize {
        self.lengths.iter().product()
    }

    /// What stands in a file's metadata.
    ///
    /// # Errors
    /// When it is of another format.
    pub fn of(schema: &Schema) -> Result<Self, EmbeddingsError> {
        let find = |key| schema.metadata().get(key);
        if find(VERSION_KEY).map(String::as_str) != Some(VERSION) {
            return Err(EmbeddingsError::Version { found: find(VERSION_KEY).cloned() });
        }
        let text = find(EMBEDDED_KEY).map_or("", String::as_str);
        serde_json::from_str(text).map_err(|why| EmbeddingsError::Embedded { why: why.to_string() })
    }

    fn vector_field(&self) -> Field {
        let item = match self.number {
            Number::F32 => DataType::Float32,
            Number::F16 => DataType::Float16,
        };
        let length = i32::try_from(self.length()).unwrap_or(i32::MAX);
        Field::new("vector", DataType::FixedSizeList(item_field(item), length), false)
    }

    /// The schema of a file of such vectors.
    pub fn schema(&self) -> SchemaRef {
        let fields = vec![
            Field::new("row", DataType::UInt64, false),
            Field::new("video", DataType::Utf8, false),
            Field::new("label", DataType::Int32, true),
            Field::new("window", DataType::UInt32, false),
            Field::new("first", DataType::UInt32, false),
            Field::new("last", DataType::UInt32, false),
            Field::new("start", DataType::Int64, false),
            Field::new("end", DataType::Int64, false),
            self.vector_field(),
        ];
        let embedded = Self { made_by: MADE_BY.to_owned(), ..self.clone() };
        let embedded = serde_json::to_string(&embedded).expect("because words and numbers always make JSON");
        let metadata = HashMap::from([
            (VERSION_KEY.to_owned(), VERSION.to_owned()),
            (EMBEDDED_KEY.to_owned(), embedded),
        ]);
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }

    /// Rows as a record batch.
    ///
    /// # Errors
    /// When a vector has another length, or a value is NaN, infinite, or too large for 16 bits where it is kept so.
    pub fn to_batch(&self, rows: &[Embedding]) -> Result<RecordBatch, EmbeddingsError> {
        let length = self.length();
        for row in rows {
            row.check(self.number)?;
            if row.vector.len() != length {
                let (video, row, found) = (row.video.clone(), row.row, row.vector.len());
                return Err(EmbeddingsError::Length { video, row, found, length });
            }
        }
        let values = || rows.iter().flat_map(|row| row.vector.iter().copied());
        let values: ArrayRef = match self.number {
            Number::F32 => Arc::new(PrimitiveArray::<Float32Type>::from_iter_values(values())),
            Number::F16 => {
                Arc::new(PrimitiveArray::<Float16Type>::from_iter_values(values().map(Half::from_f32)))
            }
        };
        let DataType::FixedSizeList(item, length) = self.vector_field().data_type().clone() else {
            unreachable!("because a vector is a list of fixed size")
        };
        let numbers = |of: fn(&Embedding) -> u32| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(of)))
        };
        let times = |of: fn(&Embedding) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from(rows.iter().map(of).collect::<Vec<_>>()))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.row))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.video))),
            Arc::new(rows.iter().map(|row| row.label).collect::<Int32Array>()),
            numbers(|row| row.window),
            numbers(|row| row.frames.0),
            numbers(|row| row.frames.1),
            times(|row| row.span.0),
            times(|row| row.span.1),
            Arc::new(FixedSizeListArray::try_new(item, length, values, None)?),
        ];
        Ok(RecordBatch::try_new(self.schema(), columns)?)
    }

    /// The rows of a record batch of such vectors.
    ///
    /// # Errors
    /// When its columns are others, or a value is NaN or infinite.
    pub fn rows(&self, batch: &RecordBatch) -> Result<Vec<Embedding>, EmbeddingsError> {
        if batch.schema().fields() != self.schema().fields() {
            return Err(EmbeddingsError::Columns);
        }
        let column = |name: &str| batch.column_by_name(name).expect("because the columns were compared");
        let number = |name, at| column(name).as_primitive::<UInt32Type>().value(at);
        let time = |name, at| column(name).as_primitive::<Int64Type>().value(at);
        let labels = column("label").as_primitive::<Int32Type>();
        let vectors = column("vector").as_fixed_size_list();
        let vector = |at| match self.number {
            Number::F32 => vectors.value(at).as_primitive::<Float32Type>().values().to_vec(),
            Number::F16 => {
                let values = vectors.value(at);
                values.as_primitive::<Float16Type>().values().iter().map(|value| value.to_f32()).collect()
            }
        };
        let row = |at| Embedding {
            row: column("row").as_primitive::<UInt64Type>().value(at),
            video: column("video").as_string::<i32>().value(at).to_owned(),
            label: labels.is_valid(at).then(|| labels.value(at)),
            window: number("window", at),
            frames: (number("first", at), number("last", at)),
            span: (time("start", at), time("end", at)),
            vector: vector(at),
        };
        let rows: Vec<Embedding> = (0..batch.num_rows()).map(row).collect();
        rows.iter().try_for_each(|row| row.check(Number::F32))?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Embedding> {
        let row = |row: u64, vector: Vec<f32>| Embedding {
            row,
            video: format!("{row}.mp4"),
            label: (row == 1).then_some(4),
            window: 2,
            frames: (8, 23),
            span: (320, 920),
            vector,
        };
        vec![row(0, vec![0.5, -2.0, 0.0]), row(1, vec![1.0, 0.25, 3.0])]
    }

    #[test]
    fn what_is_written_is_what_is_read_in_both_lengths_of_numbers() {
        for number in [Number::F32, Number::F16] {
            let embedded = Embedded { lengths: vec![3], number, ..Embedded::default() };
            let batch = embedded.to_batch(&rows()).unwrap();
            let found = Embedded::of(&batch.schema()).unwrap();
            assert_eq!(found, Embedded { made_by: MADE_BY.to_owned(), ..embedded });
            assert_eq!(found.rows(&batch).unwrap(), rows());
        }
    }

    #[test]
    fn a_vector_of_another_length_is_refused_by_name() {
        let embedded = Embedded { lengths: vec![2, 2], ..Embedded::default() };
        let refused = embedded.to_batch(&rows()).unwrap_err().to_string();
        assert!(refused.contains("0.mp4 (row 0) has a vector of 3 values, not 4"), "{refused}");
    }

    #[test]
    fn a_value_that_is_no_number_is_neither_written_nor_read() {
        for (number, value, says) in [
            (Number::F32, f32::NAN, "1.mp4 (row 1, window 2) has the value NaN at 2, which is no number"),
            (Number::F16, f32::NEG_INFINITY, "has the value -inf at 2, which is no number"),
            (Number::F16, 65520.0, "has the value 65520 at 2, which is no number in 16 bits"),
        ] {
            let embedded = Embedded { lengths: vec![3], number, ..Embedded::default() };
            let mut odd = rows();
            odd[1].vector[2] = value;
            let refused = embedded.to_batch(&odd).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        for number in [Number::F32, Number::F16] {
            let embedded = Embedded { lengths: vec![3], number, ..Embedded::default() };
            let batch = embedded.to_batch(&rows()).unwrap();
            let mut columns = batch.columns().to_vec();
            let DataType::FixedSizeList(item, length) = embedded.vector_field().data_type().clone() else {
                panic!("a vector is a list")
            };
            let values = [0.5, f32::INFINITY, 0.0, 1.0, 0.25, 3.0];
            let values: ArrayRef = match number {
                Number::F32 => Arc::new(PrimitiveArray::<Float32Type>::from_iter_values(values)),
                Number::F16 => {
                    Arc::new(PrimitiveArray::<Float16Type>::from_iter_values(values.map(Half::from_f32)))
                }
            };
            *columns.last_mut().unwrap() =
                Arc::new(FixedSizeListArray::try_new(item, length, values, None).unwrap());
            let batch = RecordBatch::try_new(batch.schema(), columns).unwrap();
            let refused = embedded.rows(&batch).unwrap_err().to_string();
            assert!(refused.contains("0.mp4 (row 0, window 2) has the value inf at 1"), "{refused}");
        }
    }
}
