//! Where the clips of batches go: a line each to stdout, or all of them into a file.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use arrow_array::RecordBatch;
use pipeline::loader::channel::Batches;

use crate::{command::report, data::batch_file::Written};

/// Where clips go, and how many.
pub struct Output<'a> {
    /// Clips.
    pub count: u64,
    /// Whether a line is a JSON object.
    pub json: bool,
    /// A Parquet file instead of lines.
    pub file: &'a Option<PathBuf>,
}

/// What is printed of a clip.
pub trait Line: serde::Serialize {
    /// Its columns.
    fn text(&self) -> String;
}

/// Prints as many lines as are asked for of those that `of` makes of each batch.
pub fn print<L: Line>(
    mut batches: Batches,
    output: &Output<'_>,
    of: impl Fn(RecordBatch) -> Result<Vec<L>>,
) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    let mut left = usize::try_from(output.count)?;
    while left > 0
        && let Some(batch) = batches.next().transpose()?
    {
        let mut lines = of(batch)?;
        lines.truncate(left);
        left -= lines.len();
        for line in lines {
            if output.json {
                writeln!(stdout, "{}", serde_json::to_string(&line)?)?;
            } else {
                writeln!(stdout, "{}", line.text())?;
            }
        }
    }
    Ok(())
}

/// Says what was written.
pub fn say_written(out: &std::path::Path, Written { clips, batches }: Written) {
    report::say(format_args!("done: {}: {clips} clips in {batches} batches", pipeline::names::shown(out)));
}
