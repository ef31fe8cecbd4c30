//! Golden folders that are given to the suites.
//!
//! `GOLDEN_DIRS` names them, with colons between: folders, or folders of such, each from the root (`/…`), from where
//! the tests run, or from the checkout. Without it they are those of `golden` in the folder `shared` beside the
//! checkout, or where `TUBELET_SHARED` says that is.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folders whose `meta.json` has a schema that begins with `schema`, in order; says so where there is none.
pub fn folders(schema: &str) -> Vec<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let given: Vec<PathBuf> = match std::env::var_os("GOLDEN_DIRS") {
        Some(named) => std::env::split_paths(&named)
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| if path.exists() { path } else { checkout.join(path) })
            .collect(),
        None => {
            let beside = checkout.join("../shared");
            let shared = std::env::var_os("TUBELET_SHARED").map_or(beside, PathBuf::from);
            vec![shared.join("golden")].into_iter().filter(|path| path.exists()).collect()
        }
    };
    for folder in &given {
        assert!(folder.is_dir(), "GOLDEN_DIRS names {}, and there is no such folder", folder.display());
    }
    let folders =
        given.iter().flat_map(|path| if is_golden(path) { vec![path.clone()] } else { inside(path) });
    let mut folders: Vec<PathBuf> = folders.filter(|folder| has_schema(folder, schema)).collect();
    folders.sort();
    folders.dedup();
    if folders.is_empty() {
        println!("skipped: no folder of {schema} is given (GOLDEN_DIRS, TUBELET_SHARED)");
    }
    folders
}

/// The project's own folders of a schema, in `tests/golden` beside the suite, in order. What is given never is one of
/// them: a path through `..` begins with this crate's too.
#[allow(dead_code)] // not every suite has folders of its own
pub fn own(schema: &str) -> Vec<PathBuf> {
    let own = inside(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"));
    let mut own: Vec<PathBuf> = own.into_iter().filter(|folder| has_schema(folder, schema)).collect();
    own.sort();
    own
}

/// What is in a folder.
fn inside(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Whether the schema in the folder's `meta.json` begins with `schema`.
fn has_schema(folder: &Path, schema: &str) -> bool {
    let Ok(text) = std::fs::read(folder.join("meta.json")) else { return false };
    let meta: Value =
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    meta["schema"].as_str().is_some_and(|found| found.starts_with(schema))
}

fn is_golden(folder: &Path) -> bool {
    folder.join("meta.json").exists()
}
