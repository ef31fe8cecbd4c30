//! The lock of an output: while one process writes a folder or a file, no other does.
//!
//! ```text
//! a folder    FOLDER/.tubelet.lock         a file    .NAME.lock beside it
//! ```
//!
//! The lock itself is the system's (`flock`): it ends with its process, also when that is killed, and a lock file
//! that is left says nothing. In it stands whose it is, for whoever finds it locked. Readers take no lock: whatever
//! is there is whole.
//!
//! Processes that each write a slice of one output share its lock, and each has one of its own slice besides. The file
//! of a shared lock stays until somebody has the output alone.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process, thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    hidden_name, names,
    try_lock::{Lock, Mode, has_a_name, try_lock},
};

/// The lock file of a folder.
const IN_FOLDER: &str = ".tubelet.lock";

/// Longest text of a lock file that is read, and longest command that is written.
const LONGEST: usize = 4096;

/// An output that this process alone writes, until this is dropped.
#[derive(Debug)]
#[doc(alias = "flock")]
#[doc(alias = "lockfile")]
pub struct OutputLock {
    file: File,
    path: PathBuf,
    mode: Mode,
    is_supported: bool,
    /// Folders that were made for it, the deepest first: where nothing came into them, they go again.
    made: Vec<PathBuf>,
}

/// Whose a lock is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Number of the process.
    pub pid: u32,
    /// The machine that it runs on.
    pub host: String,
    /// Since when, in UTC.
    pub since: String,
    /// The command.
    pub command: String,
}

/// Why an output is not locked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputLockError {
    /// Another process writes it.
    #[error("{} is being written by another process: {}", names::shown(path), in_words(owner.as_ref()))]
    Taken {
        /// The folder or file.
        path: PathBuf,
        /// Whose it is, if that could be read.
        owner: Option<Owner>,
    },
    /// The folder cannot be made, or the lock file not be written.
    #[error("{} cannot be created or locked", names::shown(path))]
    File {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
}

/// How long the lock of a killed process may last: one that was starting another at that moment has left it a copy of its
/// files, which are closed when the other begins.
const AFTER_A_KILL: Duration = Duration::from_secs(2);

impl OutputLock {
    /// Locks the folder at `path`, which is made where it does not exist.
    ///
    /// # Errors
    /// When another process has it, or the folder cannot be made or written.
    pub fn folder(path: &Path) -> Result<Self, OutputLockError> {
        Self::take_folder(path, Mode::Alone)
    }

    /// Locks the folder at `path` together with others that share it.
    ///
    /// # Errors
    /// When a process has it alone, or the folder cannot be made or written.
    pub fn shared_folder(path: &Path) -> Result<Self, OutputLockError> {
        Self::take_folder(path, Mode::Shared)
    }

    /// Locks the file, or the folder that appears whole, at `path`; its folder must exist.
    ///
    /// # Errors
    /// When another process has it, or its folder cannot be written.
    pub fn file(path: &Path) -> Result<Self, OutputLockError> {
        Self::take_file(path, Mode::Alone)
    }

    /// Locks the file at `path` together with others that share it; its folder must exist.
    ///
    /// # Errors
    /// When a process has it alone, or its folder cannot be written.
    pub fn shared_file(path: &Path) -> Result<Self, OutputLockError> {
        Self::take_file(path, Mode::Shared)
    }

    /// Whether the lock holds; on a file system without locks it does not.
    pub fn is_supported(&self) -> bool {
        self.is_supported
    }

    fn take_folder(path: &Path, mode: Mode) -> Result<Self, OutputLockError> {
        Self::take(path, || path.join(IN_FOLDER), path, mode)
    }

    fn take_file(path: &Path, mode: Mode) -> Result<Self, OutputLockError> {
        // `.` and `..` have no name of their own.
        let named = if path.file_name().is_none() { path.canonicalize().ok() } else { None };
        let named = named.as_deref().unwrap_or(path);
        let mut name = hidden_name::prefix(named.file_name().unwrap_or_default());
        name.push("lock");
        Self::take(path, || named.with_file_name(&name), Path::new(""), mode)
    }

    fn take(
        output: &Path,
        lock_path: impl Fn() -> PathBuf,
        folder: &Path,
        mode: Mode,
    ) -> Result<Self, OutputLockError> {
        let failed = |cause| OutputLockError::File { path: output.to_owned(), cause };
        let missing = folder.ancestors().filter(|path| !path.as_os_str().is_empty() && !path.exists());
        let made: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        let path = lock_path();
        let patience = Instant::now() + AFTER_A_KILL;
        loop {
            if !folder.as_os_str().is_empty() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            let file = match opened {
                // Who had the folder has just taken it away.
                Err(why) if why.kind() == io::ErrorKind::NotFound && folder.parent().is_some() => continue,
                opened => opened.map_err(failed)?,
            };
            let lock = try_lock(&file, mode).map_err(failed)?;
            if lock == Lock::Taken {
                let owner = read_owner(&file);
                if Instant::now() < patience && owner.as_ref().is_some_and(Owner::has_ended) {
                    thread::sleep(Duration::from_millis(20));
                    continue;
                }
                return Err(OutputLockError::Taken { path: output.to_owned(), owner });
            }
            // Who had it has removed the file that we locked.
            if !has_a_name(&file).map_err(failed)? {
                continue;
            }
            let taken = Self { file, path, mode, is_supported: lock == Lock::Ours, made };
            taken.write_owner().map_err(failed)?;
            return Ok(taken);
        }
    }

    fn write_owner(&self) -> io::Result<()> {
        let text = serde_json::to_string(&Owner::this_process())?;
        self.file.set_len(0)?;
        (&self.file).write_all(format!("{text}\n").as_bytes())
    }
}

impl Drop for OutputLock {
    fn drop(&mut self) {
        if self.mode == Mode::Shared {
            return;
        }
        // What cannot be taken away is a file without a lock, which the next process takes.
        let _ = fs::remove_file(&self.path);
        for folder in &self.made {
            // It stays where something is in it.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Owner {
    /// Whether it was a process of this machine that is no more.
    fn has_ended(&self) -> bool {
        cfg!(target_os = "linux")
            && self.host == host()
            && !Path::new("/proc").join(self.pid.to_string()).exists()
    }

    fn this_process() -> Self {
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        let mut command = words.collect::<Vec<_>>().join(" ");
        command.truncate(command.floor_char_boundary(LONGEST / 8));
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self { pid: process::id(), host: host(), since: utc(since), command }
    }
}

/// What a lock file says; nothing where its owner is just writing it.
fn read_owner(file: &File) -> Option<Owner> {
    let mut text = String::new();
    file.take(LONGEST as u64).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn in_words(owner: Option<&Owner>) -> String {
    let Some(Owner { pid, host, since, command }) = owner else { return "it has just begun".to_owned() };
    format!("process {pid} on {host} since {since}: {command}")
}

/// The name of this machine.
fn host() -> String {
    let told = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told =
        told.or_else(|| std::env::var_os("HOSTNAME").as_deref().map(OsStr::to_string_lossy).map(Into::into));
    told.map_or_else(|| "this machine".to_owned(), |name| name.trim().to_owned())
}

/// Seconds since 1970 as a date and time: `2026-11-29 22:41:07 UTC`.
fn utc(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that a leap day is the last of its year; eras have 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_whose_it_is_and_the_third_may_have_it() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/run");
        for lock in [OutputLock::folder, OutputLock::file] {
            fs::create_dir_all(out.parent().unwrap()).unwrap();
            let first = lock(&out).unwrap();
            let refused = lock(&out).unwrap_err();
            let OutputLockError::Taken { owner: Some(owner), .. } = &refused else { panic!("{refused:?}") };
            assert_eq!(owner, &Owner { since: owner.since.clone(), ..Owner::this_process() });
            let words = format!("a/run is being written by another process: process {} on ", process::id());
            assert!(refused.to_string().contains(&words), "{refused}");
            drop(first);
            assert!(lock(&out).unwrap().is_supported());
        }
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 0, "nothing of it stays");
    }

    #[test]
    fn a_folder_that_was_made_for_nothing_goes_and_one_with_something_stays() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/b");
        drop(OutputLock::folder(&out).unwrap());
        assert!(!folder.path().join("a").exists());
        let lock = OutputLock::folder(&out).unwrap();
        fs::write(out.join("shard"), "rows").unwrap();
        drop(lock);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    }

    #[test]
    fn those_who_share_a_lock_keep_out_whoever_wants_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("shards");
        let both = [(); 2].map(|()| OutputLock::shared_folder(&out).unwrap());
        assert!(OutputLock::folder(&out).is_err());
        drop(both);
        let alone = OutputLock::folder(&out).unwrap();
        assert!(OutputLock::shared_folder(&out).is_err());
        drop(alone);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "nothing of it stays");
    }

    #[test]
    fn what_a_killed_process_left_locks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(IN_FOLDER), "{\"pid\":1").unwrap();
        OutputLock::folder(folder.path()).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_lock_that_outlives_its_killed_process_for_a_moment_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut ended = process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let held = OutputLock::folder(folder.path()).unwrap();
        let owner = Owner { pid: ended.id(), ..Owner::this_process() };
        fs::write(&held.path, serde_json::to_string(&owner).unwrap()).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(100));
                held.file.unlock().unwrap();
            });
            OutputLock::folder(folder.path()).unwrap();
        });
    }

    #[test]
    fn of_many_at_once_one_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let (out, count) = (folder.path().join("run"), std::sync::atomic::AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let Ok(_lock) = OutputLock::folder(&out) else { continue };
                        assert_eq!(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        count.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }

    #[test]
    fn seconds_are_a_date_and_a_time() {
        for (seconds, told) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_796_078_467, "2026-11-30 22:41:07 UTC"),
        ] {
            assert_eq!(utc(seconds), told);
        }
    }
}
