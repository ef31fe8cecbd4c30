//! Tables of Arrow, which pyarrow, polars, DuckDB and others take without a copy.

#![allow(unsafe_code)]

use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader,
    cast::AsArray as _,
    ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader},
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use pyo3::{prelude::*, types::PyCapsule};

use crate::error;

/// Columns of Arrow. Whatever knows the Arrow PyCapsule protocol takes it: `pyarrow.table(table)`,
/// `polars.DataFrame(table)`, `duckdb.sql("select … from table")`.
#[pyclass(frozen, module = "tubelet")]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    /// A table of some batches.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    /// A table of one batch.
    pub fn of(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), batches: vec![batch] }
    }
}

#[pymethods]
impl Table {
    /// Rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The table as a pyarrow.Table; needs pyarrow.
    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.call_method1("table", (slf,))
    }

    /// The table as a pandas.DataFrame; needs pyarrow and pandas.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::to_pyarrow(slf)?.call_method0("to_pandas")
    }

    /// The table as a list of dictionaries; needs pyarrow.
    fn to_pylist<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::to_pyarrow(slf)?.call_method0("to_pylist")
    }

    /// The columns `path`, `start` and `end`, the last two null where they are not there.
    fn _segments(&self, py: Python<'_>) -> PyResult<Vec<(String, Option<f64>, Option<f64>)>> {
        let mut found = Vec::new();
        for batch in &self.batches {
            let column = |name: &str| batch.column_by_name(name);
            let Some(paths) = column("path").and_then(words) else {
                return Err(error::usage(py, "the table has no column `path` of text", None));
            };
            let mut times = Vec::new();
            for name in ["start", "end"] {
                let numbers = column(name).map(|column| seconds(column));
                let Some(numbers) = numbers.unwrap_or_else(|| Some(vec![None; paths.len()])) else {
                    let message = format!("the column `{name}` has no numbers of seconds");
                    return Err(error::usage(py, &message, None));
                };
                times.push(numbers);
            }
            for (row, path) in paths.into_iter().enumerate() {
                found.push((path.unwrap_or_default(), times[0][row], times[1][row]));
            }
        }
        Ok(found)
    }

    /// The table with those columns of another one of as many rows whose names it does not have.
    fn _with_columns_of(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        let whole = |table: &Self| concat_batches(&table.schema, &table.batches);
        let joined = || -> Result<Self, ArrowError> {
            let (mine, theirs) = (whole(self)?, whole(other)?);
            let mut fields: Vec<_> = mine.schema().fields().iter().cloned().collect();
            let mut columns = mine.columns().to_vec();
            for (field, column) in theirs.schema().fields().iter().zip(theirs.columns()) {
                if mine.column_by_name(field.name()).is_none() {
                    fields.push(Arc::clone(field));
                    columns.push(Arc::clone(column));
                }
            }
            let schema = Schema::new_with_metadata(fields, self.schema.metadata().clone());
            Ok(Self::of(RecordBatch::try_new(Arc::new(schema), columns)?))
        };
        joined().map_err(|why| error::failed(py, &why.to_string()))
    }

    fn __len__(&self) -> usize {
        self.num_rows()
    }

    fn __repr__(&self) -> String {
        format!("tubelet.Table({} rows: {})", self.num_rows(), self.column_names().join(", "))
    }

    /// The table as a C stream in a capsule.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A producer may give its own schema whatever is requested.
        drop(requested_schema);
        let batches: Vec<_> = self.batches.iter().cloned().map(Ok).collect();
        stream(py, Box::new(RecordBatchIterator::new(batches, self.schema.clone())))
    }
}

/// The rows of a C stream in a capsule; the stream is taken out of it.
#[pyfunction]
pub fn table_of(py: Python<'_>, stream: &Bound<'_, PyCapsule>) -> PyResult<Table> {
    let pointer = stream.pointer_checked(Some(c"arrow_array_stream"))?;
    // SAFETY: a capsule of this name holds a stream, by the protocol; what is left in it says that it was taken.
    let reader = unsafe { RecordBatchStreamReader::from_raw(pointer.as_ptr().cast()) };
    let read = || -> Result<Table, ArrowError> {
        let reader = reader?;
        let schema = reader.schema();
        Ok(Table { schema, batches: reader.collect::<Result<_, _>>()? })
    };
    read().map_err(|why| error::failed(py, &why.to_string()))
}

/// A column of text of any kind.
fn words(column: &ArrayRef) -> Option<Vec<Option<String>>> {
    let own = |word: Option<&str>| word.map(str::to_owned);
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().iter().map(own).collect(),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().map(own).collect(),
        DataType::Utf8View => column.as_string_view().iter().map(own).collect(),
        _ => return None,
    })
}

/// A column of numbers of any usual kind.
fn seconds(column: &ArrayRef) -> Option<Vec<Option<f64>>> {
    Some(match column.data_type() {
        DataType::Float64 => column.as_primitive::<Float64Type>().iter().collect(),
        DataType::Float32 => {
            column.as_primitive::<Float32Type>().iter().map(|it| it.map(f64::from)).collect()
        }
        DataType::Int64 => {
            column.as_primitive::<Int64Type>().iter().map(|it| it.map(|it| it as f64)).collect()
        }
        DataType::Int32 => column.as_primitive::<Int32Type>().iter().map(|it| it.map(f64::from)).collect(),
        DataType::Null => vec![None; column.len()],
        _ => return None,
    })
}

/// Batches as a C stream in a capsule: a consumer moves the stream out, else the capsule releases it.
pub fn stream<'py>(
    py: Python<'py>,
    batches: Box<dyn RecordBatchReader + Send>,
) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(batches), c"arrow_array_stream")
}
