//! A file that is there whole or not at all: written beside its place, synced, renamed.
//!
//! A [`WholeFile`] takes bytes like any file. [`WholeFile::finish`] puts it in its place; when it is
//! dropped before that, nothing of it stays. Only a process killed in the middle leaves its temporary
//! file, `.NAME.*.part`, and the next [`WholeFile::create`] of the same name sweeps it away. A process holds a lock on
//! its temporary file, so that those of living processes are never swept: several may write one file at the same time,
//! and the last to finish stands. [`WholeFolder`] is the same of a folder.

#[cfg(test)]
mod crash;
mod disk;
mod temporary;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempDir};

pub use self::temporary::remove_unfinished;
use self::temporary::{Registered, folder_of, new_file, new_folder};

/// A file in the making.
#[derive(Debug)]
pub struct WholeFile {
    target: PathBuf,
    temporary: NamedTempFile,
    registered: Registered,
}

/// A folder in the making, of a few files that belong together.
#[derive(Debug)]
pub struct WholeFolder {
    target: PathBuf,
    temporary: TempDir,
    /// The lock on it.
    _lock: Option<fs::File>,
    registered: Registered,
}

impl WholeFile {
    /// Starts a file that shall stand at `target`; its folder must exist.
    ///
    /// # Errors
    /// When the folder cannot be read or written, or something other than a file is in the way.
    pub fn create(target: &Path) -> io::Result<Self> {
        if fs::metadata(target).is_ok_and(|there| !there.is_file()) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is there and no file"));
        }
        let (temporary, registered) = Registered::begin(|| new_file(target), NamedTempFile::path)?;
        disk::created(temporary.path());
        Ok(Self { target: target.to_owned(), temporary, registered })
    }

    /// The temporary file, for writers that go back in it.
    pub fn as_file_mut(&mut self) -> &mut fs::File {
        self.temporary.as_file_mut()
    }

    /// Puts the file in its place, replacing what stands there.
    ///
    /// # Errors
    /// When it cannot be synced or renamed; nothing of it stays then.
    pub fn finish(self) -> io::Result<()> {
        let Self { target, temporary, registered } = self;
        disk::sync(temporary.as_file(), temporary.path())?;
        registered.put_in_place(|| disk::rename(temporary.path(), &target))?;
        // It is where it belongs: nothing is left to be removed.
        let (_file, path) = temporary.into_parts();
        std::mem::forget(path);
        // The name is on disk only when its folder is.
        disk::sync_folder(folder_of(&target))
    }
}

impl io::Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        disk::write(self.temporary.as_file(), self.temporary.path(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.as_file_mut().flush()
    }
}

impl WholeFolder {
    /// Starts a folder that shall stand at `target`, where there is nothing or an empty folder.
    ///
    /// # Errors
    /// When the folder that it is to be in cannot be read or written.
    pub fn create(target: &Path) -> io::Result<Self> {
        // `..` and links are resolved where they can be, so that the new folder is on the same disk.
        let target = target.canonicalize().unwrap_or_else(|_| target.to_owned());
        let made = Registered::begin(|| new_folder(&target), |(folder, _)| folder.path())?;
        let ((temporary, lock), registered) = made;
        Ok(Self { target, temporary, _lock: lock, registered })
    }

    /// Where its files are written.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// When it cannot be synced or renamed; nothing of it stays then.
    pub fn finish(self) -> io::Result<()> {
        let Self { target, temporary, registered, .. } = self;
        disk::sync_folder(temporary.path())?;
        registered.put_in_place(|| disk::rename(temporary.path(), &target))?;
        let _ = temporary.keep();
        disk::sync_folder(folder_of(&target))
    }
}

/// Writes these bytes to a file that is there whole or not at all.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn write(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = WholeFile::create(target)?;
    io::Write::write_all(&mut file, bytes)?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_not_there_before_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("list");
        let mut file = WholeFile::create(&target).unwrap();
        file.write_all(b"all of it").unwrap();
        assert!(!target.exists());
        file.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"all of it");
    }

    #[test]
    fn what_a_killed_process_left_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".list.abc123.part"), b"half").unwrap();
        fs::write(folder.path().join(".lists.abc123.part"), b"of another file").unwrap();
        fs::create_dir_all(folder.path().join(".list.abc124.part/deep")).unwrap();
        WholeFile::create(&folder.path().join("list")).unwrap().finish().unwrap();
        assert_eq!(names(folder.path()), [".lists.abc123.part", "list"]);
    }

    #[test]
    fn what_a_living_process_writes_is_left_alone_and_both_end_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("list");
        let mut first = WholeFile::create(&target).unwrap();
        first.write_all(b"first").unwrap();
        let mut second = WholeFile::create(&target).unwrap();
        second.write_all(b"second").unwrap();
        second.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"second");
        first.finish().unwrap();
        assert_eq!((fs::read(&target).unwrap().as_slice(), names(folder.path()).len()), (&b"first"[..], 1));
    }

    #[test]
    fn a_name_as_long_as_names_can_be_is_written() {
        let folder = tempfile::tempdir().unwrap();
        for length in [200, 201, 254, 255] {
            let target = folder.path().join("n".repeat(length));
            write(&target, b"one").unwrap();
            write(&target, b"two").unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"two");
        }
        assert_eq!(names(folder.path()).len(), 4);
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        assert!(WholeFile::create(folder.path()).is_err());
        #[cfg(unix)]
        assert!(WholeFile::create(Path::new("/dev/null")).is_err());
    }

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("model");
        let dropped = WholeFolder::create(&target).unwrap();
        fs::write(dropped.path().join("weights"), "half").unwrap();
        let living = WholeFolder::create(&target).unwrap();
        fs::write(living.path().join("weights"), "whole").unwrap();
        drop(dropped);
        assert_eq!(names(folder.path()).len(), 1);
        living.finish().unwrap();
        assert_eq!(names(folder.path()), ["model"]);
        assert_eq!(fs::read(target.join("weights")).unwrap(), b"whole");
        // One that was killed: its lock has gone with it.
        let (killed, _) = new_folder(&target).unwrap();
        fs::write(killed.keep().join("weights"), "half").unwrap();
        drop(WholeFolder::create(&target).unwrap());
        assert_eq!(names(folder.path()), ["model"]);
    }
}
