//! Locks of outputs: a folder or file that another process writes is a usage error that says whose it is.

use std::path::Path;

use pipeline::store;
use schemas::output_lock::{OutputLock, OutputLockError};

use crate::{
    error::{Context as _, Result, Usage},
    observer::Observer,
};

/// Locks the folder at `path`, which is made where it does not exist.
///
/// # Errors
/// Usage error: another process writes it. When it cannot be made or written.
pub fn folder(path: &Path, observer: &dyn Observer) -> Result<OutputLock> {
    taken(path, OutputLock::folder, observer)
}

/// Locks the file, or the folder that appears whole, at `path`.
///
/// # Errors
/// Usage error: another process writes it. When its folder is not there or cannot be written.
pub fn file(path: &Path, observer: &dyn Observer) -> Result<OutputLock> {
    taken(path, OutputLock::file, observer)
}

/// Locks the folder at `path`, which is made where it does not exist, together with other slices of it.
///
/// # Errors
/// Usage error: a process writes it that is no slice. When it cannot be made or written.
pub fn shared_folder(path: &Path, observer: &dyn Observer) -> Result<OutputLock> {
    taken(path, OutputLock::shared_folder, observer)
}

/// Locks the file at `path` together with other slices of it.
///
/// # Errors
/// Usage error: a process writes it that is no slice. When its folder is not there or cannot be written.
pub fn shared_file(path: &Path, observer: &dyn Observer) -> Result<OutputLock> {
    taken(path, OutputLock::shared_file, observer)
}

fn taken(
    path: &Path,
    lock: fn(&Path) -> Result<OutputLock, OutputLockError>,
    observer: &dyn Observer,
) -> Result<OutputLock> {
    if store::is_address(path) {
        let shown = pipeline::names::shown(path);
        return Err(Usage::new(format!(
            "{shown} is an address of an object store, and this is written to files"
        ))
        .hint("`tubelet scan` and `tubelet preprocess` write to stores, without slices")
        .into());
    }
    let lock = match lock(path) {
        Ok(lock) => lock,
        Err(OutputLockError::File { path, cause }) => {
            return Err(cause)
                .with_context(|| format!("{} cannot be written", pipeline::names::shown(&path)));
        }
        Err(taken) => {
            return Err(Usage::new(taken.to_string())
                .hint("wait until that process has ended, or write to another place")
                .into());
        }
    };
    if !lock.is_supported() {
        observer.note(format_args!(
            "note: the file system of {} has no locks: no other process may write there at the same time",
            pipeline::names::shown(path)
        ));
    }
    Ok(lock)
}
