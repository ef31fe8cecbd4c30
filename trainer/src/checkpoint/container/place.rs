//! Which file a path to weights means.
//!
//! ```text
//! folder with config.json    Hugging Face: the first of FILES that is there
//! folder with recipe.toml    a run: its newest checkpoint
//! one of several shards      the index beside it, which names them all
//! any other file             itself
//! ```

use std::path::{Path, PathBuf};

use super::shards;
use crate::checkpoint::{CheckpointError, format::CONFIG, run_checkpoints};

/// Names of Hugging Face's files of weights, in the order in which `transformers` looks for them.
const FILES: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// The file to open.
pub(super) fn of(path: &Path) -> Result<PathBuf, CheckpointError> {
    let unknown = |why: String| CheckpointError::Unknown { path: path.to_owned(), why };
    if !path.is_dir() {
        return Ok(shards::index_of(path).unwrap_or_else(|| path.to_owned()));
    }
    if path.join(CONFIG).is_file() {
        let found = FILES.map(|name| path.join(name)).into_iter().find(|file| file.is_file());
        return found
            .ok_or_else(|| unknown(format!("the folder has {CONFIG}, but none of {}", FILES.join(", "))));
    }
    if path.join("recipe.toml").is_file() {
        return run_checkpoints::newest(path);
    }
    Err(unknown(format!("the folder has neither {CONFIG} (Hugging Face) nor recipe.toml (a run)")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_its_first_file_of_weights_and_a_shard_is_its_index() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let touch = |name: &str| std::fs::write(at(name), "").unwrap();
        touch(CONFIG);
        let refused = of(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("none of model.safetensors, model.safetensors.index.json"), "{refused}");
        for name in FILES.into_iter().rev() {
            touch(name);
            assert_eq!(of(folder.path()).unwrap(), at(name));
        }
        touch("model-00001-of-00002.safetensors");
        let index = at("model.safetensors.index.json");
        assert_eq!(of(&at("model-00001-of-00002.safetensors")).unwrap(), index);
        assert_eq!(of(&at("model.safetensors")).unwrap(), at("model.safetensors"));
    }
}
