//! Where the boxes at the top of an MP4 file lie.

use std::ops::Range;

use super::{boxes::Header, clock::Clock, fault::damaged};
use crate::{
    error::VideoError,
    file::{FileBytes, FileSlice},
};

/// Bytes of a `moov` box, and of a fragment's `moof`, that are read; that of a day of video has some 50 MB.
const LARGEST: u64 = 128 << 20;

/// Bytes of a `sidx` box that are read: it cannot have more than 65,535 entries of 12.
const LARGEST_INDEX: u64 = 1 << 20;

/// Fragments and their indices: six days of one a second.
const MOST_FRAGMENTS: usize = 1 << 19;

/// The boxes that say where samples are.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The body of the first `moov` box, cut where the file ends.
    pub movie: FileSlice,
    /// The `moof` boxes with their headers.
    pub fragments: Vec<Range<u64>>,
    /// The bodies of `sidx` boxes.
    pub indices: Vec<Range<u64>>,
}

impl Layout {
    /// Walks over the file, until its end or until something is no box.
    pub(super) fn of(file: &FileBytes, clock: &Clock) -> Result<Self, VideoError> {
        let (mut movie, mut fragments, mut indices) = (None, Vec::new(), Vec::new());
        let (mut at, length) = (0u64, file.length());
        while at < length {
            clock.tick()?;
            let Some(Header { kind, size, body }) =
                Header::read(file.slice(at..at + 16).as_ref(), length - at)
            else {
                break;
            };
            let Some(end) = at.checked_add(size) else { break };
            match &kind {
                b"moov" if movie.is_none() => movie = Some(at + body..end),
                b"moof" => fragments.push(at..end),
                b"sidx" => indices.push(at + body..end.min(at + LARGEST_INDEX)),
                _ => {}
            }
            if fragments.len() + indices.len() > MOST_FRAGMENTS {
                return Err(damaged(format!("it has more than {MOST_FRAGMENTS} fragments")));
            }
            at = end;
        }
        let Some(place) = movie else {
            return Err(if at > length {
                VideoError::Truncated { reason: "the file ends before its index (moov)".to_owned() }
            } else {
                damaged("it has no index (moov)")
            });
        };
        let movie = read(file, place)?;
        Ok(Self { movie, fragments, indices })
    }
}

/// The bytes at a place, as far as the file has them.
pub(super) fn read(file: &FileBytes, place: Range<u64>) -> Result<FileSlice, VideoError> {
    if place.end.min(file.length()).saturating_sub(place.start) > LARGEST {
        return Err(damaged(format!("its index at byte {} has more than {LARGEST} bytes", place.start)));
    }
    Ok(file.slice(place))
}
