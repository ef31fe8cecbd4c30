//! An object as a file with holes, which are filled when they are read.

use std::{
    fs, io,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, TryLockError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use super::{
    client::{self, Version},
    ranges::Ranges,
};
use crate::{file::FileStamp, heartbeat};

/// What is asked for at least, and at most at a time.
const BLOCK: u64 = 64 << 10;
const MOST: u64 = 4 << 20;

/// How long a reader waits before it looks again whether another is done.
const WAIT: Duration = Duration::from_millis(5);

/// An object of a store.
#[derive(Debug)]
pub(super) struct Object {
    path: PathBuf,
    version: Version,
    /// As long as the object, without a name.
    file: fs::File,
    /// Only there it can be opened again by its handle.
    #[cfg(not(target_os = "linux"))]
    name: tempfile::TempPath,
    there: Mutex<Ranges>,
    held: AtomicU64,
}

/// Bytes that stores have given, and in how many answers.
static FETCHED: (AtomicU64, AtomicU64) = (AtomicU64::new(0), AtomicU64::new(0));

/// Bytes that all objects hold on this machine.
static HELD: AtomicU64 = AtomicU64::new(0);

/// Bytes of objects that stores have given to this process, and in how many answers.
pub fn fetched() -> (u64, u64) {
    (FETCHED.0.load(Relaxed), FETCHED.1.load(Relaxed))
}

/// Bytes that all objects hold on this machine.
pub(super) fn held() -> u64 {
    HELD.load(Relaxed)
}

impl Object {
    /// The object at an address; nothing of it is read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let version = client::version(path)?;
        let file = tempfile::NamedTempFile::new()?;
        file.as_file().set_len(version.stamp.bytes)?;
        let (file, name) = file.into_parts();
        #[cfg(target_os = "linux")]
        drop(name);
        Ok(Self {
            path: path.to_owned(),
            version,
            file,
            #[cfg(not(target_os = "linux"))]
            name,
            there: Mutex::default(),
            held: AtomicU64::new(0),
        })
    }

    pub fn version(&self) -> &Version {
        &self.version
    }

    pub fn stamp(&self) -> FileStamp {
        self.version.stamp
    }

    /// The file once more, with a position of its own, and for reading alone: a process that takes films apart is not
    /// believed.
    pub fn file(&self) -> io::Result<fs::File> {
        #[cfg(target_os = "linux")]
        return fs::File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&self.file)));
        #[cfg(not(target_os = "linux"))]
        fs::File::open(&self.name)
    }

    /// Lets the bytes of `range` be there, as far as the object goes.
    ///
    /// # Errors
    /// When the store does not give them, or the disk has no room.
    pub fn fetch(&self, range: Range<u64>) -> io::Result<()> {
        let end = self.version.stamp.bytes;
        let range = range.start.min(end)..range.end.min(end);
        // Readers of one object wait for each other: they would ask for the same.
        let mut there = self.lock();
        for missing in there.missing(range) {
            // Whole blocks, so that what lies side by side is not asked for byte by byte.
            let wanted = missing.start / BLOCK * BLOCK..missing.end.next_multiple_of(BLOCK).min(end);
            for part in there.missing(wanted) {
                self.bring(part, &mut there)?;
            }
        }
        Ok(())
    }

    /// What is there, once nobody else brings more of it.
    fn lock(&self) -> MutexGuard<'_, Ranges> {
        loop {
            match self.there.try_lock() {
                Ok(there) => return there,
                Err(TryLockError::Poisoned(there)) => return there.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    heartbeat::step();
                    thread::sleep(WAIT);
                }
            }
        }
    }

    /// Brings a part, in several requests where it is large.
    fn bring(&self, part: Range<u64>, there: &mut Ranges) -> io::Result<()> {
        let mut at = part.start;
        while at < part.end {
            let piece = at..part.end.min(at + MOST);
            at = piece.end;
            let bytes = client::read(&self.path, &self.version, piece.clone())?;
            self.file.write_all_at(&bytes, piece.start)?;
            FETCHED.0.fetch_add(bytes.len() as u64, Relaxed);
            FETCHED.1.fetch_add(1, Relaxed);
            let new = there.put(piece);
            self.held.fetch_add(new, Relaxed);
            HELD.fetch_add(new, Relaxed);
        }
        Ok(())
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        HELD.fetch_sub(self.held.load(Relaxed), Relaxed);
    }
}
