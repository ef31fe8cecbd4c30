//! What is given as an input must be a file, or a folder where that will do: a pipe or a device would block, or never
//! end.

use std::path::Path;

use pipeline::{names, store};

use crate::error::{Result, Usage};

/// Refuses a path where something is that is no file. Where nothing is, whoever reads it says so.
///
/// # Errors
/// Usage error: a folder, a pipe or a device is there; it is an address.
pub fn check_file(path: &Path) -> Result<()> {
    check_path(path)?;
    match path.metadata() {
        Ok(there) if there.is_dir() => Err(no_file(path, "a folder").into()),
        Ok(there) if !there.is_file() => Err(no_file(path, "a pipe or a device").into()),
        _ => Ok(()),
    }
}

/// Refuses a path where neither a file nor a folder is.
///
/// # Errors
/// Usage error: nothing is there, or a pipe or a device; it is an address.
pub fn check_file_or_folder(path: &Path) -> Result<()> {
    check_path(path)?;
    match path.metadata() {
        Ok(there) if there.is_file() || there.is_dir() => Ok(()),
        Ok(_) => Err(no_file(path, "a pipe or a device").into()),
        Err(_) => Err(Usage::new(format!("{}: no such file or folder", names::shown(path))).into()),
    }
}

/// Refuses the address of an object: only videos, shards, their lists and manifests are read from stores.
fn check_path(path: &Path) -> Result<()> {
    if !store::is_address(path) {
        return Ok(());
    }
    let said =
        format!("{} is an address of an object store, and this is read from a file", names::shown(path));
    Err(Usage::new(said).hint("copy it to this machine first").into())
}

fn no_file(path: &Path, found: &str) -> Usage {
    Usage::new(format!("{} is {found}, not a file", names::shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_pipes_and_devices_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let words = |checked: Result<()>| checked.map_err(|why| why.usage().unwrap().to_string());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        check_file(&file).unwrap();
        check_file(&folder.path().join("absent")).unwrap();
        check_file_or_folder(folder.path()).unwrap();
        assert!(words(check_file(folder.path())).unwrap_err().ends_with(" is a folder, not a file"));
        let absent = words(check_file_or_folder(&folder.path().join("absent"))).unwrap_err();
        assert!(absent.ends_with("absent: no such file or folder"), "{absent}");
        let address = words(check_file(Path::new("s3://bucket/model.safetensors"))).unwrap_err();
        assert!(address.contains("is an address of an object store"), "{address}");
        #[cfg(unix)]
        for check in [check_file, check_file_or_folder] {
            let refused = words(check(Path::new("/dev/null"))).unwrap_err();
            assert_eq!(refused, "/dev/null is a pipe or a device, not a file");
        }
    }
}
