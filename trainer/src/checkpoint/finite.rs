//! Refuses to write tensors with NaN or infinite values.

use std::{collections::BTreeMap, path::Path};

use super::CheckpointError;
use crate::weights::HostTensor;

/// Refuses to write values that are no numbers.
pub(super) fn finite(
    tensors: &BTreeMap<String, &HostTensor>,
    path: &Path,
    step: u64,
) -> Result<(), CheckpointError> {
    let found = tensors.iter().find_map(|(name, tensor)| Some((name.clone(), tensor.not_finite()?)));
    match found {
        Some((name, found)) => {
            Err(CheckpointError::NotFiniteToWrite { path: path.to_owned(), name, step, found })
        }
        None => Ok(()),
    }
}
