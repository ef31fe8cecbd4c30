//! Locks of outputs: a folder or file that another process writes is a usage error that says whose it is.

use std::path::Path;

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
    taken(OutputLock::folder(path), path, observer)
}

/// Locks the file, or the folder that appears whole, at `path`.
///
/// # Errors
/// Usage error: another process writes it. When its folder is not there or cannot be written.
pub fn file(path: &Path, observer: &dyn Observer) -> Result<OutputLock> {
    taken(OutputLock::file(path), path, observer)
}

/// Locks the folder at `path`, which is made where it does not exist, together with other slices of it.
///
/// # Errors
/// Usage error: a process writes it that is no slice. When it cannot be made or written.
pub fn shared_folder(path: &Path, observer: &dyn Observer) -> Result<OutputLock> {
    taken(OutputLock::shared_folder(path), path, observer)
}

/// Locks the file at `path` together with other slices of it.
///
/// # Errors
/// Usage error: a process writes it that is no slice. When its folder is not there or cannot be written.
pub fn shared_file(path: &Path, observer: &dyn Observer) -> Result<OutputLock> {
    taken(OutputLock::shared_file(path), path, observer)
}

fn taken(
    lock: Result<OutputLock, OutputLockError>,
    path: &Path,
    observer: &dyn Observer,
) -> Result<OutputLock> {
    let lock = match lock {
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
