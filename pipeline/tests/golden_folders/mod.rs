//! Folders of golden files for fine-tuning: those of `shared/golden`, and those that `GOLDEN_DIRS` names.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Every folder of the fine-tuning schema that has the file `with`; says so where there is none.
pub fn with_file(with: &str) -> Vec<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared");
    let shared = std::env::var_os("TUBELET_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let mut folders: Vec<PathBuf> = std::fs::read_dir(shared.join("golden"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    if let Some(named) = std::env::var_os("GOLDEN_DIRS") {
        folders.extend(std::env::split_paths(&named));
    }
    folders.sort();
    folders.dedup();
    folders.retain(|folder| is_finetune(folder) && folder.join(with).exists());
    if folders.is_empty() {
        eprintln!("skipped: no folder with {with} (TUBELET_SHARED or GOLDEN_DIRS names others)");
    }
    folders
}

fn is_finetune(folder: &Path) -> bool {
    let Ok(text) = std::fs::read(folder.join("meta.json")) else { return false };
    let meta: Value = serde_json::from_slice(&text).unwrap();
    meta["schema"].as_str().is_some_and(|schema| schema.starts_with("tubelet-finetune-golden/"))
}

/// A JSON file of a folder.
pub fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// A whole number of a row.
pub fn number(row: &Value, key: &str) -> u32 {
    u32::try_from(row[key].as_u64().unwrap_or_else(|| panic!("{key} of {row}"))).unwrap()
}

/// A list of whole numbers.
pub fn numbers(list: &Value) -> Vec<u32> {
    list.as_array().unwrap().iter().map(|item| item.as_u64().unwrap() as u32).collect()
}
