//! A look at the elements of a Matroska file before a demuxer is trusted with it (RFC 8794, RFC 9559).
//!
//! A SeekHead that points at a SeekHead that points back makes `matroskademux` recurse until the stack
//! ends, which nothing can catch; and a file that was cut ends like a whole one. Both show in the
//! top-level elements. Where elements inside are damaged, the demuxer leaves out what it cannot read and goes
//! on: so every element down to the blocks must begin with an id and end where its master ends.

use crate::file::FileBytes;

/// What is wrong at the top of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Index elements lead in a circle, or are too many.
    Circle {
        /// Byte position of the element in question.
        at: u64,
    },
    /// The segment promises more bytes than there are.
    Cut {
        /// Bytes that are missing.
        missing: u64,
    },
    /// An element does not begin like one, does not end within the one that it is in, or is a block of a track
    /// that the file does not have.
    Broken {
        /// Byte position of the element.
        at: u64,
    },
}

const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const SEEK: u32 = 0x4dbb;
const SEEK_ID: u32 = 0x53ab;
const SEEK_POSITION: u32 = 0x53ac;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const CLUSTER: u32 = 0x1f43_b675;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const SIMPLE_BLOCK: u32 = 0xa3;

/// SeekHeads that a healthy file may have: one at the top and one that continues it.
const SEEK_HEADS: usize = 2;

/// Looks for faults; nothing means that a demuxer may read the file.
pub fn fault(bytes: &FileBytes) -> Option<Fault> {
    let mut at = 0;
    while let Some(element) = Element::read(bytes, at) {
        if element.id == SEGMENT {
            let end = element.body.saturating_add(element.size.unwrap_or(0));
            if end > bytes.length() {
                return Some(Fault::Cut { missing: end - bytes.length() });
            }
            return circle(bytes, element.body).or_else(|| broken(bytes, &element));
        }
        at = element.end()?;
    }
    None
}

/// Looks for broken elements in a segment: at its top, in its clusters and in their groups of blocks.
fn broken(bytes: &FileBytes, segment: &Element) -> Option<Fault> {
    let end = segment.end().unwrap_or(bytes.length());
    let mut at = segment.body;
    let mut tracks = Vec::new();
    // Clusters of unknown size, as live streams have them, are entered and never left.
    while at < end {
        let Some(element) = Element::read(bytes, at) else { return Some(Fault::Broken { at }) };
        if element.id == TRACKS {
            tracks.extend(numbers_of_tracks(bytes, &element));
        }
        let Some(stop) = element.end() else {
            if element.id != CLUSTER {
                return Some(Fault::Broken { at });
            }
            at = element.body;
            continue;
        };
        let is_cluster = element.id == CLUSTER;
        let inside = if is_cluster { broken_inside(bytes, &element, stop, &tracks) } else { None };
        if stop > end || inside.is_some() {
            return inside.or(Some(Fault::Broken { at }));
        }
        at = stop;
    }
    None
}

/// Looks for broken elements in a cluster, or in a group of blocks of one.
fn broken_inside(bytes: &FileBytes, master: &Element, end: u64, tracks: &[u64]) -> Option<Fault> {
    let mut at = master.body;
    while at < end {
        let Some((element, stop)) = Element::read(bytes, at).and_then(|element| {
            let stop = element.end().filter(|&stop| stop <= end)?;
            Some((element, stop))
        }) else {
            return Some(Fault::Broken { at });
        };
        if element.id == BLOCK_GROUP
            && let Some(fault) = broken_inside(bytes, &element, stop, tracks)
        {
            return Some(fault);
        }
        if matches!(element.id, BLOCK | SIMPLE_BLOCK) && !is_of_a_track(bytes, &element, tracks) {
            return Some(Fault::Broken { at });
        }
        at = stop;
    }
    None
}

/// Whether a block begins with the number of one of `tracks`, in one byte or two. Where none are known before
/// the blocks, any number will do but 0.
fn is_of_a_track(bytes: &FileBytes, block: &Element, tracks: &[u64]) -> bool {
    let number = match *bytes.slice(block.body..block.body + 2).as_ref() {
        [first @ 0x81..=0xff, _] => u64::from(first & 0x7f),
        [first @ 0x40..=0x7f, second] => u64::from(first & 0x3f) << 8 | u64::from(second),
        _ => return false,
    };
    tracks.is_empty() || tracks.contains(&number)
}

/// The numbers of the tracks that a file has.
fn numbers_of_tracks(bytes: &FileBytes, tracks: &Element) -> Vec<u64> {
    let entries = tracks.children(bytes).into_iter().filter(|entry| entry.id == TRACK_ENTRY);
    let number = |entry: Element| {
        let fields = entry.children(bytes);
        fields.iter().find(|field| field.id == TRACK_NUMBER)?.number(bytes)
    };
    entries.filter_map(number).collect()
}

/// Follows every SeekHead of the segment whose body begins at `segment`.
fn circle(bytes: &FileBytes, segment: u64) -> Option<Fault> {
    let mut heads = Vec::new();
    let mut at = segment;
    // Index elements of the top come before the first cluster; others are only reached by entries.
    while let Some(element) = Element::read(bytes, at) {
        if element.id == CLUSTER {
            break;
        }
        if element.id == SEEK_HEAD {
            heads.push(at);
        }
        let Some(end) = element.end() else { break };
        at = end;
    }
    let mut next = 0;
    while let Some(&head) = heads.get(next) {
        next += 1;
        for position in seek_heads_in(bytes, head) {
            let target = segment.saturating_add(position);
            if heads.contains(&target) || heads.len() == SEEK_HEADS {
                return Some(Fault::Circle { at: head });
            }
            heads.push(target);
        }
    }
    None
}

/// Positions of SeekHeads that the entries of the SeekHead at `head` name, relative to the segment.
fn seek_heads_in(bytes: &FileBytes, head: u64) -> Vec<u64> {
    let Some(head) = Element::read(bytes, head).filter(|head| head.id == SEEK_HEAD) else {
        return Vec::new();
    };
    let mut positions = Vec::new();
    for entry in head.children(bytes).into_iter().filter(|entry| entry.id == SEEK) {
        let fields = entry.children(bytes);
        let number = |id| fields.iter().find(|field| field.id == id).and_then(|field| field.number(bytes));
        if number(SEEK_ID) == Some(u64::from(SEEK_HEAD))
            && let Some(position) = number(SEEK_POSITION)
        {
            positions.push(position);
        }
    }
    positions
}

/// An element: id, where its body begins, how long it is (nothing: unknown).
struct Element {
    id: u32,
    body: u64,
    size: Option<u64>,
}

impl Element {
    fn read(bytes: &FileBytes, at: u64) -> Option<Self> {
        let header = bytes.slice(at..at.checked_add(12)?);
        let header = header.as_ref();
        let id_length = header.first()?.leading_zeros() as usize + 1;
        if id_length > 4 {
            return None;
        }
        let id = header.get(..id_length)?.iter().fold(0u32, |id, &byte| id << 8 | u32::from(byte));
        let size_length = header.get(id_length)?.leading_zeros() as usize + 1;
        if size_length > 8 {
            return None;
        }
        let raw = header.get(id_length..id_length + size_length)?;
        let raw = raw.iter().fold(0u64, |size, &byte| size << 8 | u64::from(byte));
        let mask = (1u64 << (7 * size_length)) - 1;
        let size = Some(raw & mask).filter(|&size| size != mask);
        Some(Self { id, body: at + (id_length + size_length) as u64, size })
    }

    fn end(&self) -> Option<u64> {
        self.body.checked_add(self.size?)
    }

    fn children(&self, bytes: &FileBytes) -> Vec<Self> {
        let (mut at, mut children) = (self.body, Vec::new());
        let end = self.end().unwrap_or(at).min(bytes.length());
        while at < end
            && let Some(child) = Self::read(bytes, at)
        {
            let Some(next) = child.end() else { break };
            children.push(child);
            at = next;
        }
        children
    }

    fn number(&self, bytes: &FileBytes) -> Option<u64> {
        let size = self.size.filter(|&size| size <= 8)?;
        let body = bytes.slice(self.body..self.body.checked_add(size)?);
        (body.as_ref().len() as u64 == size)
            .then(|| body.as_ref().iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(bytes: &[u8]) -> Option<Fault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        std::fs::write(&path, bytes).unwrap();
        super::fault(&FileBytes::open(&path, 1 << 20).unwrap())
    }

    fn seek_head(target: u8) -> Vec<u8> {
        let entry = [0x53, 0xab, 0x84, 0x11, 0x4d, 0x9b, 0x74, 0x53, 0xac, 0x81, target];
        let seek = [&[0x4d, 0xbb, 0x80 | entry.len() as u8], &entry[..]].concat();
        [&[0x11, 0x4d, 0x9b, 0x74, 0x80 | seek.len() as u8], &seek[..]].concat()
    }

    fn file(body: &[u8], size: u8) -> Vec<u8> {
        let header = [0x1a, 0x45, 0xdf, 0xa3, 0x80];
        [&header[..], &[0x18, 0x53, 0x80, 0x67, 0x80 | size], body].concat()
    }

    #[test]
    fn a_seek_head_that_points_at_itself_is_a_circle() {
        let body = seek_head(0);
        assert_eq!(fault(&file(&body, body.len() as u8)), Some(Fault::Circle { at: 10 }));
    }

    #[test]
    fn one_seek_head_may_continue_another() {
        let body = [seek_head(19), vec![0xec, 0x80]].concat();
        assert_eq!(fault(&file(&body, body.len() as u8)), None);
    }

    #[test]
    fn elements_must_begin_with_an_id_and_end_within_their_master() {
        let cluster = |body: &[u8]| [&[0x1f, 0x43, 0xb6, 0x75, 0x80 | body.len() as u8], body].concat();
        let whole = |body: &[u8]| {
            let body = cluster(body);
            fault(&file(&body, body.len() as u8))
        };
        let block = [0xa3, 0x85, 0x81, 0, 0, 0x80, 7];
        assert_eq!(whole(&[&[0xe7, 0x81, 0][..], &block].concat()), None);
        assert_eq!(whole(&[&[0xa0, 0x87][..], &block].concat()), None);
        assert_eq!(whole(&[0xe7, 0x83, 0]), Some(Fault::Broken { at: 15 }));
        assert_eq!(whole(&[&block[..], &[0, 0, 0]].concat()), Some(Fault::Broken { at: 22 }));
        assert_eq!(whole(&[0xa3, 0x85, 0, 0, 0, 0x80, 7]), Some(Fault::Broken { at: 15 }));
    }

    #[test]
    fn blocks_are_of_tracks_that_the_file_has() {
        let tracks = [0x16, 0x54, 0xae, 0x6b, 0x85, 0xae, 0x83, 0xd7, 0x81, 2];
        let of_track = |track: u8| {
            let cluster = [0x1f, 0x43, 0xb6, 0x75, 0x87, 0xa3, 0x85, 0x80 | track, 0, 0, 0x80, 7];
            let body = [&tracks[..], &cluster].concat();
            fault(&file(&body, body.len() as u8))
        };
        assert_eq!(of_track(2), None);
        assert_eq!(of_track(33), Some(Fault::Broken { at: 25 }));
    }

    #[test]
    fn a_segment_longer_than_the_file_is_cut() {
        assert_eq!(fault(&file(&[0xec, 0x80], 12)), Some(Fault::Cut { missing: 10 }));
        assert_eq!(fault(&file(&[0xec, 0x80], 0x7f)), None);
    }
}
