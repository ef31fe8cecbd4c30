//! VP8 (RFC 6386), VP9 and AV1: key frames and frames that are not shown.
//!
//! No picture of VP8 and VP9 is disposable: also one that refreshes no reference saves probabilities,
//! the segmentation map or motion vectors for its followers.

use super::{Start, bits::Bits, pictures::Coded};

/// What a packet of VP8 codes (RFC 6386, 9.1).
pub(super) fn vp8(packet: &[u8]) -> Coded {
    let Some(&first) = packet.first() else { return Coded { shown: false, ..Coded::UNKNOWN } };
    let start = if first & 1 == 0 { Start::Closed } else { Start::Never };
    Coded { start, shown: first >> 4 & 1 == 1, ..Coded::UNKNOWN }
}

/// What a packet of VP9, a frame or a superframe, codes (bitstream specification 6.2, annex B).
pub(super) fn vp9(packet: &[u8]) -> Coded {
    let frames: Vec<_> = superframe(packet).into_iter().filter_map(vp9_frame).collect();
    let start = if frames.first().is_some_and(|frame| frame.0) { Start::Closed } else { Start::Never };
    let shown = frames.iter().filter(|frame| frame.1).count();
    Coded { start, shown: shown > 0, irregular: shown > 1, ..Coded::UNKNOWN }
}

/// Whether a VP9 frame is a key frame, and whether it is shown.
fn vp9_frame(frame: &[u8]) -> Option<(bool, bool)> {
    let mut bits = Bits::new(frame);
    bits.skip(2);
    let (low, high) = (bits.flag()?, bits.flag()?);
    bits.skip(if low && high { 1 } else { 0 });
    if bits.flag()? {
        return Some((false, true));
    }
    Some((!bits.flag()?, bits.flag()?))
}

/// The frames of a superframe, or the packet itself.
fn superframe(packet: &[u8]) -> Vec<&[u8]> {
    let split = || -> Option<Vec<&[u8]>> {
        let &marker = packet.last()?;
        if marker & 0xe0 != 0xc0 {
            return None;
        }
        let (frames, bytes) = (usize::from(marker & 7) + 1, usize::from(marker >> 3 & 3) + 1);
        let index = packet.len().checked_sub(2 + frames * bytes)?;
        if packet[index] != marker {
            return None;
        }
        let mut rest = &packet[..index];
        let sizes = packet[index + 1..packet.len() - 1].chunks(bytes);
        sizes
            .map(|size| {
                let size = size.iter().rev().fold(0usize, |size, &byte| size << 8 | usize::from(byte));
                let (frame, behind) = rest.split_at_checked(size)?;
                rest = behind;
                Some(frame)
            })
            .collect()
    };
    split().unwrap_or_else(|| vec![packet])
}

/// What a temporal unit of AV1 codes (bitstream specification 5.9.2, 7.20): it is a start when it has
/// a sequence header and its first frame is a key frame that is shown.
pub(super) fn av1(packet: &[u8]) -> Coded {
    let (mut sequence, mut still, mut first, mut shown) = (false, false, None, false);
    for (kind, body) in open_units(packet) {
        let mut bits = Bits::new(body);
        match kind {
            1 => {
                sequence = true;
                bits.skip(4);
                still = bits.flag().unwrap_or(false);
            }
            3 | 6 => {
                let frame = if still { Some((true, true)) } else { av1_frame(&mut bits) };
                let Some((key, is_shown)) = frame else { return Coded::UNKNOWN };
                shown |= is_shown;
                first.get_or_insert(key && is_shown);
            }
            _ => {}
        }
    }
    let start = if sequence && first == Some(true) { Start::Closed } else { Start::Never };
    Coded { start, shown, ..Coded::UNKNOWN }
}

/// Whether an AV1 frame header is that of a key frame, and whether its frame is shown.
fn av1_frame(bits: &mut Bits) -> Option<(bool, bool)> {
    if bits.flag()? {
        return Some((false, true));
    }
    Some((bits.number(2)? == 0, bits.flag()?))
}

/// Types and bodies of the open bitstream units of a temporal unit (AV1, 5.3).
fn open_units(packet: &[u8]) -> Vec<(u8, &[u8])> {
    let (mut rest, mut units) = (packet, Vec::new());
    let mut next = || -> Option<(u8, &[u8])> {
        let (&first, behind) = rest.split_first()?;
        let behind = if first >> 2 & 1 == 1 { behind.get(1..)? } else { behind };
        let (size, behind) = if first >> 1 & 1 == 1 { leb128(behind)? } else { (behind.len(), behind) };
        let (body, behind) = behind.split_at_checked(size)?;
        rest = behind;
        Some((first >> 3 & 15, body))
    };
    while let Some(unit) = next() {
        units.push(unit);
    }
    units
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    for (place, &byte) in bytes.iter().take(8).enumerate() {
        value |= usize::from(byte & 127) << (7 * place);
        if byte < 128 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vp8_frames_that_are_not_shown_are_found() {
        assert_eq!((vp8(&[0x10]).start, vp8(&[0x10]).shown), (Start::Closed, true));
        assert_eq!((vp8(&[0x01]).start, vp8(&[0x01]).shown), (Start::Never, false));
    }

    #[test]
    fn a_vp9_superframe_of_a_hidden_and_a_shown_frame_is_shown_once() {
        let (hidden, shown) = (0b1000_0100, 0b1000_0110);
        let packet = [hidden, shown, 0xc1, 1, 1, 0xc1];
        let coded = vp9(&packet);
        assert!(coded.shown && !coded.irregular && coded.start == Start::Never);
        assert!(!vp9(&[hidden, 0]).shown);
        assert_eq!(vp9(&[0b1000_0010, 0]).start, Start::Closed);
    }

    #[test]
    fn an_av1_start_needs_a_sequence_header_and_a_shown_key_frame() {
        let (sequence, key, inter) = ([0x0a, 1, 0], [0x32, 1, 0b0001_0000], [0x32, 1, 0b0011_0000]);
        assert_eq!(av1(&[sequence, key].concat()).start, Start::Closed);
        assert_eq!(av1(&key).start, Start::Never);
        assert_eq!(av1(&[sequence, inter].concat()).start, Start::Never);
        assert!(!av1(&[0x32, 1, 0b0010_0000]).shown);
    }
}
