//! Temporary files and folders beside what they become: locked while their process lives, swept away after it, and
//! known to whoever ends the process.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::{
    hidden_name,
    try_lock::{Lock, Mode, has_a_name, try_lock},
};

const SUFFIX: &str = ".part";

/// What this process has begun and not finished.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A path in [`UNFINISHED`], until this is dropped.
#[derive(Debug)]
pub(super) struct Registered(PathBuf);

impl Registered {
    /// Makes a temporary file or folder whose path is known from its first moment.
    pub(super) fn begin<T>(
        make: impl FnOnce() -> io::Result<T>,
        path_of: impl FnOnce(&T) -> &Path,
    ) -> io::Result<(T, Self)> {
        let mut unfinished = unfinished();
        let made = make()?;
        let path = path_of(&made).to_owned();
        unfinished.insert(path.clone());
        Ok((made, Self(path)))
    }

    /// Has `rename` put it in its place. Nobody removes it meanwhile: what is removed could be in its place by then.
    pub(super) fn put_in_place(self, rename: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut unfinished = unfinished();
        rename()?;
        unfinished.remove(&self.0);
        drop(unfinished);
        Ok(())
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        unfinished().remove(&self.0);
    }
}

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what this process has begun and not finished: to be called before the process ends without returning from
/// where it is. From here on nothing is begun or finished: whoever tries waits for the end of the process.
pub fn remove_unfinished() {
    let unfinished = unfinished();
    for path in unfinished.iter() {
        // One that cannot be removed is swept away by the next process that writes there.
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
    std::mem::forget(unfinished);
}

/// The folder that a file is in.
pub(super) fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new, locked file for what shall stand at `target`.
pub(super) fn new_file(target: &Path) -> io::Result<NamedTempFile> {
    let prefix = swept_prefix(target)?;
    loop {
        let temporary = builder(&prefix, 0o666).tempfile_in(folder_of(target))?;
        // Between its making and its locking another process may have taken it for one that was left.
        if try_lock(temporary.as_file(), Mode::Alone)? != Lock::Taken && has_a_name(temporary.as_file())? {
            return Ok(temporary);
        }
    }
}

/// A new folder, locked where folders can be, for what shall stand at `target`.
pub(super) fn new_folder(target: &Path) -> io::Result<(TempDir, Option<fs::File>)> {
    let prefix = swept_prefix(target)?;
    loop {
        let temporary = builder(&prefix, 0o777).tempdir_in(folder_of(target))?;
        // Elsewhere than on Unix folders cannot be opened, and are never swept either.
        let Ok(lock) = fs::File::open(temporary.path()) else { return Ok((temporary, None)) };
        let is_taken = try_lock(&lock, Mode::Alone).is_ok_and(|lock| lock == Lock::Taken);
        if !is_taken && has_a_name(&lock)? {
            return Ok((temporary, Some(lock)));
        }
    }
}

/// What the names of temporary files of `target` begin with, after those that were left are gone.
fn swept_prefix(target: &Path) -> io::Result<OsString> {
    let prefix = hidden_name::prefix(target.file_name().ok_or(io::ErrorKind::InvalidFilename)?);
    sweep(folder_of(target), &prefix)?;
    Ok(prefix)
}

/// What is made has the rights of any new file (the umask takes away what the user does not want); `tempfile` alone
/// would keep it private.
fn builder<'a>(prefix: &'a OsString, mode: u32) -> Builder<'a, 'static> {
    let mut builder = Builder::new();
    builder.prefix(prefix).suffix(SUFFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

/// Removes what killed processes left of this file. Where the file system has no locks nobody knows whether they
/// live: it stays.
fn sweep(folder: &Path, prefix: &OsString) -> io::Result<()> {
    for name in temporaries(folder)? {
        let bytes = name.as_encoded_bytes();
        if !bytes.starts_with(prefix.as_encoded_bytes()) {
            continue;
        }
        let path = folder.join(&name);
        let is_folder = path.is_dir();
        // Another user's, or one that is just being finished, is nobody's to be swept by us.
        let Ok(file) = fs::File::options().read(true).write(!is_folder).open(&path) else { continue };
        if matches!(try_lock(&file, Mode::Alone), Ok(Lock::Ours)) {
            let _ = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
    Ok(())
}

/// Names of all temporary files and folders in a folder. One of many files is listed once: whoever writes a million files
/// into it would list it as often.
fn temporaries(folder: &Path) -> io::Result<Vec<OsString>> {
    /// Files of a folder that is listed again and again.
    const FEW: usize = 4096;
    static LISTED: Mutex<BTreeMap<PathBuf, Vec<OsString>>> = Mutex::new(BTreeMap::new());
    let mut listed = LISTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(names) = listed.get(folder) {
        return Ok(names.clone());
    }
    let (mut names, mut files) = (Vec::new(), 0);
    for entry in fs::read_dir(folder)? {
        files += 1;
        let name = entry?.file_name();
        if name.as_encoded_bytes().ends_with(SUFFIX.as_bytes()) {
            names.push(name);
        }
    }
    if files > FEW {
        listed.insert(folder.to_owned(), names.clone());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_many_files_is_listed_once() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..4096 {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        fs::write(folder.path().join(".a.x.part"), "").unwrap();
        assert_eq!(temporaries(folder.path()).unwrap(), [".a.x.part"]);
        fs::write(folder.path().join(".b.x.part"), "").unwrap();
        assert_eq!(temporaries(folder.path()).unwrap(), [".a.x.part"]);
        sweep(folder.path(), &".a.".into()).unwrap();
        assert!(!folder.path().join(".a.x.part").exists());
    }
}
