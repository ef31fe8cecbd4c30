//! Batches for a model, one video after the other.

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use pipeline::loader::channel::Batches;
use schemas::LabelledBatch;

use crate::error::Result;

/// Batches of clips in which no video meets another, so that what is computed of a video does not depend on the
/// videos around it. It is given batches of one row each.
pub struct ByVideo {
    rows: Batches,
    most: usize,
    next: Option<RecordBatch>,
}

impl ByVideo {
    /// Batches of at most `most` of these rows.
    pub fn new(rows: Batches, most: usize) -> Self {
        Self { rows, most, next: None }
    }

    fn batch(&mut self) -> Result<Option<LabelledBatch>> {
        let mut waiting: Vec<RecordBatch> = Vec::new();
        while waiting.len() < self.most {
            let Some(row) = self.next.take().map(Ok).or_else(|| self.rows.next()) else { break };
            let row = row?;
            if waiting.first().is_some_and(|first| first.column_by_name("row") != row.column_by_name("row")) {
                self.next = Some(row);
                break;
            }
            waiting.push(row);
        }
        let Some(first) = waiting.first() else { return Ok(None) };
        let batch = concat_batches(&first.schema(), &waiting)?;
        Ok(Some(LabelledBatch::try_from(batch)?))
    }
}

impl Iterator for ByVideo {
    type Item = Result<LabelledBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().transpose()
    }
}
