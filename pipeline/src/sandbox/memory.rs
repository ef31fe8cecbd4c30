//! Memory that parent and child share: the child writes into it, the parent reads it.
//!
//! The parent makes it, and seals its size, so that no child can take pages away under the parent's eyes. A piece is used
//! again once all that was read from it is dropped: its pages are there then, in both.
#![allow(
    unsafe_code,
    reason = "mapping memory is a call of the system whose promises the compiler does not see"
)]

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use bytes::Bytes;
use memmap2::{Mmap, MmapMut, MmapOptions};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// A piece of shared memory, as the parent has it, which can be handed to a child.
#[derive(Debug)]
pub(super) struct Memory {
    pub number: u64,
    file: File,
    pages: Pages,
}

/// The pages of a piece; clones share them.
#[derive(Clone, Debug)]
struct Pages(Arc<Mmap>);

impl Memory {
    /// A new piece of at least so many bytes.
    pub fn new(number: u64, bytes: u64) -> io::Result<Self> {
        let file = file("tubelet-pictures", bytes.max(1).next_multiple_of(GRAIN))?;
        // SAFETY: the file has no name, and its size is sealed, so the mapping stays valid. Its child writes into it only
        // before it says that it did, and the parent reads it only afterwards. A child that was taken over may break
        // this; then samples of its pictures change, and nothing but arithmetic looks at those.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self { number, file, pages: Pages(Arc::new(map)) })
    }

    /// Bytes that it has room for.
    pub fn size(&self) -> u64 {
        self.pages.0.len() as u64
    }

    pub fn handle(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether nothing that was read from it is kept.
    pub fn is_free(&self) -> bool {
        Arc::strong_count(&self.pages.0) == 1
    }

    /// All of it; what is cut out of it keeps the pages, and the piece from being used again.
    pub fn bytes(&self) -> Bytes {
        Bytes::from_owner(self.pages.clone())
    }
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A file of so many bytes that is in memory only: nobody changes its size, and what is not written takes no room.
pub(crate) fn file(name: &str, bytes: u64) -> io::Result<File> {
    let file = File::from(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.set_len(bytes)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// Sizes are multiples of this: films of about the same size use a piece in turn.
const GRAIN: u64 = 1 << 20;

/// A piece of shared memory, as the child has it.
pub(super) fn writable(file: &File) -> io::Result<MmapMut> {
    // SAFETY: its size is sealed, so the mapping stays valid, and its other owner, the parent, reads it only after the child
    // has said that it wrote.
    unsafe { MmapOptions::new().map_mut(file) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_writes_the_other_reads_and_nobody_shortens_it() {
        let memory = Memory::new(7, 5000).unwrap();
        let file = File::from(memory.handle().try_clone_to_owned().unwrap());
        writable(&file).unwrap()[4999] = 3;
        let bytes = memory.bytes();
        assert_eq!((memory.number, bytes.len(), bytes[4999]), (7, 1 << 20, 3));
        assert!(file.set_len(10).is_err());
        assert!(!memory.is_free());
        let last = bytes.slice(4999..);
        drop(bytes);
        assert!(!memory.is_free() && last[0] == 3);
        drop(last);
        assert!(memory.is_free());
    }
}
