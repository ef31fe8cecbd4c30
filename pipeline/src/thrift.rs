//! The compact protocol of Thrift, in which Parquet writes its footer and the headers of its pages.
//!
//! It is read for sizes alone, before Parquet's own reader takes memory by them.

/// Reads the compact protocol of Thrift; nothing where the bytes end, or are no such thing.
pub(crate) struct Thrift<'a> {
    bytes: &'a [u8],
}

impl<'a> Thrift<'a> {
    /// Kinds of fields: numbers of 32 bits, lists, structures.
    pub const NUMBER: u8 = 5;
    pub const LIST: u8 = 9;
    pub const STRUCT: u8 = 12;

    /// Structures and lists in each other, at most: the statistics of a column have seven.
    const DEPTH: u8 = 16;

    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Bytes that were not read.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    /// A number of seven bits a byte.
    pub fn varint(&mut self) -> Option<u64> {
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
    pub fn size(&mut self) -> Option<u64> {
        let raw = self.varint()?;
        (raw & 1 == 0).then_some(raw >> 1)
    }

    /// The fields of a structure, each handed to `take` with its number and kind.
    pub fn fields(&mut self, take: &mut dyn FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
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

    /// Items of a list and their kind; what follows are the items.
    pub fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        Some((count, head & 15))
    }

    /// Passes over a value of this kind, which lies so deep in others.
    pub fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
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
                let (count, kind) = self.list()?;
                // The values of a list of switches take a byte each.
                let kind = if matches!(kind, 1 | 2) { 3 } else { kind };
                (0..count).try_for_each(|_| self.skip(kind, depth + 1))
            }
            12 => self.fields(&mut |thrift, _, kind| thrift.skip(kind, depth + 1)),
            _ => None,
        }
    }

    /// Passes over so many bytes.
    pub fn pass(&mut self, count: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(count).ok()?..)?;
        Some(())
    }
}
