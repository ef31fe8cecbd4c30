//! A lock on a file as the system has it: `flock`, which ends with the process that holds it, however that ends.

use std::{
    fs::{File, TryLockError},
    io,
};

/// What came of the wish for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// It is ours until the file is closed.
    Ours,
    /// Another process has it, or this one through another handle.
    Taken,
    /// The file system has no locks, as NFS without its lock service.
    Unsupported,
}

/// `ENOLCK`, which the standard library has no word for.
const NO_LOCKS: i32 = if cfg!(target_os = "linux") { 37 } else { 77 };

/// Who may hold a lock together with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nobody else.
    Alone,
    /// Whoever shares it too.
    Shared,
}

/// Locks a file, or says that it is locked.
pub(crate) fn try_lock(file: &File, mode: Mode) -> io::Result<Lock> {
    let locked = match mode {
        Mode::Alone => file.try_lock(),
        Mode::Shared => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => Ok(Lock::Ours),
        Err(TryLockError::WouldBlock) => Ok(Lock::Taken),
        Err(TryLockError::Error(why)) if is_unsupported(&why) => Ok(Lock::Unsupported),
        Err(TryLockError::Error(why)) => Err(why),
    }
}

fn is_unsupported(why: &io::Error) -> bool {
    why.kind() == io::ErrorKind::Unsupported || why.raw_os_error() == Some(NO_LOCKS)
}

/// Whether the file still has a name: whoever removes a file may do so between its opening and its locking.
pub(crate) fn has_a_name(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    return Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 0);
    #[cfg(not(unix))]
    file.metadata().map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_locks_is_no_error() {
        for number in [NO_LOCKS, if cfg!(target_os = "linux") { 95 } else { 45 }] {
            assert!(is_unsupported(&io::Error::from_raw_os_error(number)), "{number}");
        }
        // EIO is one.
        assert!(!is_unsupported(&io::Error::from_raw_os_error(5)));
    }

    #[test]
    fn a_lock_is_taken_until_its_file_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let (first, second) = (File::create(&path).unwrap(), File::create(&path).unwrap());
        assert_eq!(try_lock(&first, Mode::Alone).unwrap(), Lock::Ours);
        for mode in [Mode::Alone, Mode::Shared] {
            assert_eq!(try_lock(&second, mode).unwrap(), Lock::Taken);
        }
        drop(first);
        assert_eq!(try_lock(&second, Mode::Alone).unwrap(), Lock::Ours);
        std::fs::remove_file(&path).unwrap();
        assert!(!has_a_name(&second).unwrap());
    }
}
