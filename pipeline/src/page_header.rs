//! The header of a page of Parquet: the Thrift compact protocol, of which it needs little.
//!
//! ```text
//! column chunk   header: type, bytes unpacked, bytes packed, (values) │ packed bytes │ header …
//! ```

use parquet::{
    errors::{ParquetError, Result},
    file::reader::ChunkReader,
};

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

    /// The page whose header is at the beginning of `bytes`; nothing where it is not whole, or none.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut thrift = Thrift { bytes };
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
        page.header = (bytes.len() - thrift.bytes.len()) as u64;
        Some(page)
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
