//! Ogg (RFC 3533): whether every page of a file is there and whole, by its check sum and its number.
//!
//! The demuxer passes over what it does not find whole, without a word, and its decoder shows what is left: every later
//! frame would have the rank of another.

use std::collections::{BTreeMap, BTreeSet};

use crate::{error::VideoError, file::FileBytes, heartbeat};

/// The mark of a page, the bytes before its table of lengths, and where its numbers stand.
const MARK: &[u8] = b"OggS";
const HEAD: u64 = 27;
const FLAGS: usize = 5;
const POSITION: usize = 6;
const STREAM: usize = 14;
const NUMBER: usize = 18;
const SUM: usize = 22;

/// Streams that a file may have.
const MOST_STREAMS: usize = 1 << 10;

/// What the first packets of films begin with: Theora, VP8, Dirac.
const FILMS: [&[u8]; 3] = [b"\x80theora", b"OVP80", b"BBCD"];

/// Checks all pages.
pub(super) fn check(file: &FileBytes) -> Result<(), VideoError> {
    let (mut last, mut films) = (BTreeMap::<u32, u32>::new(), BTreeSet::new());
    let mut at = 0;
    while at < file.length() {
        heartbeat::step();
        let damaged = |what: &str| {
            let reason = format!("the page at byte {at} {what}");
            Err(VideoError::ContainerDamaged { container: "ogg", reason })
        };
        let head = file.slice(at..at + HEAD);
        let head = head.as_ref();
        if !head.starts_with(&MARK[..head.len().min(MARK.len())]) {
            return damaged("is none");
        }
        let lengths = head.get(HEAD as usize - 1).copied().unwrap_or(0);
        let table = file.slice(at + HEAD..at + HEAD + u64::from(lengths));
        let length =
            HEAD + u64::from(lengths) + table.as_ref().iter().map(|&part| u64::from(part)).sum::<u64>();
        let page = file.slice(at..at + length);
        let page = page.as_ref();
        if (page.len() as u64) < length {
            return Err(VideoError::Truncated { reason: "its last page is not whole".to_owned() });
        }
        let word = |at: usize| u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]]);
        if sum(page) != word(SUM) {
            return damaged("does not have its check sum");
        }
        let before = last.insert(word(STREAM), word(NUMBER));
        if before.is_some_and(|before| before.wrapping_add(1) != word(NUMBER)) {
            return damaged("does not follow the one before it");
        }
        let begins = page[FLAGS] & 2 != 0;
        if begins && page.get(HEAD as usize + usize::from(lengths)..).is_some_and(is_film) {
            films.insert(word(STREAM));
        }
        if is_before_the_beginning(page) && films.contains(&word(STREAM)) {
            let format =
                "an Ogg film with pictures before its beginning, as a cut without encoding leaves them,";
            return Err(VideoError::Unsupported { format: format.to_owned(), convert: None });
        }
        if last.len() > MOST_STREAMS {
            return damaged("begins one more stream than any film has");
        }
        at += length;
    }
    Ok(())
}

/// Whether a page has a position before the beginning: its packets the demuxer drops, and FFmpeg shows them. On a page of -1
/// no packet ends.
fn is_before_the_beginning(page: &[u8]) -> bool {
    let mut position = [0; 8];
    position.copy_from_slice(&page[POSITION..POSITION + 8]);
    i64::from_le_bytes(position) < -1
}

fn is_film(packet: &[u8]) -> bool {
    FILMS.iter().any(|film| packet.starts_with(film))
}

/// The check sum of a page, whose own four bytes count as zeros.
fn sum(page: &[u8]) -> u32 {
    let byte_at = |at: usize, byte: u8| if (SUM..SUM + 4).contains(&at) { 0 } else { byte };
    page.iter().enumerate().fold(0, |sum: u32, (at, &byte)| {
        let index = (sum >> 24) as u8 ^ byte_at(at, byte);
        sum << 8 ^ TABLE[usize::from(index)]
    })
}

/// The sum of each byte by itself.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn page(stream: u8, number: u8, body: &[u8]) -> Vec<u8> {
        placed(stream, number, body, 0, 0)
    }

    fn placed(stream: u8, number: u8, body: &[u8], flags: u8, position: i64) -> Vec<u8> {
        let mut page = vec![0; HEAD as usize];
        page[..4].copy_from_slice(MARK);
        (page[STREAM], page[NUMBER], page[HEAD as usize - 1]) = (stream, number, 1);
        page[FLAGS] = flags;
        page[POSITION..POSITION + 8].copy_from_slice(&position.to_le_bytes());
        page.push(body.len() as u8);
        page.extend(body);
        let sum = sum(&page).to_le_bytes();
        page[SUM..SUM + 4].copy_from_slice(&sum);
        page
    }

    fn verdict(bytes: &[u8]) -> Option<&'static str> {
        check(&FileBytes::none().shown_as(bytes.to_vec())).err().map(|why| why.verdict())
    }

    #[test]
    fn pages_that_are_missing_damaged_or_cut_are_found() {
        let pages = [page(1, 4, b"film"), page(2, 0, b"sound"), page(1, 5, b"film"), page(2, 1, b"")];
        let whole = pages.concat();
        assert_eq!(verdict(&whole), None);
        let mut flipped = whole.clone();
        flipped[30] ^= 1;
        assert_eq!(verdict(&flipped), Some("container-damaged"));
        assert_eq!(
            verdict(&[&pages[0][..], &pages[2][..], &pages[2][..]].concat()),
            Some("container-damaged")
        );
        assert_eq!(verdict(&[&whole[..], b"more"].concat()), Some("container-damaged"));
        assert_eq!(verdict(&whole[..whole.len() - 3]), Some("truncated"));
        assert_eq!(verdict(&whole[..pages[0].len() + 2]), Some("truncated"));
    }

    #[test]
    fn pages_of_a_film_that_lie_before_its_beginning_are_refused() {
        let of = |head: &[u8], position| {
            verdict(&[placed(1, 0, head, 2, 0), placed(1, 1, b"picture", 0, position)].concat())
        };
        assert_eq!(of(b"\x80theora", -768), Some("unsupported"));
        assert_eq!(of(b"OVP80", -3), Some("unsupported"));
        assert_eq!([of(b"\x80theora", -1), of(b"\x80theora", 64), of(b"OpusHead", -3)], [None; 3]);
    }

    #[test]
    fn the_check_sum_is_that_of_other_writers() {
        let film = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/other_codecs/theora.ogv");
        assert_eq!(verdict(&std::fs::read(film).unwrap()), None);
    }
}
