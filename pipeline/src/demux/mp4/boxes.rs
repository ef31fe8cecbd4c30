//! Boxes of an MP4 file (ISO 14496-12, 4.2) and the numbers in them.
//!
//! Nothing here recurses: who looks for a box says by name which boxes it lies in, so that a file that nests
//! them without end costs nothing.

/// The header of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: [u8; 4],
    /// Bytes of the box with its header, as it says itself.
    pub size: u64,
    /// Where its body begins.
    pub body: u64,
}

impl Header {
    /// Reads a header; `left` bytes are left of what the box is in. Nothing where its size is below its own header.
    pub fn read(bytes: &[u8], left: u64) -> Option<Self> {
        let (short, behind) = bytes.split_first_chunk::<4>()?;
        let (kind, behind) = behind.split_first_chunk::<4>()?;
        let (size, body) = match u32::from_be_bytes(*short) {
            0 => (left, 8),
            1 => (u64::from_be_bytes(*behind.first_chunk::<8>()?), 16),
            size => (size.into(), 8),
        };
        (size >= body).then_some(Self { kind: *kind, size, body })
    }
}

/// A box in the body of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Child<'a> {
    pub kind: [u8; 4],
    pub body: &'a [u8],
    /// It says that it goes on behind what it is in.
    pub is_cut: bool,
}

/// The boxes in the body of another one.
pub(super) fn children(outer: &[u8]) -> impl Iterator<Item = Child<'_>> {
    let mut rest = outer;
    std::iter::from_fn(move || {
        let left = rest.len() as u64;
        let Header { kind, size, body } = Header::read(rest, left)?;
        let end = usize::try_from(size.min(left)).ok()?;
        let inner = rest.get(usize::try_from(body).ok()?..end)?;
        rest = &rest[end..];
        Some(Child { kind, body: inner, is_cut: size > left })
    })
}

/// The first box of a kind in the body of another one.
pub(super) fn child<'a>(outer: &'a [u8], kind: &[u8; 4]) -> Option<Child<'a>> {
    children(outer).find(|child| child.kind == *kind)
}

/// The body of the box that is found by going into boxes of these kinds.
pub(super) fn descend<'a>(outer: &'a [u8], kinds: &[&[u8; 4]]) -> Option<&'a [u8]> {
    kinds.iter().try_fold(outer, |body, kind| child(body, kind).map(|child| child.body))
}

/// A number of up to eight bytes, the highest first.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Reads the fields of a box one after the other; behind the end there are none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes(count).map(drop)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    pub fn short(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| number(bytes) as u16)
    }

    pub fn word(&mut self) -> Option<u32> {
        self.bytes(4).map(|bytes| number(bytes) as u32)
    }

    pub fn signed(&mut self) -> Option<i32> {
        self.word().map(|word| word as i32)
    }

    pub fn long(&mut self) -> Option<u64> {
        self.bytes(8).map(number)
    }

    /// A number of four bytes, or of eight in boxes of version 1.
    pub fn sized(&mut self, version: u8) -> Option<u64> {
        if version == 1 { self.long() } else { self.word().map(u64::from) }
    }

    /// Version and flags, with which a "full box" begins.
    pub fn version(&mut self) -> Option<(u8, u32)> {
        self.word().map(|word| ((word >> 24) as u8, word & 0xff_ffff))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::mp4::test_films::boxed;

    #[test]
    fn boxes_are_found_in_boxes() {
        let inner = [boxed(b"free", &[1]), boxed(b"mdia", &boxed(b"hdlr", &[7, 8]))].concat();
        assert_eq!(descend(&inner, &[b"mdia", b"hdlr"]), Some(&[7, 8][..]));
        assert!(descend(&inner, &[b"mdia", b"elst"]).is_none());
        // A size that lies ends with what it is in; one below its own header ends the search.
        let lying = [&1000u32.to_be_bytes()[..], b"free", &[5]].concat();
        assert_eq!(children(&lying).next(), Some(Child { kind: *b"free", body: &[5], is_cut: true }));
        assert!(children(&[0, 0, 0, 4, 1, 2, 3, 4]).next().is_none());
    }

    #[test]
    fn a_size_may_have_eight_bytes_or_reach_to_the_end() {
        let long = [&[0, 0, 0, 1][..], b"mdat", &17u64.to_be_bytes(), &[9, 9]].concat();
        assert_eq!(children(&long).next().unwrap().body, &[9]);
        let open = [&[0; 4][..], b"mdat", &[9, 9]].concat();
        assert_eq!(children(&open).next(), Some(Child { kind: *b"mdat", body: &[9, 9], is_cut: false }));
        assert_eq!(Header::read(&open[..7], 99), None);
    }

    #[test]
    fn fields_end_with_their_box() {
        let mut fields = Fields(&[1, 0, 0, 2, 0xff, 0xff, 0xff, 0xfe, 7]);
        assert_eq!(fields.version(), Some((1, 2)));
        assert_eq!(fields.signed(), Some(-2));
        assert_eq!((fields.short(), fields.byte(), fields.byte()), (None, Some(7), None));
    }
}
