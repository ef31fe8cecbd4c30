//! The objects that are kept on this machine, bounded in bytes and in number; the one that was used longest ago goes first.

use std::{
    collections::HashMap,
    fs, io,
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use rustix::process::{Resource, getrlimit};

use super::object::{Object, fetched};
use crate::file::{Fetch, FileStamp};

/// Bytes that are kept, where `TUBELET_STORE_CACHE` does not say it. They lie in the folder for temporary files, without
/// names: a process that ends leaves nothing.
const BYTES: u64 = 8 << 30;

/// Bytes of an object that are copied at a time.
const COPIED_AT_ONCE: u64 = 4 << 20;

/// Objects that are kept at most: each has a handle.
const OBJECTS: u64 = 4096;

#[derive(Debug, Default)]
struct Cache {
    /// Objects with the number of their last use.
    objects: HashMap<PathBuf, (u64, Arc<Object>)>,
    uses: u64,
}

static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();

/// The file of an object, and what fills it.
pub(crate) fn open(path: &Path) -> io::Result<(fs::File, Arc<dyn Fetch>)> {
    let object = object(path)?;
    Ok((object.file().try_clone()?, object))
}

/// The stamp of an object.
pub(crate) fn stamp(path: &Path) -> io::Result<FileStamp> {
    Ok(object(path)?.version().stamp)
}

/// Copies an object into a file.
///
/// # Errors
/// When the store does not give it, or the file cannot be written.
pub fn fetch_whole(path: &Path, out: &mut fs::File) -> io::Result<()> {
    let object = object(path)?;
    let length = object.version().stamp.bytes;
    for start in (0..length).step_by(COPIED_AT_ONCE as usize) {
        let end = length.min(start + COPIED_AT_ONCE);
        object.fetch(start..end)?;
        let mut part = vec![0; (end - start) as usize];
        object.file().read_exact_at(&mut part, start)?;
        out.write_all(&part)?;
    }
    Ok(())
}

/// Bytes that stores have given to this process.
pub fn bytes_fetched() -> u64 {
    fetched()
}

fn object(path: &Path) -> io::Result<Arc<Object>> {
    let cache = || CACHE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(object) = cache().used(path) {
        return Ok(object);
    }
    // Nobody waits for this one who wants another.
    let object = Arc::new(Object::open(path)?);
    let mut cache = cache();
    cache.uses += 1;
    let uses = cache.uses;
    cache.objects.insert(path.to_owned(), (uses, Arc::clone(&object)));
    cache.shrink();
    Ok(object)
}

impl Cache {
    fn used(&mut self, path: &Path) -> Option<Arc<Object>> {
        self.uses += 1;
        let uses = self.uses;
        let (last, object) = self.objects.get_mut(path)?;
        *last = uses;
        Some(Arc::clone(object))
    }

    /// Gives up objects until the rest is within the bounds. Whoever reads one keeps it until he is done.
    fn shrink(&mut self) {
        let most = most_bytes();
        let mut held: u64 = self.objects.values().map(|(_, object)| object.held()).sum();
        while self.objects.len() > 1 && (held > most || self.objects.len() as u64 > most_objects()) {
            let oldest = self.objects.iter().min_by_key(|(_, (last, _))| *last).map(|(path, _)| path.clone());
            let Some((_, gone)) = oldest.and_then(|path| self.objects.remove(&path)) else { return };
            held -= gone.held();
        }
    }
}

fn most_bytes() -> u64 {
    let given = std::env::var("TUBELET_STORE_CACHE").ok();
    given.and_then(|bytes| bytes.parse().ok()).unwrap_or(BYTES)
}

/// Half of the handles that this process may have are left to others.
fn most_objects() -> u64 {
    getrlimit(Resource::Nofile).current.map_or(OBJECTS, |most| (most / 2).clamp(1, OBJECTS))
}
