//! How batches of every kind are built: row by row.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

/// Collects rows for a record batch.
#[doc(alias = "collate_fn")]
pub trait BatchBuilder: Send + 'static {
    /// What is collected.
    type Row: Send + 'static;

    /// Rows pushed since the last batch.
    fn rows(&self) -> usize;

    /// Adds a row. Its cubes are copied once, so that the row can go.
    fn push(&mut self, row: Self::Row);

    /// The rows as a record batch; the builder is empty afterwards.
    ///
    /// # Errors
    /// When a row is not of the builder's shape.
    fn finish(&mut self) -> Result<RecordBatch, ArrowError>;
}
