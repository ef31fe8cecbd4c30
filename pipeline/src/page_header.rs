//! The header of a page of Parquet.
//!
//! ```text
//! column chunk   header: type, bytes unpacked, bytes packed, (values) │ packed bytes │ header …
//! ```

use parquet::{
    errors::{ParquetError, Result},
    file::reader::ChunkReader,
};

use crate::thrift::Thrift;

/// Bytes that are looked at for a header; more of them where statistics of long values follow its sizes.
const HEADER: [usize; 2] = [1 << 10, 1 << 20];

/// What the header of a page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Bytes of the header itself.
    pub header: u64,
    /// Bytes of what follows it, unpacked and as they are there.
    pub unpacked: u64,
    pub packed: u64,
    /// Values, those that are null included.
    pub values: u64,
    /// What the page is of.
    pub kind: u64,
    /// How its values are written.
    pub encoding: u64,
    /// Bytes that say which values are null, where the header says how many these are.
    pub levels: Option<u64>,
}

impl Page {
    /// Kinds of pages.
    pub const DATA: u64 = 0;
    pub const DATA_2: u64 = 3;
    /// Values written one behind the other, as they are.
    pub const PLAIN: u64 = 0;

    /// Reads the header of the page that begins at `at`.
    pub fn read<R: ChunkReader>(file: &R, at: u64) -> Result<Self> {
        let left = usize::try_from(file.len().saturating_sub(at)).unwrap_or(usize::MAX);
        for most in HEADER {
            if let Some(page) = Self::of(&file.get_bytes(at, left.min(most))?) {
                return Ok(page);
            }
        }
        Err(ParquetError::General(format!("the page at byte {at} has no header that can be read")))
    }

    /// Whether its values are bytes whose lengths stand before all of them, packed (DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY).
    pub fn has_packed_lengths(&self) -> bool {
        matches!(self.encoding, 6 | 7)
    }

    /// The page whose header is at the beginning of `bytes`; nothing where it is not whole, or none.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut thrift = Thrift::new(bytes);
        let mut page = Self::default();
        thrift.fields(&mut |thrift, field, kind| match (field, kind) {
            (1, Thrift::NUMBER) => thrift.size().map(|kind| page.kind = kind),
            (2, Thrift::NUMBER) => thrift.size().map(|bytes| page.unpacked = bytes),
            (3, Thrift::NUMBER) => thrift.size().map(|bytes| page.packed = bytes),
            // Pages of data, of a dictionary, and of data of version 2 begin with their number of values.
            (of @ (5 | 7 | 8), Thrift::STRUCT) => {
                thrift.fields(&mut |thrift, field, kind| match (of, field, kind) {
                    (_, 1, Thrift::NUMBER) => thrift.size().map(|values| page.values = values),
                    (5 | 7, 2, Thrift::NUMBER) | (8, 4, Thrift::NUMBER) => {
                        thrift.size().map(|encoding| page.encoding = encoding)
                    }
                    (8, 5, Thrift::NUMBER) => thrift.size().map(|bytes| page.levels = Some(bytes)),
                    _ => thrift.skip(kind, 0),
                })
            }
            _ => thrift.skip(kind, 0),
        })?;
        page.header = (bytes.len() - thrift.left()) as u64;
        Some(page)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bytes::Bytes;

    use super::*;

    pub(crate) fn varint(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value > 127 {
            bytes.push(value as u8 | 128);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    /// The header of a page of data with these sizes and values, behind which nothing stands.
    pub(crate) fn header(unpacked: u64, packed: u64, values: u64) -> Vec<u8> {
        let number = |value: u64| varint(value << 1);
        let data = [&[0x15][..], &number(values), &[0x15, 0, 0x15, 6, 0x15, 6, 0]].concat();
        [&[0x15, 0, 0x15][..], &number(unpacked), &[0x15], &number(packed), &[0x2c], &data, &[0]].concat()
    }

    #[test]
    fn the_header_of_a_page_tells_its_sizes_and_values() {
        let bytes = [header(70_000, 300, 20), vec![7; 50]].concat();
        let page = Page::read(&Bytes::from(bytes.clone()), 0).unwrap();
        let header = bytes.len() as u64 - 50;
        let expected = Page { header, unpacked: 70_000, packed: 300, values: 20, ..Page::default() };
        assert_eq!(page, expected);
        assert_eq!((page.kind, page.encoding, page.levels), (Page::DATA, Page::PLAIN, None));
        // Below a list of structures without end.
        assert!(Page::read(&Bytes::from([0x19, 0x1c].repeat(1000)), 0).is_err());
    }
}
