//! A safetensors file: a length, a header, the values. Where it carries a digest of them, they are checked.

use std::path::Path;

use schemas::regular_file;

use super::contents::{Beside, Container};
use crate::checkpoint::{
    CheckpointError,
    description::{KEY, Note},
    safetensors_file,
    tensor_table::TensorTable,
};

/// Opens the file at `path`.
pub(super) fn open(path: &Path) -> Result<Container, CheckpointError> {
    let bytes =
        regular_file::read(path).map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })?;
    safetensors_file::check(path, &bytes)?;
    let (table, metadata) = TensorTable::of_safetensors(path, bytes)?;
    let note = metadata.get(KEY).and_then(|text| Note::from_json(text));
    Ok(Container { table, metadata, note, beside: Beside::default(), of_folder: false })
}
