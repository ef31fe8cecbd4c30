//! Boxes of an MP4 file (ISO 14496-12, 4.2), as far as demuxers do not tell what is in them.

use crate::file::{FileBytes, FileSlice};

/// Bytes of a `moov` box that is looked into; a healthy one of hours of video has a few megabytes.
const LARGEST: u64 = 64 << 20;

/// The body of the first box of `kind` at the top of the file; cut where the file ends.
pub(super) fn find(file: &FileBytes, kind: [u8; 4]) -> Option<FileSlice> {
    let mut at = 0;
    while at < file.length() {
        let header = file.slice(at..at + 16);
        let (size, body, found) = header_of(header.as_ref(), file.length() - at)?;
        if found == kind {
            return Some(file.slice(at + body..at + size.min(LARGEST)));
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

/// The boxes in the body of another one.
fn children(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (size, body, kind) = header_of(rest, rest.len() as u64)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        let inner = rest.get(body as usize..size)?;
        rest = &rest[size..];
        Some((kind, inner))
    })
}

fn child<'a>(body: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(body).find(|(found, _)| found == kind).map(|(_, inner)| inner)
}

/// What the edit list of the first video track shows (8.6.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edits {
    /// Parts that show anything; 0 without a list.
    pub parts: usize,
    /// Nanoseconds after which nothing is shown, where the list says that. (What demuxers take for the end
    /// is cut to the length of the track without its reordering.)
    pub end: Option<i64>,
}

/// Looks for the edit list of the first video track.
pub(super) fn edits(file: &FileBytes) -> Edits {
    let Some(movie) = find(file, *b"moov") else { return Edits::default() };
    let mut tracks = children(movie.as_ref()).filter(|(kind, _)| kind == b"trak").map(|(_, track)| track);
    let handler = |track| child(child(track, b"mdia")?, b"hdlr")?.get(8..12);
    let video = tracks.find(|track| handler(track) == Some(b"vide"));
    let list = video.and_then(|track| child(child(track, b"edts")?, b"elst")).unwrap_or_default();
    let long = list.first() == Some(&1);
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    let (mut parts, mut ticks, mut is_open) = (0, 0u64, false);
    for entry in list.get(8..).unwrap_or_default().chunks_exact(if long { 20 } else { 12 }) {
        let (length, start) = if long { (&entry[..8], &entry[8..16]) } else { (&entry[..4], &entry[4..8]) };
        let is_shown = start.iter().any(|&byte| byte != 255);
        parts += usize::from(is_shown);
        // Fragmented files do not know the length beforehand.
        is_open |= is_shown && number(length) == 0;
        ticks = ticks.saturating_add(number(length));
    }
    let scale = child(movie.as_ref(), b"mvhd")
        .and_then(|header| header.get(if header.first() == Some(&1) { 20..24 } else { 12..16 }));
    let scale = scale.map_or(0, number);
    let end = (u128::from(ticks) * 1_000_000_000).checked_div(u128::from(scale));
    let end = end.and_then(|end| i64::try_from(end).ok()).filter(|_| parts == 1 && !is_open);
    Edits { parts, end }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    #[test]
    fn edits_of_the_video_are_counted_without_empty_ones() {
        let entry = |start: i32| [&1000u32.to_be_bytes()[..], &start.to_be_bytes(), &[0, 1, 0, 0]].concat();
        let list = [&[0; 8][..], &entry(-1), &entry(0), &entry(512)].concat();
        let track = |handler: &[u8; 4], list: &[u8]| {
            let media = boxed(b"mdia", &boxed(b"hdlr", &[&[0; 8][..], handler].concat()));
            boxed(b"trak", &[boxed(b"edts", &boxed(b"elst", list)), media].concat())
        };
        let header = boxed(b"mvhd", &[&[0; 12][..], &1000u32.to_be_bytes()].concat());
        let tracks = |list: &[u8]| [track(b"soun", &[0; 8]), track(b"vide", list), header.clone()].concat();
        let movie = boxed(b"moov", &tracks(&list));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        std::fs::write(&path, [boxed(b"free", &[0; 4]), movie].concat()).unwrap();
        let edits = || edits(&FileBytes::open(&path, 1 << 20).unwrap());
        assert_eq!(edits(), Edits { parts: 2, end: None });
        std::fs::write(&path, boxed(b"moov", &tracks(&list[..32]))).unwrap();
        assert_eq!(edits(), Edits { parts: 1, end: Some(2_000_000_000) });
        std::fs::write(&path, boxed(b"moov", &track(b"soun", &list))).unwrap();
        assert_eq!(edits(), Edits::default());
    }
}
