//! AVI files: whether their indices, and those of OpenDML that lead to others, come to more than the file has.
//!
//! ```text
//! RIFF 'AVI ' │ LIST 'hdrl' … indx: place, place, place … │ LIST 'movi' … ix00: entries │ …
//! ```
//!
//! GStreamer's demuxer reads what each entry of an `indx` chunk leads to and keeps all of it, also where thousands lead
//! to the same place. The indices of a whole film are disjoint, so that their sizes are at most that of the file.

use crate::{file::FileBytes, heartbeat};

/// The name of an index of indices.
const NAME: &[u8; 4] = b"indx";

/// Bytes before its entries, with those of the chunk's header, and bytes of an entry.
const HEAD: usize = 8 + 24;
const ENTRY: usize = 16;

/// Entries of all of them: one a gigabyte is usual.
const MOST_ENTRIES: usize = 1 << 14;

/// Where the first chunk of a file begins, which is the list of headers.
const HEADERS: u64 = 12;

/// Bytes of the list of headers, and of the usual index: GStreamer's demuxer reads each at once, and keeps two million
/// entries of an index in as many bytes again.
const MOST_HEADERS: u64 = 16 << 20;
const MOST_INDEX: u64 = 32 << 20;

/// Chunks behind the headers that are looked at for the usual index.
const LOOKED_AT: usize = 1 << 10;

/// What is wrong with the indices of a file, if anything is.
pub(super) fn flaw(file: &FileBytes) -> Option<&'static str> {
    let (name, size) = chunk_at(file, HEADERS)?;
    if name != *b"LIST" {
        return None;
    }
    if size > MOST_HEADERS {
        return Some("its headers are longer than those of any film");
    }
    let mut at = HEADERS + 8 + size.next_multiple_of(2);
    for _ in 0..LOOKED_AT {
        let Some((name, size)) = chunk_at(file, at) else { break };
        if name == *b"idx1" && size > MOST_INDEX {
            return Some("its index is longer than that of any film");
        }
        // The demuxer adds to it in 32 bits, and would come back to the same chunk for ever.
        if name != *b"LIST" && size.next_multiple_of(2) + 8 > u64::from(u32::MAX) {
            return Some("a chunk is longer than any AVI file");
        }
        at += 8 + size.next_multiple_of(2);
    }
    flaw_of_superindices(file, file.slice(HEADERS..HEADERS + 8 + size).as_ref())
}

/// What is wrong with the indices of indices in the headers of a file.
fn flaw_of_superindices(file: &FileBytes, headers: &[u8]) -> Option<&'static str> {
    let named = headers.windows(NAME.len()).enumerate().filter(|(_, name)| *name == NAME);
    let (mut entries, mut bytes) = (0, 0u64);
    for (at, _) in named {
        for entry in entries_of(&headers[at..]) {
            entries += 1;
            if entries > MOST_ENTRIES {
                return Some("it has more indices than any film");
            }
            heartbeat::step();
            bytes = bytes.saturating_add(chunk_at(file, entry).map_or(0, |(_, size)| size));
            if bytes > file.length() {
                return Some("its indices are longer than the file");
            }
        }
    }
    None
}

/// The places in an index of indices, which begins with its name.
fn entries_of(index: &[u8]) -> impl Iterator<Item = u64> {
    let count =
        index.get(12..16).and_then(|count| count.first_chunk()).map_or(0, |&count| u32::from_le_bytes(count));
    let entries = index.get(HEAD..).unwrap_or_default().chunks_exact(ENTRY).take(count as usize);
    entries.filter_map(|entry| entry.first_chunk().map(|&place| u64::from_le_bytes(place)))
}

/// Name and size of the chunk at a place.
fn chunk_at(file: &FileBytes, place: u64) -> Option<([u8; 4], u64)> {
    let header = file.slice(place..place.saturating_add(8));
    let [name @ .., a, b, c, d] = header.as_ref() else { return None };
    Some((name.try_into().ok()?, u32::from_le_bytes([*a, *b, *c, *d]).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&kind[..], &(body.len() as u32).to_le_bytes(), body].concat()
    }

    /// A file whose index of indices has these places; an index of 400 bytes stands at the second place that is given.
    fn found(places: &[u64], count: u32) -> Option<&'static str> {
        let entries: Vec<u8> =
            places.iter().flat_map(|place| [place.to_le_bytes(), [0; 8]].concat()).collect();
        let index = [&[4, 0, 0, 0][..], &count.to_le_bytes(), &[0; 16], &entries].concat();
        let headers = chunk(b"LIST", &[b"hdrl".to_vec(), chunk(b"indx", &index)].concat());
        let film = [b"RIFF\0\0\0\0AVI ".to_vec(), headers, chunk(b"ix00", &[0; 400])].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.avi");
        std::fs::write(&path, film).unwrap();
        flaw(&FileBytes::open(&path, 1 << 20).unwrap())
    }

    #[test]
    fn a_chunk_whose_end_is_its_beginning_in_32_bits_is_found() {
        let film = |size: u32| {
            let chunks = [chunk(b"LIST", b"hdrl"), chunk(b"JUNK", b""), size.to_le_bytes().to_vec()];
            let [headers, junk, size] = chunks;
            let film = [b"RIFF\0\0\0\0AVI ", &headers[..], &junk[..4], &size].concat();
            flaw(&FileBytes::none().shown_as(film))
        };
        assert_eq!((film(0), film(u32::MAX - 9)), (None, None));
        for size in [u32::MAX - 8, u32::MAX - 7] {
            assert_eq!(film(size), Some("a chunk is longer than any AVI file"));
        }
    }

    #[test]
    fn indices_that_lie_apart_are_fine_and_one_index_again_and_again_is_not() {
        let at = |places: u64| 12 + 8 + 4 + HEAD as u64 + 16 * places;
        assert_eq!(found(&[at(1)], 1), None);
        assert_eq!(found(&[at(9); 9], 9), Some("its indices are longer than the file"));
        // As many entries are read as there are, and as it says.
        assert_eq!(found(&[at(9); 9], 1), None);
        assert_eq!(found(&[at(2); 2], u32::MAX), Some("its indices are longer than the file"));
        assert_eq!(
            found(&vec![u64::MAX; MOST_ENTRIES + 1], u32::MAX),
            Some("it has more indices than any film")
        );
    }
}
