//! AVI files (RIFF): whether packets lie where the demuxer does not look: behind the end that the file states, in a second
//! film behind the first one, or in a further part that no index names.
//!
//! FFmpeg goes on to the file's own end, so that such a film would have other frames.

use crate::file::FileBytes;

/// Bytes that are searched at a time.
const BLOCK: u64 = 1 << 20;

/// RIFF chunks that are looked at: one a gigabyte is usual.
const MOST_PARTS: usize = 1 << 14;

/// The name of the index, which stands behind the packets.
const INDEX: &[u8; 4] = b"idx1";

/// The name of the list of packets, and of the index of indexes in the header before it (OpenDML).
const PACKETS: &[u8; 4] = b"movi";
const SUPERINDEX: &[u8; 4] = b"indx";

/// Which packets the demuxer would not read, in words.
pub(super) fn unread(file: &FileBytes) -> Option<String> {
    let mut end = 0;
    for part in 0..MOST_PARTS {
        let header = file.slice(end..end + 12);
        match header.as_ref() {
            [b'R', b'I', b'F', b'F', size @ .., _, _, _, _] if size.len() == 4 => {
                match &header.as_ref()[8..] {
                    b"AVI " if part > 0 => return Some(format!("another film begins at byte {end}")),
                    b"AVIX" if has_index(file) && !has_superindex(file) => {
                        return Some(format!("no index has the packets of the part at byte {end}"));
                    }
                    _ => {}
                }
                let size = size.iter().rev().fold(0u64, |size, &byte| size << 8 | u64::from(byte));
                end += 8 + size.next_multiple_of(2);
            }
            _ => break,
        }
    }
    let mut at = end;
    while at < file.length() {
        let block = file.slice(at..at + BLOCK + INDEX.len() as u64);
        if block.as_ref().windows(INDEX.len()).any(|window| window == INDEX) {
            return Some(format!("it says that it ends at byte {end}, and its index lies behind that"));
        }
        at += BLOCK;
    }
    None
}

/// Whether the first part has an index, by which alone the demuxer then goes: without one it looks at all parts.
fn has_index(file: &FileBytes) -> bool {
    let mut at = 12;
    for _ in 0..MOST_PARTS {
        let header = file.slice(at..at + 8);
        let (Some(name), Some(size)) = (header.as_ref().first_chunk::<4>(), header.as_ref().get(4..8)) else {
            return false;
        };
        match name {
            b"RIFF" => return false,
            INDEX => return true,
            _ => {}
        }
        let size = size.iter().rev().fold(0u64, |size, &byte| size << 8 | u64::from(byte));
        at += 8 + size.next_multiple_of(2);
    }
    false
}

/// Whether the header has an index of indexes.
fn has_superindex(file: &FileBytes) -> bool {
    let beginning = file.slice(0..BLOCK);
    let place = |name: &[u8; 4]| beginning.as_ref().windows(4).position(|window| window == name);
    let header = &beginning.as_ref()[..place(PACKETS).unwrap_or(0)];
    header.windows(4).any(|window| window == SUPERINDEX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.avi");
        std::fs::write(&path, bytes).unwrap();
        unread(&FileBytes::open(&path, 1 << 24).unwrap())
    }

    fn riff(body: &[u8]) -> Vec<u8> {
        [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), body].concat()
    }

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&name[..], &(body.len() as u32).to_le_bytes(), body].concat()
    }

    /// A part with packets, its header and its index.
    fn film(header: &[u8; 8]) -> Vec<u8> {
        let parts = [chunk(b"LIST", header), chunk(b"LIST", b"movi"), chunk(b"idx1", b"....")];
        riff(&[&b"AVI "[..], &parts.concat()].concat())
    }

    #[test]
    fn an_index_behind_the_stated_end_is_found_and_other_bytes_are_not() {
        let whole = film(b"hdrlindx");
        let end = whole.len();
        assert_eq!(found(&whole), None);
        assert_eq!(found(&[&whole[..], &riff(b"AVIXidx1")].concat()), None);
        assert_eq!(found(&[&whole[..], b"made by a camera"].concat()), None);
        let overrun = Some(format!("it says that it ends at byte {end}, and its index lies behind that"));
        assert_eq!(found(&[&whole[..], b"00dc....idx1"].concat()), overrun);
        let far = [&whole[..], &vec![0; (1 << 20) - 2], b"idx1"].concat();
        assert_eq!(found(&far), overrun);
    }

    #[test]
    fn a_second_film_and_a_part_without_an_index_are_found() {
        let whole = film(b"hdrlstrl");
        let end = whole.len();
        let second = Some(format!("another film begins at byte {end}"));
        assert_eq!(found(&[&whole[..], &whole].concat()), second);
        let part = riff(b"AVIXmovi");
        let unnamed = Some(format!("no index has the packets of the part at byte {end}"));
        assert_eq!(found(&[&whole[..], &part].concat()), unnamed);
        let without = riff(&[&b"AVI "[..], &chunk(b"LIST", b"movi")].concat());
        assert_eq!(found(&[without, part].concat()), None);
    }
}
