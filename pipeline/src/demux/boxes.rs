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

/// How many parts the edit list of the first video track has that show anything (8.6.6); 0 without a list.
pub(super) fn edits(file: &FileBytes) -> usize {
    let Some(movie) = find(file, *b"moov") else { return 0 };
    let tracks = children(movie.as_ref()).filter(|(kind, _)| kind == b"trak").map(|(_, track)| track);
    let handler = |track| child(child(track, b"mdia")?, b"hdlr")?.get(8..12);
    let video = tracks.into_iter().find(|track| handler(track) == Some(b"vide"));
    let list = video.and_then(|track| child(child(track, b"edts")?, b"elst"));
    list.map_or(0, |list| {
        let long = list.first() == Some(&1);
        let entries = list.get(8..).unwrap_or_default().chunks_exact(if long { 20 } else { 12 });
        let is_empty = |entry: &[u8]| if long { entry[8..16] == [255; 8] } else { entry[4..8] == [255; 4] };
        entries.filter(|entry| !is_empty(entry)).count()
    })
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
        let movie = boxed(b"moov", &[track(b"soun", &[0; 8]), track(b"vide", &list)].concat());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        std::fs::write(&path, [boxed(b"free", &[0; 4]), movie].concat()).unwrap();
        assert_eq!(edits(&FileBytes::open(&path, 1 << 20).unwrap()), 2);
        std::fs::write(&path, boxed(b"moov", &track(b"soun", &list))).unwrap();
        assert_eq!(edits(&FileBytes::open(&path, 1 << 20).unwrap()), 0);
    }
}
