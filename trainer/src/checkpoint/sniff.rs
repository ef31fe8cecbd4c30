//! Which format a file or folder of weights is, by what is in it.
//!
//! ```text
//! folder with config.json             Hugging Face      folder with recipe.toml    a run: its newest checkpoint
//! file: zip, or an old torch pickle   official; Hugging Face's where the tensors have its names, which only
//!                                     shows when the file is opened
//! file: length, then {"               safetensors: tubelet's if its metadata says so, else Hugging Face's
//! ```

use std::{fs::File, io::Read as _, path::Path};

use super::{CheckpointError, native};

/// A format of files of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// What `torch.save` writes in the official code.
    Official,
    /// A folder with config.json and model.safetensors (or pytorch_model.bin).
    HuggingFace,
    /// tubelet's own safetensors file.
    Tubelet,
}

/// How a zip begins.
const ZIP: &[u8] = b"PK\x03\x04";
/// How a pickle of any protocol from 2 begins: torch before 1.6 wrote bare ones.
const PICKLE: u8 = 0x80;
/// What makes a folder one of Hugging Face's.
pub(super) const CONFIG: &str = "config.json";

/// Which format `path` is.
///
/// # Errors
/// When it cannot be read or is none of them.
pub fn sniff(path: &Path) -> Result<Format, CheckpointError> {
    let unknown = |why: &str| CheckpointError::Unknown { path: path.to_owned(), why: why.to_owned() };
    if path.is_dir() {
        return if path.join(CONFIG).is_file() {
            Ok(Format::HuggingFace)
        } else if path.join("recipe.toml").is_file() {
            Ok(Format::Tubelet)
        } else {
            Err(unknown("the folder has neither config.json (Hugging Face) nor recipe.toml (a run)"))
        };
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(9).read_to_end(&mut start))
        .map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })?;
    let has_config = path.with_file_name(CONFIG).is_file();
    if start.starts_with(ZIP) {
        return Ok(Format::Official);
    }
    if start.get(8) == Some(&b'{') {
        return match native::read_about(path) {
            Ok(_) => Ok(Format::Tubelet),
            Err(CheckpointError::Foreign { key: "format", .. }) if has_config => Ok(Format::HuggingFace),
            Err(CheckpointError::Foreign { key: "format", .. }) => {
                Err(unknown("it is a safetensors file, but neither tubelet's nor beside a config.json"))
            }
            Err(other) => Err(other),
        };
    }
    match start.first() {
        None => Err(unknown("it is empty")),
        Some(&PICKLE) => Ok(Format::Official),
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
            let refused = sniff(&file).unwrap_err();
            assert!(refused.to_string().ends_with(why), "{refused}");
        }
        assert!(matches!(sniff(folder.path()), Err(CheckpointError::Unknown { .. })));
        assert!(matches!(sniff(&folder.path().join("none")), Err(CheckpointError::File { .. })));
    }
}
