//! Files of predictions: written whole, read in any number.

use std::path::{Path, PathBuf};

use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use pipeline::{names, parquet_digest, parquet_table};
use schemas::{MADE_BY, WholeFile, predictions::Predictions, regular_file, whole_file};
use trainer::evaluation::{self, JoinError};

use crate::error::{Context as _, Result, Usage};

/// Writes a file, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, predictions: &Predictions) -> Result<()> {
    let written = || format!("{} cannot be written", names::shown(path));
    let batch = predictions.to_batch()?;
    let properties = WriterProperties::builder()
        .set_created_by(MADE_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let file = WholeFile::create(path).with_context(written)?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).with_context(written)?;
    writer.write(&batch).with_context(written)?;
    writer.append_key_value_metadata(parquet_digest::entry());
    parquet_digest::finish(writer.into_inner().with_context(written)?).with_context(written)
}

/// Writes them as the text that the official code's merge reads.
///
/// # Errors
/// Usage error: they are of several labels a video, or of numbers. When the file cannot be written.
pub fn write_official(path: &Path, predictions: &Predictions) -> Result<()> {
    let kind = predictions.tested.problem_type;
    if !kind.is_single_label() {
        return Err(Usage::new(format!("the official format has one class per video, but this is {kind}"))
            .hint("--format parquet")
            .into());
    }
    let text = evaluation::official_text(predictions);
    whole_file::write(path, text.as_bytes())
        .with_context(|| format!("{} cannot be written", names::shown(path)))
}

/// Reads a file.
fn read(path: &Path) -> Result<Predictions> {
    let file = regular_file::open(path).with_context(|| format!("{} cannot be read", names::shown(path)))?;
    let reader = parquet_table::open(file).with_context(|| {
        format!("{} is not a Parquet file, or is damaged or truncated", names::shown(path))
    })?;
    let schema = reader.schema().clone();
    let batches = parquet_table::batches(reader)?;
    let batches: Vec<_> = batches.collect::<Result<_, _>>().with_context(|| names::shown(path))?;
    Predictions::of_batches(&schema, &batches)
        .with_context(|| format!("{} contains no predictions", names::shown(path)))
}

/// Reads files of parts of one test and joins them.
///
/// # Errors
/// Usage error: a file is not there, or they are of different tests; when one cannot be read.
pub fn read_all(paths: &[PathBuf]) -> Result<Predictions> {
    if let Some(absent) = paths.iter().find(|path| !path.is_file()) {
        return Err(Usage::new(format!("{}: no such file", names::shown(absent))).into());
    }
    let parts = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    evaluation::join(parts).map_err(|why| match &why {
        JoinError::OtherTest { part, .. } => {
            let path = paths.get(part - 1).map_or_else(String::new, |path| names::shown(path));
            Usage::new(format!("{path}: {why}")).into()
        }
        _ => why.into(),
    })
}
