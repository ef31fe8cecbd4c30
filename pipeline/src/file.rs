//! The bytes of a video file.

mod archive;
mod archives;
#[cfg(feature = "video")]
mod bring;
mod container;
mod extent;
mod fetch;
pub mod foreign;
mod handle;
mod levels;
pub mod numbered;
mod open_file;
mod parts;
mod place;
mod stamp;
pub mod tar_members;
pub mod video_cells;

use std::{
    collections::VecDeque,
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

#[cfg(feature = "video")]
pub(crate) use self::container::transport_packets;
pub(crate) use self::handle::Handle;
pub use self::{
    archive::{Kind, archive_of, file_of, kind_of},
    archives::Archives,
    container::{Container, recognise},
    extent::Extent,
    fetch::Fetch,
    open_file::OpenFile,
    parts::{Part, cell_name},
    place::Place,
    stamp::FileStamp,
};
use crate::{
    heartbeat,
    system::{self, SystemError},
};

/// A file's bytes: in memory, or on the disk and read as they are asked for; clones share them.
#[derive(Clone, Debug)]
pub struct FileBytes {
    source: Source,
    length: u64,
    /// Bytes that were read.
    read: Arc<AtomicU64>,
    /// The first failure of the system to read it.
    failure: Arc<OnceLock<SystemError>>,
}

#[derive(Clone, Debug)]
enum Source {
    Memory(Arc<Vec<u8>>),
    Disk(Arc<Mutex<Disk>>),
}

#[derive(Debug)]
struct Disk {
    /// The file's own path, and how long it is.
    path: PathBuf,
    file: fs::File,
    file_bytes: u64,
    /// Where in it the bytes begin.
    start: u64,
    /// What brings its bytes, where they are not there yet.
    fetch: Option<Arc<dyn Fetch>>,
    /// The parts that were read last, with their places in the file.
    recent: VecDeque<(u64, Weak<Vec<u8>>)>,
}

/// Parts of a file on the disk whose places are remembered: more than a demuxer holds at once.
const REMEMBERED: usize = 16;

/// Bytes of one request to the system.
const READ_AT_ONCE: u64 = 4 << 20;

impl FileBytes {
    /// Opens a file, or a part of one; what has at most `in_memory` bytes is read.
    ///
    /// # Errors
    /// When the file cannot be read, or is none: opening a pipe would wait for somebody to write to it.
    pub fn open<'a>(place: impl Into<Place<'a>>, in_memory: u64) -> io::Result<Self> {
        Self::of_handle(Handle::open(place.into())?, in_memory)
    }

    /// The same of a file that is open already.
    pub(crate) fn of_handle(handle: Handle, in_memory: u64) -> io::Result<Self> {
        let Handle { mut file, path, part, fetch } = handle;
        let file_bytes = file.metadata()?.len();
        let (start, length) =
            part.as_ref().map_or((0, file_bytes), |part| (part.start, part.end - part.start));
        // Of what must be brought no more is read than is asked for.
        if length > in_memory || fetch.is_some() {
            let disk = Disk { path, file, file_bytes, start, fetch, recent: VecDeque::new() };
            return Ok(Self::of(Source::Disk(Arc::new(Mutex::new(disk))), length, 0));
        }
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length as usize).map_err(|_| io::ErrorKind::OutOfMemory)?;
        // Of a whole file the system may give more than it said.
        read_all(&file, if part.is_some() { length } else { in_memory }, &mut bytes)?;
        let length = bytes.len() as u64;
        Ok(Self::of(Source::Memory(Arc::new(bytes)), length, length))
    }

    /// No bytes.
    pub fn none() -> Self {
        Self::of(Source::Memory(Arc::default()), 0, 0)
    }

    fn of(source: Source, length: u64, read: u64) -> Self {
        Self { source, length, read: Arc::new(read.into()), failure: Arc::default() }
    }

    /// Whether the system gave all that was asked for, here and through all clones. Where it did not, nothing that
    /// was found out from the bytes may be believed: [`Self::slice`] gives too few then.
    ///
    /// # Errors
    /// When it failed to read a part.
    pub fn check(&self) -> Result<(), SystemError> {
        self.failure.get().map_or(Ok(()), |failure| Err(failure.clone()))
    }

    /// These bytes of the file shown as others, all in memory.
    #[cfg(feature = "video")]
    pub(crate) fn shown_as(&self, bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, source: Source::Memory(Arc::new(bytes)), ..self.clone() }
    }

    /// How many there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether all of them are in memory.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.source, Source::Memory(_))
    }

    /// A part of the file. It ends where the file ends; where the system fails to read it, it is empty and
    /// [`Self::check`] says why.
    pub fn slice(&self, range: Range<u64>) -> FileSlice {
        let end = range.end.min(self.length);
        let start = range.start.min(end);
        match &self.source {
            Source::Memory(bytes) => FileSlice { bytes: bytes.clone(), range: start as usize..end as usize },
            Source::Disk(disk) => {
                let mut disk = disk.lock().unwrap_or_else(PoisonError::into_inner);
                let bytes = Arc::new(self.read(&mut disk, start, end - start));
                self.read.fetch_add(bytes.len() as u64, Relaxed);
                if disk.recent.len() == REMEMBERED {
                    disk.recent.pop_front();
                }
                disk.recent.push_back((start, Arc::downgrade(&bytes)));
                FileSlice { range: 0..bytes.len(), bytes }
            }
        }
    }

    /// Where in the file `part` lies, if it is a part of the file in memory, or of a slice of a file on the disk
    /// that is still alive and was read lately.
    pub fn place_of(&self, part: &[u8]) -> Option<u64> {
        let wanted = part.as_ptr_range();
        let place_in = |place: u64, bytes: &[u8]| {
            let whole = bytes.as_ptr_range();
            let inside = whole.start <= wanted.start && wanted.end <= whole.end;
            inside.then(|| place + (wanted.start.addr() - whole.start.addr()) as u64)
        };
        match &self.source {
            Source::Memory(bytes) => place_in(0, bytes),
            Source::Disk(disk) => {
                let disk = disk.lock().unwrap_or_else(PoisonError::into_inner);
                disk.recent.iter().rev().find_map(|(place, bytes)| place_in(*place, &bytes.upgrade()?))
            }
        }
    }

    /// Loses the handle of a file on the disk: what is read through it fails until it is opened again.
    #[cfg(test)]
    pub(crate) fn lose_handle(&self) {
        let Source::Disk(disk) = &self.source else { panic!("it is in memory") };
        let mut disk = disk.lock().unwrap();
        disk.file = fs::File::options().write(true).open(&disk.path).unwrap();
    }

    /// Bytes from the disk, none after a failure.
    fn read(&self, disk: &mut Disk, start: u64, length: u64) -> Vec<u8> {
        if self.failure.get().is_some() {
            return Vec::new();
        }
        let mut failed = false;
        let read = system::persistently(|| {
            if failed {
                disk.open_again();
            }
            let read = disk.read(start, length);
            failed = read.is_err();
            read
        });
        read.unwrap_or_else(|cause| {
            // Another clone may have failed at the same time; its failure is as good.
            let _ = self.failure.set(SystemError::new("read", &disk.path, cause));
            Vec::new()
        })
    }

    /// Counts bytes that somebody else read for it.
    #[cfg(all(feature = "video", target_os = "linux"))]
    pub(crate) fn count_read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Relaxed);
    }

    /// Bytes that were read since this was asked last.
    pub fn take_bytes_read(&self) -> u64 {
        self.read.swap(0, Relaxed)
    }
}

impl Disk {
    /// The bytes asked for, fewer where the file has become shorter.
    fn read(&mut self, start: u64, length: u64) -> io::Result<Vec<u8>> {
        let start = self.start.saturating_add(start);
        if let Some(fetch) = &self.fetch {
            fetch.fetch(start..start.saturating_add(length))?;
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length as usize).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.file.seek(SeekFrom::Start(start))?;
        read_all(&self.file, length, &mut bytes)?;
        Ok(bytes)
    }

    /// Opens the file again: to a network file system a handle can be lost that its path is not.
    fn open_again(&mut self) {
        // Where that fails too, what the old handle says is the cause.
        if let Ok(Some(file)) = Handle::open_again(&self.path, self.file_bytes) {
            self.file = file;
        }
    }
}

/// Reads up to `most` bytes, a part after the other: a disk that is slow is not stuck.
fn read_all(file: &fs::File, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut file = file.take(most);
    while file.by_ref().take(READ_AT_ONCE).read_to_end(bytes)? > 0 {
        heartbeat::step();
    }
    Ok(())
}

/// A part of a [`FileBytes`] that keeps its bytes in memory.
#[derive(Clone, Debug)]
pub struct FileSlice {
    bytes: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl AsRef<[u8]> for FileSlice {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }
}

#[cfg(test)]
mod tests;
