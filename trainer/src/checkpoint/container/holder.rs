//! Recognises the kind of a file of tensors by its first bytes.

use std::{io::Read as _, path::Path};

use schemas::regular_file;

use crate::checkpoint::CheckpointError;

/// How a file holds tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Safetensors,
    Torch,
    Index,
}

/// How a zip begins.
const ZIP: &[u8] = b"PK\x03\x04";
/// How a pickle of any protocol from 2 begins: torch before 1.6 wrote bare ones.
const PICKLE: u8 = 0x80;

/// How the file at `path` holds tensors, by its first bytes.
pub(super) fn holder(path: &Path) -> Result<Holder, CheckpointError> {
    let unknown = |why: &str| CheckpointError::Unknown { path: path.to_owned(), why: why.to_owned() };
    let mut start = Vec::new();
    regular_file::open(path)
        .and_then(|file| file.take(9).read_to_end(&mut start))
        .map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })?;
    if start.starts_with(ZIP) {
        return Ok(Holder::Torch);
    }
    if start.get(8) == Some(&b'{') {
        return Ok(Holder::Safetensors);
    }
    match start.first() {
        None => Err(unknown("it is empty")),
        Some(&PICKLE) => Ok(Holder::Torch),
        Some(b'{') if path.extension().is_some_and(|ending| ending == "json") => Ok(Holder::Index),
        Some(_) => Err(unknown("it begins neither as a zip (.pth) nor as safetensors")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_of_weights_is_said_to_be_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.pth");
        for (content, why) in [
            (&b""[..], "it is empty"),
            (b"GIF89a...", "it begins neither as a zip (.pth) nor as safetensors"),
        ] {
            std::fs::write(&file, content).unwrap();
            let refused = holder(&file).unwrap_err();
            assert!(refused.to_string().ends_with(why), "{refused}");
        }
    }
}
