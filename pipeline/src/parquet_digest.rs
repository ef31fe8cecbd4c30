//! The digest that a Parquet file carries of its own bytes, so that a bit that rotted on the disk is no value.
//!
//! ```text
//! "tubelet.digest": "blake3:<64 hexadecimal digits>"        in the key-value metadata of the footer
//!
//! BLAKE3 of the whole file, in which these 64 digits are zeros
//! ```
//!
//! Parquet's own check sums are of pages alone, and a bit of the footer decides which pages there are. Shards, which are
//! read in part, keep digests of their blocks instead (`shard/blocks.rs`). A file without the entry is one of an older
//! version and is read as ever; so is one that another program wrote anew with the entry of ours.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use parquet::{
    errors::ParquetError,
    file::{metadata::KeyValue, reader::ChunkReader},
};
use schemas::MADE_BY;

use crate::{parquet_footer, store::Output};

/// Key of the entry.
const KEY: &str = "tubelet.digest";
/// What its value begins with: it is known by that too, should the key have changed.
const BEGINNING: &str = "blake3:";
/// Digits of a digest.
const DIGITS: usize = 64;
/// Bytes at the end of a file in which the entry is looked for, if the footer has not more.
const TAIL: u64 = 1 << 20;
/// Bytes that are hashed at once.
const PIECE: usize = 1 << 18;

/// The entry for a file that [`finish`] shall put its digest into.
pub fn entry() -> KeyValue {
    KeyValue::new(KEY.to_owned(), format!("{BEGINNING}{}", "0".repeat(DIGITS)))
}

/// Puts the digest of a whole Parquet file with an [`entry`] into it, and the file in its place.
///
/// # Errors
/// When it cannot be read back, written, synced or renamed.
pub fn finish(file: impl Into<Output>) -> io::Result<()> {
    let mut file = file.into();
    let open = file.as_file_mut();
    let tail = Tail::of(&*open).map_err(io::Error::other)?;
    let at = tail.digits.ok_or_else(|| io::Error::other("the file has no entry for its digest"))?;
    let digest = digest_of(&*open, at).map_err(io::Error::other)?;
    open.seek(SeekFrom::Start(at))?;
    open.write_all(digest.as_bytes())?;
    file.finish()
}

/// Refuses a Parquet file whose bytes have another digest than it says.
///
/// # Errors
/// When it cannot be read, or has.
pub fn check<R: ChunkReader>(file: &R) -> Result<(), ParquetError> {
    let tail = Tail::of(file)?;
    if tail.digits.is_none() && !tail.has_key {
        return Ok(());
    }
    if let Some(at) = tail.digits.filter(|_| tail.has_key) {
        let written = file.get_bytes(at, DIGITS)?;
        if digest_of(file, at)?.as_bytes() == &written[..] {
            return Ok(());
        }
    }
    if is_of_another_program(file)? {
        return Ok(());
    }
    Err(ParquetError::General(
        "its bytes are not those that were written: they have another digest".to_owned(),
    ))
}

/// What the end of a file says of its digest.
struct Tail {
    has_key: bool,
    /// Where the digits begin.
    digits: Option<u64>,
}

impl Tail {
    fn of<R: ChunkReader>(file: &R) -> Result<Self, ParquetError> {
        let length = file.len();
        // The footer's own length stands before the last four bytes.
        let footer = match length.checked_sub(8) {
            Some(at) => file.get_bytes(at, 4)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            None => 0,
        };
        let searched = length.min(TAIL.max(footer + 8));
        let bytes = file.get_bytes(length - searched, searched as usize)?;
        let find = |wanted: &str| bytes.windows(wanted.len()).rposition(|some| some == wanted.as_bytes());
        let digits = find(BEGINNING).map(|at| at + BEGINNING.len());
        let digits = digits.filter(|at| {
            bytes.get(*at..at + DIGITS).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
        let digits = digits.map(|at| length - searched + at as u64);
        Ok(Self { has_key: find(KEY).is_some(), digits })
    }
}

/// The digest of a file in which the digits from `at` on are zeros.
fn digest_of<R: ChunkReader>(file: &R, at: u64) -> Result<String, ParquetError> {
    let (mut reader, mut hasher) = (file.get_read(0)?, blake3::Hasher::new());
    let (mut piece, mut position) = (vec![0; PIECE], 0u64);
    loop {
        let count = reader.read(&mut piece)?;
        if count == 0 {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        let within = |place: u64| place.clamp(position, position + count as u64) - position;
        piece[within(at) as usize..within(at + DIGITS as u64) as usize].fill(b'0');
        hasher.update(&piece[..count]);
        position += count as u64;
    }
}

/// Whether another program wrote the file. Our name with a letter that rotted is no other, nor is one that a length or
/// a field that rotted cut short.
fn is_of_another_program<R: ChunkReader>(file: &R) -> Result<bool, ParquetError> {
    let metadata = parquet_footer::parsed(file)?;
    let ours = MADE_BY.split(' ').next().unwrap_or_default().as_bytes();
    let theirs = metadata.file_metadata().created_by().unwrap_or_default().as_bytes();
    Ok(ours.iter().zip(theirs).filter(|(our, their)| our != their).count() > 1)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, sync::Arc};

    use arrow_array::{RecordBatch, UInt64Array};
    use bytes::Bytes;
    use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};
    use schemas::WholeFile;

    use super::*;

    fn write(path: &Path, made_by: &str, entry: Option<KeyValue>) {
        let column = Arc::new(UInt64Array::from_iter_values(0..40)) as _;
        let batch = RecordBatch::try_from_iter([("number", column)]).unwrap();
        let properties = WriterProperties::builder().set_created_by(made_by.to_owned()).build();
        let file = WholeFile::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        let is_sealed = entry.is_some();
        entry.into_iter().for_each(|entry| writer.append_key_value_metadata(entry));
        let file = writer.into_inner().unwrap();
        if is_sealed { finish(file) } else { file.finish() }.unwrap();
    }

    #[test]
    fn a_bit_flipped_anywhere_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.parquet");
        write(&path, MADE_BY, Some(entry()));
        let whole = fs::read(&path).unwrap();
        check(&Bytes::from(whole.clone())).unwrap();
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&Bytes::from(bytes)).is_err(), "bit {bit} of {}", 8 * whole.len());
        }
    }

    #[test]
    fn files_of_older_versions_and_of_other_programs_are_read_as_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.parquet");
        write(&path, MADE_BY, None);
        check(&fs::File::open(&path).unwrap()).unwrap();
        // Written anew with the entry of a file that it was once.
        write(&path, "parquet-cpp-arrow version 24.0.0", Some(entry()));
        let mut bytes = fs::read(&path).unwrap();
        bytes[9] ^= 1;
        check(&Bytes::from(bytes)).unwrap();
    }
}
