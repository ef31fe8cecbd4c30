//! VP8 (RFC 6386) and VP9: key frames and frames that are not shown.
//!
//! No picture is disposable: also one that refreshes no reference saves probabilities,
//! the segmentation map or motion vectors for its followers.

use super::{Coded, Start, StreamHeader, bits::Bits};

/// What a packet of VP8 codes (RFC 6386, 9.1).
pub(super) fn vp8(packet: &[u8]) -> Coded {
    let Some(&first) = packet.first() else { return Coded { shown: false, ..Coded::UNKNOWN } };
    let start = if first & 1 == 0 { Start::Closed } else { Start::Never };
    Coded { start, shown: first >> 4 & 1 == 1, ..Coded::UNKNOWN }
}

/// What the packets of a VP9 stream code.
pub(super) fn vp9_stream(packets: impl Iterator<Item = impl AsRef<[u8]>>) -> (StreamHeader, Vec<Coded>) {
    let mut header = StreamHeader::default();
    let coded = packets.map(|packet| {
        let packet = packet.as_ref();
        header.rare_format |=
            superframe(packet).into_iter().any(|frame| halves_rows_alone(frame) == Some(true));
        vp9(packet)
    });
    let coded = coded.collect();
    (header, coded)
}

/// Whether a key frame has chroma of all columns and half the rows (4:4:0; bitstream specification 6.2.2), for which
/// GStreamer has no format. None where it is no key frame, or does not say.
fn halves_rows_alone(frame: &[u8]) -> Option<bool> {
    /// `CS_RGB` of `color_space`.
    const RGB: u32 = 7;
    let mut bits = Bits::new(frame);
    bits.skip(2);
    let (low, high) = (bits.flag()?, bits.flag()?);
    bits.skip(if low && high { 1 } else { 0 });
    let (repeats, is_inter) = (bits.flag()?, bits.flag()?);
    if !low || repeats || is_inter {
        return None;
    }
    bits.skip(2 + 24); // show_frame, error_resilient_mode, frame_sync_code
    bits.skip(if high { 1 } else { 0 }); // ten_or_twelve_bit
    if bits.number(3)? == RGB {
        return None;
    }
    bits.skip(1); // color_range
    Some([bits.flag()?, bits.flag()?] == [false, true])
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
    fn key_frames_of_vp9_say_whether_chroma_has_half_the_rows_alone() {
        // Profile 1, a key frame that is shown, the sync code, then colours: BT.601, limited range, sampling.
        let frame = |sampling: u8| [0b1010_0010, 0x49, 0x83, 0x42, 0b0100_0000 | sampling << 2];
        let rare = |sampling| vp9_stream([frame(sampling)].into_iter()).0.rare_format;
        assert_eq!([0b00, 0b01, 0b10].map(rare), [false, true, false]);
        assert!(!vp9_stream([[0b1000_0010, 0x49, 0x83, 0x42, 0b0100_0100]].into_iter()).0.rare_format);
    }
}
