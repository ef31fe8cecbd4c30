//! Folders of golden files for fine-tuning, and what is in their tables.

use std::path::{Path, PathBuf};

use serde_json::Value;

#[path = "../../../trainer/tests/given/mod.rs"]
mod given;

/// Every given folder of the fine-tuning schema that has the file `with`; says so where there is none.
pub fn with_file(with: &str) -> Vec<PathBuf> {
    let mut folders = given::folders("tubelet-finetune-golden/");
    folders.retain(|folder| folder.join(with).exists());
    if folders.is_empty() {
        println!("skipped: no folder with {with} is given (GOLDEN_DIRS, TUBELET_SHARED)");
    }
    folders
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
