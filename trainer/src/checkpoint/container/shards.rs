//! Weights in several files, and the index that says which tensor is in which.
//!
//! ```text
//! model.safetensors.index.json          {"metadata": {…}, "weight_map": {tensor: file, …}}
//! model-00001-of-00002.safetensors …    the files, beside the index
//! ```
//!
//! `transformers` splits what is larger than its `max_shard_size`; `pytorch_model.bin.index.json` is the same for
//! files of torch. Every tensor must be in the file that the index says, and no file may hold others.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read as _,
    path::{Component, Path, PathBuf},
};

use schemas::regular_file;
use serde::Deserialize;

use super::{
    contents::{Beside, Container},
    holder::{Holder, holder},
    safetensors, torch,
};
use crate::checkpoint::{CheckpointError, tensor_table::TensorTable};

/// Longest index that is read; the giant model's takes 60 kB.
const LIMIT: u64 = 1 << 26;
/// Most files that are believed.
const MOST: usize = 1 << 12;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The index beside a file that is one of several by its name (`model-00001-of-00002.safetensors`).
pub(super) fn index_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (stem, ending) = name.rsplit_once('.')?;
    let (stem, of) = stem.rsplit_once("-of-")?;
    let (stem, number) = stem.rsplit_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(of) || !is_number(number) {
        return None;
    }
    Some(path.with_file_name(format!("{stem}.{ending}.index.json"))).filter(|index| index.is_file())
}

/// Opens all files that the index at `path` names.
pub(super) fn open(path: &Path) -> Result<Container, CheckpointError> {
    let damaged = |cause: String| CheckpointError::Damaged { path: path.to_owned(), cause };
    let mut text = String::new();
    regular_file::open(path)
        .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
        .map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })?;
    let Index { weight_map } = serde_json::from_str(&text).map_err(|why| damaged(why.to_string()))?;
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tensor, file) in &weight_map {
        files.entry(file).or_default().push(tensor);
    }
    if files.len() > MOST {
        return Err(damaged(format!("it names {} files", files.len())));
    }
    let (mut whole, mut note) = (TensorTable::new(path, 0, BTreeMap::new()), None);
    for (file, tensors) in files {
        let part = path.with_file_name(beside(file).ok_or_else(|| damaged(format!("it names `{file}`")))?);
        if !part.is_file() {
            return Err(damaged(format!("it names {file}, which is not there")));
        }
        let opened = match holder(&part)? {
            Holder::Safetensors => safetensors::open(&part)?,
            Holder::Torch => torch::open(&part)?,
            Holder::Index => {
                return Err(damaged(format!("it names {file}, which is an index itself")));
            }
        };
        if let Some(absent) = tensors.iter().find(|name| !opened.table.has(name)) {
            return Err(damaged(format!("`{absent}` is not in {file}, where it should be")));
        }
        if let Some(more) = opened.table.names().find(|name| !weight_map.contains_key(*name)) {
            return Err(damaged(format!("{file} holds `{more}`, which the index does not name")));
        }
        note = note.or(opened.note);
        whole.join(opened.table)?;
    }
    Ok(Container {
        table: whole,
        metadata: HashMap::new(),
        note,
        beside: Beside::default(),
        of_folder: false,
    })
}

/// A file's name, if it is the name of a file beside the index and no way to elsewhere.
fn beside(name: &str) -> Option<&str> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_beside_the_index_are_opened() {
        assert_eq!(beside("model-00001-of-00002.safetensors"), Some("model-00001-of-00002.safetensors"));
        for elsewhere in ["../model.safetensors", "/etc/passwd", "a/b", "..", ""] {
            assert_eq!(beside(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn an_index_that_is_wrong_says_in_what() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors.index.json");
        for (text, why) in [
            ("{", "EOF while parsing"),
            ("{}", "missing field `weight_map`"),
            (r#"{"weight_map": {"a": "../b"}}"#, "it names `../b`"),
            (r#"{"weight_map": {"a": "b.safetensors"}}"#, "it names b.safetensors, which is not there"),
            (r#"{"weight_map": {"a": "model.safetensors.index.json"}}"#, "which is an index itself"),
        ] {
            std::fs::write(&path, text).unwrap();
            let refused = open(&path).err().unwrap().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
