//! Opens whatever holds tensors: one table of them by name, with their values still on disk.
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

mod place;
mod shards;
mod torch;

use std::{
    collections::HashMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use self::torch::Beside;
use super::{CheckpointError, description::Note, hugging_face::CONFIG, tensor_table::TensorTable};

/// Tensors, and what stands beside them.
pub(super) struct Container {
    /// The tensors under the names that they have there.
    pub(super) table: TensorTable,
    /// Metadata of a safetensors file.
    pub(super) metadata: HashMap<String, String>,
    /// What tubelet wrote beside the weights of another program's layout.
    pub(super) note: Option<Note>,
    /// What a file of torch says beside its weights.
    pub(super) beside: Beside,
    /// Whether a folder was named, so that its config.json is about these tensors for sure.
    pub(super) of_folder: bool,
}

/// How a file holds tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Safetensors,
    Torch,
    Index,
}

/// How a zip begins.
const ZIP: &[u8] = b"PK\x03\x04";
/// How a pickle of any protocol from 2 begins: torch before 1.6 wrote bare ones.
const PICKLE: u8 = 0x80;

/// Opens the file or folder at `path`.
pub(super) fn open(path: &Path) -> Result<Container, CheckpointError> {
    let file = place::of(path)?;
    let mut container = open_file(&file)?;
    container.of_folder = path.is_dir();
    Ok(container)
}

fn open_file(path: &Path) -> Result<Container, CheckpointError> {
    match holder(path)? {
        Holder::Safetensors => {
            let bytes = std::fs::read(path)
                .map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })?;
            let (table, metadata) = TensorTable::of_safetensors(path, bytes)?;
            let note = metadata.get(super::description::KEY).and_then(|text| Note::from_json(text));
            Ok(Container { table, metadata, note, beside: Beside::default(), of_folder: false })
        }
        Holder::Torch => torch::open(path),
        Holder::Index => shards::open(path),
    }
}

/// How the file at `path` holds tensors, by its first bytes.
fn holder(path: &Path) -> Result<Holder, CheckpointError> {
    let unknown = |why: &str| CheckpointError::Unknown { path: path.to_owned(), why: why.to_owned() };
    let mut start = Vec::new();
    File::open(path)
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

impl Container {
    /// The config.json that lies beside the tensors, where there is one.
    pub(super) fn config(&self) -> Option<PathBuf> {
        Some(self.table.path().with_file_name(CONFIG)).filter(|path| path.is_file())
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
        assert!(matches!(open(folder.path()), Err(CheckpointError::Unknown { .. })));
        assert!(matches!(open(&folder.path().join("none")), Err(CheckpointError::File { .. })));
    }
}
