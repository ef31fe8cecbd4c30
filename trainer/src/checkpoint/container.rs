//! Opens a file or folder of any kind as one table of tensors by name, with their values still on disk.
//!
//! ```text
//! safetensors                     a length, a header, the values
//! .pth, .bin                      a zip of `torch.save`, or an old pickle
//! *.index.json and its shards     several of these; the index says which tensor is in which
//! a folder                        of Hugging Face (one of the above), or of a run (its newest checkpoint)
//! ```
//!
//! What holds tensors is one question, whose names they have is another ([`super::naming`]): every container may
//! hold every naming. Nothing in a file is executed.

mod contents;
mod holder;
mod place;
mod safetensors;
mod shards;
mod torch;

use std::path::Path;

use self::holder::{Holder, holder};
use super::CheckpointError;

pub(super) use self::contents::Container;

/// Opens the file or folder at `path`.
pub(super) fn open(path: &Path) -> Result<Container, CheckpointError> {
    let file = place::of(path)?;
    let mut container = match holder(&file)? {
        Holder::Safetensors => safetensors::open(&file)?,
        Holder::Torch => torch::open(&file)?,
        Holder::Index => shards::open(&file)?,
    };
    container.of_folder = path.is_dir();
    Ok(container)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_weights_and_a_file_that_is_not_there_are_two_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(open(folder.path()), Err(CheckpointError::Unknown { .. })));
        assert!(matches!(open(&folder.path().join("none")), Err(CheckpointError::File { .. })));
    }
}
