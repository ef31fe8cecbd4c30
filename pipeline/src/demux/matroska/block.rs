//! A block of a track: the header of its bytes, and how several frames share it (RFC 9559, sections 10 and 10.3).
//!
//! ```text
//! track number │ time, 2 bytes │ flags │ (lace: how many, how long) │ frame │ frame …
//! ```
//!
//! Pure functions over the beginning of a block.

use super::element::number;

/// What stands at the beginning of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub track: u64,
    /// Relative to its cluster.
    pub time: i16,
    /// Of a simple block: it can be decoded by itself.
    pub key: bool,
    pub lacing: Lacing,
    /// Bytes that the header takes.
    pub bytes: usize,
}

/// How the lengths of the frames of a block are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacing {
    /// One frame.
    None,
    /// Sums of bytes that end with one that is not 255.
    Xiph,
    /// All are as long.
    Fixed,
    /// The first as EBML writes numbers, then the differences.
    Ebml,
}

/// The most bytes that [`BlockHeader::read`] looks at.
pub(super) const MOST_HEADER: u64 = 11;

/// The most frames of a block.
const MOST_FRAMES: usize = 256;

impl BlockHeader {
    /// Reads the header of a block that begins with `bytes`; nothing where it is not whole.
    ///
    /// The flag of frames that are not shown is left alone, as FFmpeg does: the frames themselves say it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (track, length) = number(bytes, 8)?;
        let &[high, low, flags] = bytes.get(length..length + 3)? else { return None };
        let lacing = match flags >> 1 & 3 {
            0 => Lacing::None,
            1 => Lacing::Xiph,
            2 => Lacing::Fixed,
            _ => Lacing::Ebml,
        };
        let time = i16::from_be_bytes([high, low]);
        Some(Self { track, time, key: flags & 0x80 != 0, lacing, bytes: length + 3 })
    }
}

/// The lengths of the frames of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Laces {
    /// Bytes before the first frame.
    pub bytes: usize,
    pub lengths: Vec<u64>,
}

/// The most bytes that [`Laces::read`] looks at, of a block with `length` bytes behind its header.
pub(super) fn most_lace_bytes(length: u64) -> u64 {
    length.min((8 * MOST_FRAMES) as u64 + length / 255 + 1)
}

impl Laces {
    /// Reads how long the frames are of a block with `length` bytes behind its header, which begin with `bytes`;
    /// nothing where they are not as long together.
    pub(super) fn read(lacing: Lacing, bytes: &[u8], length: u64) -> Option<Self> {
        if lacing == Lacing::None {
            return Some(Self { bytes: 0, lengths: vec![length] });
        }
        let frames = usize::from(*bytes.first()?) + 1;
        let mut lengths = Vec::with_capacity(frames);
        let mut at = 1;
        match lacing {
            Lacing::None => {}
            Lacing::Xiph => {
                for _ in 1..frames {
                    let (frame, read) = xiph_number(bytes.get(at..)?)?;
                    lengths.push(frame);
                    at += read;
                }
            }
            Lacing::Fixed => {
                let all = length.checked_sub(1)?;
                if !all.is_multiple_of(frames as u64) {
                    return None;
                }
                lengths = vec![all / frames as u64; frames - 1];
            }
            // Nothing is written of one frame; FFmpeg reads a length even so, and others do not.
            Lacing::Ebml if frames == 1 => return None,
            Lacing::Ebml => {
                let (mut frame, read) = number(bytes.get(at..)?, 8)?;
                at += read;
                lengths.push(frame);
                for _ in 2..frames {
                    let (raw, read) = number(bytes.get(at..)?, 8)?;
                    at += read;
                    let bias = (1i64 << (7 * read - 1)) - 1;
                    frame = frame.checked_add_signed(raw as i64 - bias)?;
                    lengths.push(frame);
                }
            }
        }
        let known = lengths.iter().try_fold(at as u64, |sum, &frame| sum.checked_add(frame))?;
        lengths.push(length.checked_sub(known)?);
        Some(Self { bytes: at, lengths })
    }
}

/// A number written as a sum of bytes, and how many it takes.
fn xiph_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let last = bytes.iter().position(|&byte| byte != 255)?;
    Some((255 * last as u64 + u64::from(bytes[last]), last + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_track_a_time_and_flags() {
        let header = BlockHeader::read(&[0x81, 0xff, 0xfe, 0x80, 7]).unwrap();
        let expected = BlockHeader { track: 1, time: -2, key: true, lacing: Lacing::None, bytes: 4 };
        assert_eq!(header, expected);
        let header = BlockHeader::read(&[0x41, 0x00, 0, 5, 0x06]).unwrap();
        let expected = BlockHeader { track: 256, time: 5, key: false, lacing: Lacing::Ebml, bytes: 5 };
        assert_eq!(header, expected);
        for bytes in [&[0x81, 0, 0][..], &[0, 0, 0, 0], &[]] {
            assert_eq!(BlockHeader::read(bytes), None);
        }
    }

    fn lengths(lacing: Lacing, bytes: &[u8], length: u64) -> Option<(usize, Vec<u64>)> {
        Laces::read(lacing, bytes, length).map(|laces| (laces.bytes, laces.lengths))
    }

    #[test]
    fn laces_of_every_kind_say_how_long_their_frames_are() {
        assert_eq!(lengths(Lacing::None, &[], 9), Some((0, vec![9])));
        assert_eq!(lengths(Lacing::Xiph, &[2, 255, 45, 10], 4 + 300 + 10 + 7), Some((4, vec![300, 10, 7])));
        assert_eq!(lengths(Lacing::Fixed, &[2], 31), Some((1, vec![10, 10, 10])));
        // 800, 500 (a difference of −300), the rest: the example of the standard.
        let ebml = [2, 0x43, 0x20, 0x5e, 0xd3];
        assert_eq!(lengths(Lacing::Ebml, &ebml, 5 + 800 + 500 + 1000), Some((5, vec![800, 500, 1000])));
    }

    #[test]
    fn laces_that_do_not_fit_their_block_are_none() {
        assert_eq!(lengths(Lacing::Xiph, &[2, 255, 45, 10], 300), None);
        assert_eq!(lengths(Lacing::Xiph, &[1, 255, 255], 3), None);
        assert_eq!(lengths(Lacing::Fixed, &[2], 30), None);
        assert_eq!(lengths(Lacing::Fixed, &[], 0), None);
        assert_eq!(lengths(Lacing::Ebml, &[2, 0x43, 0x20, 0x5e, 0xd3], 1000), None);
        assert_eq!(lengths(Lacing::Ebml, &[2, 0x81, 0x80], 100), None);
        assert_eq!(lengths(Lacing::Ebml, &[0, 0x81], 3), None);
    }

    #[test]
    fn as_many_bytes_are_looked_at_as_lengths_take() {
        let mut xiph = vec![255; 1 + 255 * 4];
        xiph.extend([0; 300]);
        let length = xiph.len() as u64 + 255 * 255 * 4;
        assert!(most_lace_bytes(length) >= 1 + 255 * 4 + 255);
        assert_eq!(most_lace_bytes(10), 10);
    }
}
