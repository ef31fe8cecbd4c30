//! What the pages of a Parquet file say that they unpack to, checked before one is unpacked.
//!
//! Parquet's reader takes the memory that a page's header asks for, and a run of equal values takes no more bytes for
//! a thousand million of them than for one. So every header is read beforehand (the Thrift compact protocol, of which
//! a header needs little), and what no writer of such files makes is refused.
//!
//! ```text
//! column chunk   header: type, bytes unpacked, bytes packed, (values) │ packed bytes │ header …
//! ```

use parquet::{
    errors::{ParquetError, Result},
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData},
        reader::ChunkReader,
    },
};

/// Bytes of a page of a table: writers end a page at one megabyte, and a row may be larger.
const MOST_BYTES: u64 = 64 << 20;

/// Values of a page: those of a list are counted each.
const MOST_VALUES: u64 = 1 << 22;

/// Rows that any table may have.
const FREE_ROWS: u64 = 1 << 16;

/// Bytes that a page of blobs may unpack to, and how many times its size beyond that.
const BLOB_BYTES: u64 = 256 << 20;
const BLOB_TIMES: u64 = 16;

/// Bytes that are looked at for a header; more of them where statistics of long values follow its sizes.
const HEADER: [usize; 2] = [1 << 10, 1 << 20];

/// Checks all pages of a file whose rows are kept in memory.
///
/// # Errors
/// When a header cannot be read, or asks for more than such a file ever has.
pub fn check<R: ChunkReader>(file: &R, metadata: &ParquetMetaData) -> Result<()> {
    check_rows(metadata, file.len())?;
    if !columns_have_places(metadata) {
        return Err(refused("a column has no place in the file"));
    }
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    chunks.into_iter().try_for_each(|chunk| check_chunk(file, chunk))
}

/// Checks that there are not many more rows than bytes.
pub(crate) fn check_rows(metadata: &ParquetMetaData, bytes: u64) -> Result<()> {
    let rows = |group: &parquet::file::metadata::RowGroupMetaData| u64::try_from(group.num_rows()).ok();
    let all = metadata.row_groups().iter().try_fold(0u64, |all, group| all.checked_add(rows(group)?));
    match all {
        Some(all) if all <= FREE_ROWS + bytes => Ok(()),
        _ => Err(refused("it promises more rows than it has bytes")),
    }
}

/// Whether no column begins or ends before the file does; the Parquet reader panics where one does.
pub(crate) fn columns_have_places(metadata: &ParquetMetaData) -> bool {
    metadata.row_groups().iter().flat_map(|group| group.columns()).all(|column| {
        let start = column.dictionary_page_offset().unwrap_or(0).min(column.data_page_offset());
        start >= 0 && column.compressed_size() >= 0
    })
}

/// Checks the pages of one column of a group of rows.
pub(crate) fn check_chunk<R: ChunkReader>(file: &R, chunk: &ColumnChunkMetaData) -> Result<()> {
    let (start, length) = chunk.byte_range();
    let end = start.saturating_add(length).min(file.len());
    let mut at = start;
    while at < end {
        let page = Page::read(file, at)?;
        page.check(MOST_BYTES)?;
        at = at.saturating_add(page.header).saturating_add(page.packed);
    }
    Ok(())
}

/// Checks the page of a blob that begins at `at`.
pub(crate) fn check_blob<R: ChunkReader>(file: &R, at: u64) -> Result<()> {
    let page = Page::read(file, at)?;
    page.check(BLOB_BYTES.saturating_add(page.packed.saturating_mul(BLOB_TIMES)))
}

fn refused(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}

/// What the header of a page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Page {
    /// Bytes of the header itself.
    header: u64,
    unpacked: u64,
    packed: u64,
    values: u64,
}

impl Page {
    fn read<R: ChunkReader>(file: &R, at: u64) -> Result<Self> {
        let left = usize::try_from(file.len().saturating_sub(at)).unwrap_or(usize::MAX);
        for most in HEADER {
            if let Some(page) = Self::of(&file.get_bytes(at, left.min(most))?) {
                return Ok(page);
            }
        }
        Err(refused(&format!("the page at byte {at} has no header that can be read")))
    }

    /// The page whose header is at the beginning of `bytes`; nothing where it is not whole, or none.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut thrift = Thrift { bytes };
        let mut page = Self::default();
        thrift.fields(&mut |thrift, field, kind| match (field, kind) {
            (2 | 3, Thrift::NUMBER) => {
                let number = thrift.size()?;
                *(if field == 2 { &mut page.unpacked } else { &mut page.packed }) = number;
                Some(())
            }
            // Pages of data, of a dictionary, and of data of version 2 begin with their number of values.
            (5 | 7 | 8, Thrift::STRUCT) => thrift.fields(&mut |thrift, field, kind| match (field, kind) {
                (1, Thrift::NUMBER) => thrift.size().map(|values| page.values = values),
                _ => thrift.skip(kind, 0),
            }),
            _ => thrift.skip(kind, 0),
        })?;
        page.header = (bytes.len() - thrift.bytes.len()) as u64;
        Some(page)
    }

    fn check(&self, most: u64) -> Result<()> {
        let Self { unpacked, packed, values, .. } = *self;
        if unpacked > most {
            return Err(refused(&format!("a page of {packed} bytes says that it unpacks to {unpacked}")));
        }
        if values > MOST_VALUES {
            return Err(refused(&format!("a page says that it has {values} values")));
        }
        Ok(())
    }
}

/// Reads the compact protocol of Thrift; nothing where the bytes end, or are no such thing.
struct Thrift<'a> {
    bytes: &'a [u8],
}

impl Thrift<'_> {
    /// Kinds of fields: numbers of 32 bits, lists, structures.
    const NUMBER: u8 = 5;
    const STRUCT: u8 = 12;

    /// Structures and lists in each other, at most: statistics have two.
    const DEPTH: u8 = 8;

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            value |= u64::from(byte & 127).checked_shl(7 * place)?;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    /// A number of zigzag that is not negative.
    fn size(&mut self) -> Option<u64> {
        let raw = self.varint()?;
        (raw & 1 == 0).then_some(raw >> 1)
    }

    /// The fields of a structure, each handed to `take` with its number and kind.
    fn fields(&mut self, take: &mut dyn FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        let mut field = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            let step = i64::from(head >> 4);
            field = if step > 0 {
                field.checked_add(step)?
            } else {
                let raw = self.varint()?;
                (raw >> 1) as i64 ^ -((raw & 1) as i64)
            };
            take(self, field, head & 15)?;
        }
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        if depth > Self::DEPTH {
            return None;
        }
        match kind {
            1 | 2 => Some(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.pass(8),
            8 => {
                let length = self.varint()?;
                self.pass(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                // The values of a list of switches take a byte each.
                let kind = if matches!(head & 15, 1 | 2) { 3 } else { head & 15 };
                (0..count).try_for_each(|_| self.skip(kind, depth + 1))
            }
            12 => self.fields(&mut |thrift, _, kind| thrift.skip(kind, depth + 1)),
            _ => None,
        }
    }

    fn pass(&mut self, count: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(count).ok()?..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn varint(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value > 127 {
            bytes.push(value as u8 | 128);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    /// The header of a page of data with these sizes and values, behind which nothing stands.
    fn header(unpacked: u64, packed: u64, values: u64) -> Vec<u8> {
        let number = |value: u64| varint(value << 1);
        let data = [&[0x15][..], &number(values), &[0x15, 0, 0x15, 6, 0x15, 6, 0]].concat();
        [&[0x15, 0, 0x15][..], &number(unpacked), &[0x15], &number(packed), &[0x2c], &data, &[0]].concat()
    }

    #[test]
    fn the_header_of_a_page_tells_its_sizes_and_values() {
        let bytes = [header(70_000, 300, 20), vec![7; 50]].concat();
        let page = Page::read(&Bytes::from(bytes.clone()), 0).unwrap();
        let expected = Page { header: bytes.len() as u64 - 50, unpacked: 70_000, packed: 300, values: 20 };
        assert_eq!(page, expected);
        // Below a list of structures without end.
        assert!(Page::read(&Bytes::from([0x19, 0x1c].repeat(1000)), 0).is_err());
    }

    #[test]
    fn pages_that_ask_for_too_much_are_refused() {
        let blob = |unpacked, packed| check_blob(&Bytes::from(header(unpacked, packed, 1)), 0);
        assert!(
            blob(200 << 20, 10).is_ok() && blob(300 << 20, 10).is_err() && blob(300 << 20, 4 << 20).is_ok()
        );
        let values = |values| check_blob(&Bytes::from(header(100, 10, values)), 0);
        assert!(values(1 << 22).is_ok() && values(1 << 23).is_err());
        let negative = [&[0x15, 0, 0x15][..], &varint(7), &[0]].concat();
        assert!(check_blob(&Bytes::from(negative), 0).is_err());
    }

    proptest! {
        #[test]
        fn whatever_bytes_are_taken_for_a_header_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check_blob(&Bytes::from(bytes), 0);
        }
    }
}
