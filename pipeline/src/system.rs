//! What the system says when it cannot read a file, told apart from what is wrong with the file.
//!
//! A failing disk, a network file system that lost a file, too many open files, too little memory and missing
//! rights say nothing about a video. A run that left the video out for it would end with other weights, so reading
//! is tried again ([`read`]), and what still fails is a [`SystemError`], on which a command stops.
//!
//! That nothing is there under a path, or no file, is a statement about the path: a list may name videos that were
//! never downloaded. It is given to the caller as it is.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use rustix::io::Errno;

use crate::{heartbeat, names, store::StoreFailure};

/// Pauses between attempts: two seconds in all, since the limits of a clip run meanwhile.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(450),
    Duration::from_millis(1350),
];

/// The system cannot read a file, though it was asked several times.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "this system could not {action} {}: {cause}, also when tried again; {}",
    names::shown(path),
    advice(cause)
)]
pub struct SystemError {
    /// What was tried: `read`, `open`.
    action: &'static str,
    path: PathBuf,
    cause: Arc<io::Error>,
}

impl SystemError {
    /// The system says `cause` where `path` should be opened or read.
    pub fn new(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self { action, path: path.to_owned(), cause: Arc::new(cause) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the system said last.
    pub fn cause(&self) -> &io::Error {
        &self.cause
    }
}

/// Whether an error is of the system and not of the path that was asked for. What this program says itself of a
/// path has no number of the system's.
pub fn is_of_the_system(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, IsADirectory, NotADirectory, NotFound, OutOfMemory};
    let of_the_path = matches!(error.kind(), NotFound | NotADirectory | IsADirectory | InvalidFilename)
        || Errno::from_io_error(error) == Some(Errno::LOOP);
    error.kind() == OutOfMemory
        || (error.raw_os_error().is_some() && !of_the_path)
        || StoreFailure::in_error(error).is_some()
}

/// Asks the system until it answers, or has refused several times: the answer, or its last error. What it says of
/// the path itself is an answer.
///
/// # Errors
/// When it refuses for good.
pub fn persistently<T>(mut ask: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for pause in PAUSES {
        match heartbeat::reading(&mut ask) {
            // A store was asked several times already.
            Err(error) if is_of_the_system(&error) && StoreFailure::in_error(&error).is_none() => wait(pause),
            answer => return answer,
        }
    }
    heartbeat::reading(ask)
}

/// Opens or reads the file at `path`. The inner error is one of the path.
///
/// # Errors
/// When the system refuses for good.
pub fn read<T>(path: &Path, ask: impl FnMut() -> io::Result<T>) -> Result<io::Result<T>, SystemError> {
    match persistently(ask) {
        Err(error) if is_of_the_system(&error) => Err(SystemError::new("read", path, error)),
        answer => Ok(answer),
    }
}

/// Waits, and shows that the thread is not stuck.
fn wait(pause: Duration) {
    heartbeat::step();
    thread::sleep(pause);
}

/// What helps against an error of the system.
fn advice(cause: &io::Error) -> &'static str {
    match Errno::from_io_error(cause) {
        Some(Errno::MFILE) => {
            "this process has too many files open: raise the limit with `ulimit -n 65536`, or use fewer workers"
        }
        Some(Errno::NFILE) => {
            "this machine has too many files open: end other programs, or raise fs.file-max"
        }
        Some(Errno::ACCESS | Errno::PERM) => {
            "its owner must let you read it (`chmod +r FILE`, and `chmod +x` for its folders), or leave it out of VIDEOS"
        }
        Some(Errno::STALE | Errno::TIMEDOUT | Errno::HOSTDOWN | Errno::HOSTUNREACH | Errno::NOTCONN) => {
            "the network file system does not answer: mount it again, then run the command again"
        }
        Some(Errno::IO) => {
            "the disk or the way to it fails (see `dmesg`): copy the file from a good disk, then run the command again"
        }
        Some(Errno::NOMEM) => "memory is used up: use fewer workers, or end other programs",
        Some(Errno::NOENT) => "it was there before: put it back, or scan the folder again",
        _ if StoreFailure::in_error(cause).is_some() => {
            "see that the store can be reached and that the credentials in the environment are right, then run the command again"
        }
        _ if cause.kind() == io::ErrorKind::OutOfMemory => {
            "memory is used up: use fewer workers, or end other programs"
        }
        _ => "remove the cause, then run the command again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(errno: Errno) -> io::Error {
        io::Error::from_raw_os_error(errno.raw_os_error())
    }

    #[test]
    fn errors_of_the_system_are_told_from_those_of_the_path() {
        use Errno as E;
        for of_the_system in
            [E::IO, E::STALE, E::MFILE, E::NFILE, E::NOMEM, E::ACCESS, E::TIMEDOUT, E::INTR, E::NODEV]
        {
            assert!(is_of_the_system(&error(of_the_system)), "{of_the_system}");
        }
        for of_the_path in [E::NOENT, E::NOTDIR, E::ISDIR, E::NAMETOOLONG, E::LOOP] {
            assert!(!is_of_the_system(&error(of_the_path)), "{of_the_path}");
        }
        assert!(!is_of_the_system(&io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        assert!(is_of_the_system(&io::ErrorKind::OutOfMemory.into()));
    }

    #[test]
    fn what_fails_a_few_times_is_asked_again() {
        let mut failures = [Errno::IO, Errno::STALE].into_iter();
        let answer = persistently(|| failures.next().map_or(Ok(7), |errno| Err(error(errno))));
        assert_eq!(answer.unwrap(), 7);
    }

    #[test]
    fn a_missing_file_is_an_answer_and_not_asked_for_again() {
        let mut times = 0;
        let ask = || -> io::Result<()> {
            times += 1;
            Err(error(Errno::NOENT))
        };
        assert!(read(Path::new("a.mp4"), ask).unwrap().is_err());
        assert_eq!(times, 1);
    }

    #[test]
    fn what_fails_for_good_names_path_cause_and_remedy() {
        let failed = read(Path::new("films/a.mp4"), || -> io::Result<()> { Err(error(Errno::MFILE)) });
        let words = failed.unwrap_err().to_string();
        assert!(words.starts_with("this system could not read films/a.mp4: Too many open files"), "{words}");
        assert!(words.contains("ulimit -n"), "{words}");
    }
}
