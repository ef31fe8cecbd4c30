//! Batches as a Parquet file: a row a clip, a row group a batch.
//!
//! The columns are those of [`schemas::clip_batch`] or [`schemas::labelled_batch`], whose schema with geometry
//! and format version is kept in the file's metadata. Token lists and cubes are u8 and u16 as they are, so the
//! file is what a training gets and nothing else.

use std::path::Path;

use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
    },
};
use pipeline::loader::channel::Batches;
use schemas::{MADE_BY, WholeFile};

use crate::error::{Context as _, Error, Result};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Clips, a row each.
    pub clips: u64,
    /// Batches, a row group each.
    pub batches: u64,
}

/// Writes whole batches until there are `count` clips or more, then the metadata that `more` says of so many
/// batches. The file is there whole or not at all.
///
/// # Errors
/// When a batch cannot be made, or the file not be written.
pub fn write(
    batches: Batches,
    count: u64,
    out: &Path,
    more: impl FnOnce(u64) -> Result<Vec<(String, String)>>,
) -> Result<Written> {
    if count == 0 {
        return Err(Error::Nothing("no clip was asked for".to_owned()));
    }
    let wrong = || format!("{} cannot be written", pipeline::names::shown(out));
    let mut batches = batches.peekable();
    let schema = match batches.peek() {
        Some(Ok(first)) => first.schema(),
        _ => {
            let failed = batches.next().and_then(Result::err).map(Error::from);
            return Err(
                failed.unwrap_or_else(|| Error::Nothing("the loader ended without a batch".to_owned()))
            );
        }
    };
    let file = WholeFile::create(out).with_context(wrong)?;
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties())).with_context(wrong)?;
    let (mut clips, mut groups) = (0, 0u64);
    while clips < count
        && let Some(batch) = batches.next().transpose()?
    {
        writer.write(&batch).with_context(wrong)?;
        writer.flush().with_context(wrong)?;
        clips += batch.num_rows() as u64;
        groups += 1;
    }
    for (key, value) in more(groups)? {
        writer.append_key_value_metadata(KeyValue::new(key, value));
    }
    writer.into_inner().with_context(wrong)?.finish().with_context(wrong)?;
    Ok(Written { clips, batches: groups })
}

/// Pixels are noise to a dictionary, and nobody looks for one by its least and largest value.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by(MADE_BY.to_owned())
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::None)
        .build()
}
