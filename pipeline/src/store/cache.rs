//! The objects that are kept on this machine, bounded in bytes and in number; the one that was used longest ago goes first.

use std::{
    collections::HashMap,
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustix::process::{Resource, getrlimit};

use super::{
    client,
    object::{self, Object},
    per_process::PerProcess,
};
use crate::file::{Fetch, FileStamp};

/// Bytes that are kept, where `TUBELET_STORE_CACHE` does not say it. They lie in the folder for temporary files, without
/// names: a process that ends leaves nothing.
const BYTES: u64 = 8 << 30;

/// Objects that are kept at most: each has a handle.
const OBJECTS: u64 = 4096;

/// Objects by their addresses.
#[derive(Debug, Default)]
struct Cache {
    objects: HashMap<PathBuf, Entry>,
    uses: u64,
    /// Goes up whenever all objects are to be looked at again.
    round: u64,
}

#[derive(Debug)]
struct Entry {
    object: Arc<Object>,
    last_use: u64,
    /// The round in which the store last said that it is still this version.
    looked_at: u64,
}

static CACHE: PerProcess<Cache> = PerProcess::new();

/// The file of an object, what fills it, and its stamp.
pub(crate) fn open(path: &Path) -> io::Result<(fs::File, Arc<dyn Fetch>, FileStamp)> {
    let object = object(path)?;
    let (file, stamp) = (object.file()?, object.stamp());
    Ok((file, Arc::new(Kept(object)), stamp))
}

/// The stamp of an object.
pub(crate) fn stamp(path: &Path) -> io::Result<FileStamp> {
    Ok(object(path)?.stamp())
}

/// An object that somebody reads; it is his until he is done, also where the cache has given it up.
#[derive(Debug)]
struct Kept(Arc<Object>);

impl Fetch for Kept {
    fn fetch(&self, range: Range<u64>) -> io::Result<()> {
        // Whoever opens it next looks at it again, as it may be another one now.
        self.0.fetch(range).inspect_err(|_| look_again())?;
        if object::held() > most_bytes() {
            CACHE.with(Cache::shrink);
        }
        Ok(())
    }
}

/// Lets each object be asked for again before it is next used: it may have changed since it was opened.
pub fn look_again() {
    CACHE.with(|cache| cache.round += 1);
}

fn object(path: &Path) -> io::Result<Arc<Object>> {
    if let Some((object, is_looked_at)) = CACHE.with(|cache| cache.used(path)) {
        if is_looked_at || client::version(path)? == *object.version() {
            CACHE.with(|cache| cache.look_at(path));
            return Ok(object);
        }
    }
    // Nobody waits for this one who wants another.
    let object = Arc::new(Object::open(path)?);
    CACHE.with(|cache| cache.keep(path, Arc::clone(&object)));
    Ok(object)
}

impl Cache {
    /// The object, and whether it was looked at in this round.
    fn used(&mut self, path: &Path) -> Option<(Arc<Object>, bool)> {
        self.uses += 1;
        let entry = self.objects.get_mut(path)?;
        entry.last_use = self.uses;
        Some((Arc::clone(&entry.object), entry.looked_at == self.round))
    }

    fn look_at(&mut self, path: &Path) {
        if let Some(entry) = self.objects.get_mut(path) {
            entry.looked_at = self.round;
        }
    }

    fn keep(&mut self, path: &Path, object: Arc<Object>) {
        self.shrink();
        self.uses += 1;
        let entry = Entry { object, last_use: self.uses, looked_at: self.round };
        self.objects.insert(path.to_owned(), entry);
    }

    /// Gives up objects until the rest is within the bounds. One that is being read is given up last: it keeps its bytes
    /// until its reader is done.
    fn shrink(&mut self) {
        let (most, most_objects) = (most_bytes(), most_objects());
        while object::held() > most || self.objects.len() as u64 >= most_objects {
            let unread = self.objects.iter().filter(|(_, entry)| Arc::strong_count(&entry.object) == 1);
            let oldest = unread.min_by_key(|(_, entry)| entry.last_use).map(|(path, _)| path.clone());
            match oldest {
                Some(path) => drop(self.objects.remove(&path)),
                None => return,
            }
        }
    }
}

fn most_bytes() -> u64 {
    static MOST: OnceLock<u64> = OnceLock::new();
    *MOST.get_or_init(|| {
        let given = std::env::var("TUBELET_STORE_CACHE").ok();
        given.and_then(|bytes| bytes.parse().ok()).unwrap_or(BYTES)
    })
}

/// Half of the handles that this process may have are left to others.
fn most_objects() -> u64 {
    getrlimit(Resource::Nofile).current.map_or(OBJECTS, |most| (most / 2).clamp(1, OBJECTS))
}
