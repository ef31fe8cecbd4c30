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

/// What the packets of a VP9 stream code, each a frame or a superframe (bitstream specification 6.2, annex B).
pub(super) fn vp9(packets: impl Iterator<Item = impl AsRef<[u8]>>) -> (StreamHeader, Vec<Coded>) {
    let mut header = StreamHeader::default();
    let coded = packets.map(|packet| {
        let frames: Vec<_> = superframe(packet.as_ref()).into_iter().filter_map(vp9_frame).collect();
        header.rare_format |= frames.iter().any(|frame| frame.halves_rows_alone);
        let start =
            if frames.first().is_some_and(|frame| frame.is_key) { Start::Closed } else { Start::Never };
        let shown = frames.iter().filter(|frame| frame.shown).count();
        Coded { start, shown: shown > 0, irregular: shown > 1, ..Coded::UNKNOWN }
    });
    let coded = coded.collect();
    (header, coded)
}

/// What the header of a VP9 frame says.
struct Vp9Frame {
    is_key: bool,
    shown: bool,
    /// It is a key frame with chroma of all columns and half the rows (4:4:0), for which GStreamer has no format.
    halves_rows_alone: bool,
}

fn vp9_frame(frame: &[u8]) -> Option<Vp9Frame> {
    let mut bits = Bits::new(frame);
    bits.skip(2);
    let (low, high) = (bits.flag()?, bits.flag()?);
    bits.skip(if low && high { 1 } else { 0 });
    if bits.flag()? {
        return Some(Vp9Frame { is_key: false, shown: true, halves_rows_alone: false });
    }
    let (is_key, shown) = (!bits.flag()?, bits.flag()?);
    bits.skip(1 + 24); // error_resilient_mode, frame_sync_code
    // Of profiles 0 and 2, chroma always has half the columns and half the rows.
    let halves_rows_alone = is_key && low && halves_rows_alone(bits, high) == Some(true);
    Some(Vp9Frame { is_key, shown, halves_rows_alone })
}

/// Reads the sampling of chroma in a `color_config` of profile 1, or of 3 where `high` is set (6.2.2). None where it ends
/// early or has RGB.
fn halves_rows_alone(mut bits: Bits, high: bool) -> Option<bool> {
    /// `CS_RGB` of `color_space`.
    const RGB: u32 = 7;
    bits.skip(if high { 1 } else { 0 }); // ten_or_twelve_bit
    if bits.number(3)? == RGB {
        return None;
    }
    bits.skip(1); // color_range
    Some([bits.flag()?, bits.flag()?] == [false, true])
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

    fn vp9_packet(packet: &[u8]) -> Coded {
        vp9([packet].into_iter()).1[0]
    }

    #[test]
    fn vp8_frames_that_are_not_shown_are_found() {
        assert_eq!((vp8(&[0x10]).start, vp8(&[0x10]).shown), (Start::Closed, true));
        assert_eq!((vp8(&[0x01]).start, vp8(&[0x01]).shown), (Start::Never, false));
    }

    #[test]
    fn a_vp9_superframe_of_a_hidden_and_a_shown_frame_is_shown_once() {
        let (hidden, shown) = (0b1000_0100, 0b1000_0110);
        let packet = [hidden, shown, 0xc1, 1, 1, 0xc1];
        let coded = vp9_packet(&packet);
        assert!(coded.shown && !coded.irregular && coded.start == Start::Never);
        assert!(!vp9_packet(&[hidden, 0]).shown);
        assert_eq!(vp9_packet(&[0b1000_0010, 0]).start, Start::Closed);
    }

    #[test]
    fn key_frames_of_vp9_say_whether_chroma_has_half_the_rows_alone() {
        // Profile 1, a key frame that is shown, the sync code, then colours: BT.601, limited range, sampling.
        let frame = |sampling: u8| [0b1010_0010, 0x49, 0x83, 0x42, 0b0100_0000 | sampling << 2];
        let rare = |sampling| vp9([frame(sampling)].into_iter()).0.rare_format;
        assert_eq!([0b00, 0b01, 0b10].map(rare), [false, true, false]);
        assert!(!vp9([[0b1000_0010, 0x49, 0x83, 0x42, 0b0100_0100]].into_iter()).0.rare_format);
    }
}
