//! AVI files (RIFF): whether packets lie behind the end that the file states.
//!
//! Demuxers of GStreamer end there. FFmpeg goes on to the file's own end, so that a film whose header is that of
//! another, shorter one would have other frames.

use crate::file::FileBytes;

/// Bytes that are searched at a time.
const BLOCK: u64 = 1 << 20;

/// RIFF chunks that are looked at: one a gigabyte is usual.
const MOST_PARTS: usize = 1 << 14;

/// The name of the index, which stands behind the packets.
const INDEX: &[u8; 4] = b"idx1";

/// Where the last RIFF chunk of a file ends, if an index lies behind it.
pub(super) fn overrun(file: &FileBytes) -> Option<u64> {
    let mut end = 0;
    for _ in 0..MOST_PARTS {
        let header = file.slice(end..end + 8);
        match header.as_ref() {
            [b'R', b'I', b'F', b'F', size @ ..] if size.len() == 4 => {
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
            return Some(end);
        }
        at += BLOCK;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Option<u64> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.avi");
        std::fs::write(&path, bytes).unwrap();
        overrun(&FileBytes::open(&path, 1 << 24).unwrap())
    }

    fn riff(body: &[u8]) -> Vec<u8> {
        [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), body].concat()
    }

    #[test]
    fn an_index_behind_the_stated_end_is_found_and_other_bytes_are_not() {
        let whole = riff(b"AVI LIST....idx1");
        assert_eq!(found(&whole), None);
        assert_eq!(found(&[&whole[..], &riff(b"AVIXidx1")].concat()), None);
        assert_eq!(found(&[&whole[..], b"made by a camera"].concat()), None);
        assert_eq!(found(&[&whole[..], b"00dc....idx1"].concat()), Some(24));
        let far = [&whole[..], &vec![0; (1 << 20) - 2], b"idx1"].concat();
        assert_eq!(found(&far), Some(24));
    }
}
