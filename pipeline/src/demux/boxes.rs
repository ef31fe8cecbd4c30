//! Boxes of an MP4 file (ISO 14496-12, 4.2), as far as demuxers do not tell what is in them.

use crate::file::{FileBytes, FileSlice};

/// Bytes of a `moov` box that is looked into; a healthy one of hours of video has a few megabytes.
const LARGEST: u64 = 64 << 20;

/// The body of the first box of `kind` at the top of the file, cut where the file ends, and its place.
pub(super) fn find(file: &FileBytes, kind: [u8; 4]) -> Option<(u64, FileSlice)> {
    let mut at = 0;
    while at < file.length() {
        let header = file.slice(at..at + 16);
        let (size, body, found) = header_of(header.as_ref(), file.length() - at)?;
        if found == kind {
            return Some((at + body, file.slice(at + body..at + size.min(LARGEST))));
        }
        at = at.checked_add(size)?;
    }
    None
}

/// Size of a box, where its body begins, and its kind. `left` bytes are left of what it is in.
fn header_of(header: &[u8], left: u64) -> Option<(u64, u64, [u8; 4])> {
    let (short, behind) = header.split_first_chunk::<4>()?;
    let (kind, behind) = behind.split_first_chunk::<4>()?;
    let (size, body) = match u32::from_be_bytes(*short) {
        0 => (left, 8),
        1 => (u64::from_be_bytes(*behind.first_chunk::<8>()?), 16),
        size => (size.into(), 8),
    };
    (size >= body).then_some((size, body, *kind))
}

/// A box in the body of another one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child<'a> {
    pub kind: [u8; 4],
    /// Where its body begins in the outer body.
    pub place: usize,
    pub body: &'a [u8],
}

/// The boxes in the body of another one.
pub(super) fn children(outer: &[u8]) -> impl Iterator<Item = Child<'_>> {
    let mut rest = outer;
    std::iter::from_fn(move || {
        let (size, body, kind) = header_of(rest, rest.len() as u64)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        let inner = rest.get(body as usize..size)?;
        let place = outer.len() - rest.len() + body as usize;
        rest = &rest[size..];
        Some(Child { kind, place, body: inner })
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

#[cfg(test)]
pub(super) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_found_in_boxes_and_where_they_are() {
        let inner = [boxed(b"free", &[1]), boxed(b"mdia", &boxed(b"hdlr", &[7, 8]))].concat();
        assert_eq!(descend(&inner, &[b"mdia", b"hdlr"]), Some(&[7, 8][..]));
        assert_eq!(child(&inner, b"mdia").unwrap().place, 9 + 8);
        assert!(descend(&inner, &[b"mdia", b"elst"]).is_none());
        // A size that lies ends with what it is in; one below its own header ends the search.
        let lying = [&1000u32.to_be_bytes()[..], b"free", &[5]].concat();
        assert_eq!(children(&lying).next().unwrap().body, &[5]);
        assert!(children(&[0, 0, 0, 4, 1, 2, 3, 4]).next().is_none());
    }
}
