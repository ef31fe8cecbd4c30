//! An object as a file with holes, which are filled when they are read.

use std::{
    fs, io,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    client::{self, Version},
    ranges::Ranges,
};
use crate::file::Fetch;

/// What is asked for at least, and, of one that reads on and on, at most.
const BLOCK: u64 = 64 << 10;
const MOST: u64 = 4 << 20;

/// An object of a store.
#[derive(Debug)]
pub(super) struct Object {
    path: PathBuf,
    version: Version,
    /// As long as the object, without a name.
    file: fs::File,
    state: Mutex<State>,
    held: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    there: Ranges,
    /// Where the last request ended, and how many bytes it had.
    last: (u64, u64),
}

/// Bytes that stores have given.
static FETCHED: AtomicU64 = AtomicU64::new(0);

/// Bytes that stores have given to this process.
pub(super) fn fetched() -> u64 {
    FETCHED.load(Relaxed)
}

impl Object {
    /// The object at an address; nothing of it is read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let version = client::version(path)?;
        let file = tempfile::tempfile()?;
        file.set_len(version.stamp.bytes)?;
        let (state, held) = Default::default();
        Ok(Self { path: path.to_owned(), version, file, state, held })
    }

    pub fn version(&self) -> &Version {
        &self.version
    }

    pub fn file(&self) -> &fs::File {
        &self.file
    }

    /// Bytes of it that are on this machine.
    pub fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }
}

impl Fetch for Object {
    fn fetch(&self, range: Range<u64>) -> io::Result<()> {
        let end = self.version.stamp.bytes;
        let range = range.start.min(end)..range.end.min(end);
        // Readers of one object wait for each other: they would ask for the same.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for missing in state.there.missing(range) {
            // Who reads on from where the last request ended is given more at a time.
            let (last_end, last_bytes) = state.last;
            let reads_on = missing.start == last_end;
            let ahead = if reads_on { (2 * last_bytes).clamp(BLOCK, MOST) } else { BLOCK };
            let wanted = missing.start..missing.end.max(missing.start.saturating_add(ahead)).min(end);
            let wanted = state.there.missing(wanted).first().cloned().unwrap_or(missing.clone());
            let mut at = wanted.start;
            while at < wanted.end {
                let part = at..wanted.end.min(at + MOST);
                let bytes = client::read(&self.path, &self.version, part.clone())?;
                self.file.write_all_at(&bytes, part.start)?;
                FETCHED.fetch_add(bytes.len() as u64, Relaxed);
                self.held.fetch_add(state.there.put(part.clone()), Relaxed);
                at = part.end;
            }
            state.last = (wanted.end, (wanted.end - wanted.start).max(BLOCK));
        }
        Ok(())
    }
}
