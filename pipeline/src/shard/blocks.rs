//! Digests of a shard's bytes, so that no page that rotted on disk is unpacked.
//!
//! Parquet's own check sums are optional and its readers trust lengths in page headers: one flipped
//! bit gives wrong pixels, or asks for more memory than there is. So the writer keeps the first eight
//! bytes of the BLAKE3 digest of every 64 KiB before page index and footer, and the footer carries
//! them; the reader checks each block that it hands to Parquet. Other readers see an unknown key.
//!
//! ```text
//! │ block 0 │ block 1 │ … │ last, shorter │ page index │ footer with the digests │
//! ```

use std::{
    io::{self, Read, Seek as _, SeekFrom, Write},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use serde::{Deserialize, Serialize};

use crate::{file::OpenFile, system};

/// Metadata key of the digests ([`Blocks`], as JSON).
pub(super) const BLOCKS_KEY: &str = "tubelet.blocks";

/// Bytes of a block: a clip has tens of them, and a shard of 256 MiB keeps 32 KiB of digests.
const BLOCK: usize = 64 << 10;

/// The digests of a file's blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blocks {
    /// Bytes that the digests cover, from the file's first.
    covered: u64,
    /// One a block.
    digests: Vec<u64>,
}

/// Hands bytes on and keeps the digests of their blocks.
#[derive(Debug)]
pub(super) struct Hashed<W> {
    inner: W,
    hasher: blake3::Hasher,
    blocks: Blocks,
}

/// A file that gives only bytes with the right digests.
#[derive(Clone, Debug)]
pub(crate) struct CheckedFile {
    file: Arc<OpenFile>,
    bytes: u64,
    blocks: Arc<Blocks>,
    /// The block that was read last and where it begins: a row's small columns lie in one.
    last: Arc<Mutex<(u64, Bytes)>>,
    failure: Failure,
}

/// The system's first failure to read a file; clones share it. What Parquet makes of such a failure may be any
/// error.
pub(crate) type Failure = Arc<OnceLock<io::Error>>;

/// Reads a [`CheckedFile`] onwards, block by block.
#[derive(Debug)]
pub(crate) struct CheckedReader {
    file: CheckedFile,
    position: u64,
    ready: Bytes,
}

impl<W> Hashed<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, hasher: blake3::Hasher::new(), blocks: Blocks::default() }
    }

    /// The digests of all that was written until now.
    pub(super) fn blocks(&self) -> Blocks {
        let mut blocks = self.blocks.clone();
        if self.filled() > 0 {
            blocks.digests.push(shortened(&self.hasher.finalize()));
        }
        blocks
    }

    pub(super) fn into_inner(self) -> W {
        self.inner
    }

    /// Bytes in the last block.
    fn filled(&self) -> usize {
        self.hasher.count() as usize
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(BLOCK - self.filled());
        let written = self.inner.write(&bytes[..fits])?;
        self.hasher.update(&bytes[..written]);
        self.blocks.covered += written as u64;
        if self.filled() == BLOCK {
            self.blocks.digests.push(shortened(&self.hasher.finalize()));
            self.hasher.reset();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl CheckedFile {
    pub(super) fn new(file: OpenFile, blocks: Arc<Blocks>, failure: Failure) -> io::Result<Self> {
        let bytes = file.length()?;
        Ok(Self { file: Arc::new(file), bytes, blocks, last: Arc::default(), failure })
    }

    /// Bytes from the disk; a file that has become shorter ends early.
    fn read(&self, from: u64, into: &mut [u8]) -> Result<(), ParquetError> {
        // A handle has one position: nobody else reads through this one, each clip opens its own.
        let mut file = &*self.file;
        let read = system::persistently(|| {
            file.seek(SeekFrom::Start(from))?;
            file.read_exact(into)
        });
        read.map_err(|cause| {
            let words = cause.to_string();
            if system::is_of_the_system(&cause) {
                // One failure is enough to know.
                let _ = self.failure.set(cause);
            }
            ParquetError::General(words)
        })
    }

    /// The bytes from `start` to `end`, after their blocks were checked.
    fn checked(&self, start: u64, end: u64) -> Result<Bytes, ParquetError> {
        if start > end || end > self.bytes {
            return Err(ParquetError::EOF(format!("bytes {start} to {end} of {}", self.bytes)));
        }
        let (block, covered) = (BLOCK as u64, self.blocks.covered);
        // Whole blocks as far as there are digests, bytes as they are wanted behind.
        let from = if start < covered { start / block * block } else { start };
        let to = if end < covered { end.next_multiple_of(block).min(covered) } else { end };
        let part = |read: &Bytes, from: u64| read.slice((start - from) as usize..(end - from) as usize);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if start >= last.0 && end <= last.0 + last.1.len() as u64 {
            return Ok(part(&last.1, last.0));
        }
        let mut read = vec![0; (to - from) as usize];
        self.read(from, &mut read)?;
        let with_digest = covered.clamp(from, to) - from;
        for (number, bytes) in (from / block..).zip(read[..with_digest as usize].chunks(BLOCK)) {
            if self.blocks.digests.get(number as usize) != Some(&shortened(&blake3::hash(bytes))) {
                let at = number * block;
                return Err(ParquetError::General(format!("the bytes from {at} on are not those written")));
            }
        }
        let read = Bytes::from(read);
        if read.len() <= BLOCK {
            *last = (from, read.clone());
        }
        Ok(part(&read, from))
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for CheckedFile {
    type T = CheckedReader;

    fn get_read(&self, start: u64) -> Result<CheckedReader, ParquetError> {
        Ok(CheckedReader { file: self.clone(), position: start, ready: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.checked(start, start.saturating_add(length as u64))
    }
}

impl Read for CheckedReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() && self.position < self.file.bytes {
            let end = (self.position + 1).next_multiple_of(BLOCK as u64).min(self.file.bytes);
            self.ready = self.file.checked(self.position, end).map_err(io::Error::other)?;
            self.position = end;
        }
        let length = self.ready.len().min(into.len());
        into[..length].copy_from_slice(&self.ready.split_to(length));
        Ok(length)
    }
}

/// Eight bytes are plenty against accidents, which is all that digests beside the data can find.
fn shortened(digest: &blake3::Hash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use proptest::prelude::*;

    use super::*;

    fn written(bytes: &[u8], piece: usize) -> (File, Blocks) {
        let mut hashed = Hashed::new(tempfile::tempfile().unwrap());
        for piece in bytes.chunks(piece) {
            hashed.write_all(piece).unwrap();
        }
        let blocks = hashed.blocks();
        (hashed.into_inner(), blocks)
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 31 % 253) as u8).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn every_range_is_given_as_it_was_written(
            length in 1..4 * BLOCK, tail in 0..2 * BLOCK, start in 0..4 * BLOCK, count in 0..4 * BLOCK,
        ) {
            let (mut file, blocks) = written(&bytes(length), 10_007);
            prop_assert_eq!(&blocks, &written(&bytes(length), BLOCK).1);
            file.write_all(&vec![7; tail]).unwrap();
            let all: Vec<u8> = bytes(length).into_iter().chain(vec![7; tail]).collect();
            let file = CheckedFile::new(file.into(), Arc::new(blocks), Failure::default()).unwrap();
            let start = start.min(all.len());
            let end = (start + count).min(all.len());
            prop_assert!(file.get_bytes(start as u64, end - start).unwrap() == all[start..end]);
            let mut rest = Vec::new();
            file.get_read(start as u64).unwrap().read_to_end(&mut rest).unwrap();
            prop_assert!(rest == all[start..]);
        }
    }

    #[test]
    fn a_flipped_bit_spoils_its_own_block_only() {
        let (mut file, blocks) = written(&bytes(3 * BLOCK), BLOCK);
        file.seek(SeekFrom::Start(BLOCK as u64 + 5)).unwrap();
        file.write_all(&[!bytes(BLOCK + 6)[BLOCK + 5]]).unwrap();
        let file = CheckedFile::new(file.into(), Arc::new(blocks), Failure::default()).unwrap();
        assert!(file.get_bytes(0, BLOCK).is_ok());
        assert!(file.get_bytes(BLOCK as u64 + 100, 1).is_err());
        assert!(file.get_bytes(2 * BLOCK as u64, BLOCK).is_ok());
    }
    #[test]
    fn a_failure_of_the_system_is_remembered_and_an_early_end_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard");
        std::fs::write(&path, [7; 100]).unwrap();
        let blocks = || Arc::new(Blocks::default());
        // A handle for writing alone cannot be read from.
        let broken = File::options().write(true).open(&path).unwrap();
        let failure = Failure::default();
        let checked = CheckedFile::new(broken.into(), blocks(), failure.clone()).unwrap();
        assert!(checked.get_bytes(0, 10).is_err() && failure.get().is_some());

        let failure = Failure::default();
        let checked = CheckedFile::new(File::open(&path).unwrap().into(), blocks(), failure.clone()).unwrap();
        std::fs::write(&path, [7; 50]).unwrap();
        assert!(checked.get_bytes(40, 20).is_err() && failure.get().is_none());
    }
}
