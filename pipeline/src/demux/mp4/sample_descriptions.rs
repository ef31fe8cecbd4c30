//! Films whose samples belong to several sample entries that differ only in their decoder configuration.
//!
//! A decoder is told one configuration before the first packet. The parameter sets of the others stand before each
//! of their packets then, where those of `avc3` and `hev1` stand anyway, so that decoding may begin anywhere.

use super::{
    boxes::Fields,
    entry::{Entry, Media},
};
use crate::codec::bits::Framing;

/// The parameter sets of an entry (ISO 14496-15, 5.3.3 and 8.3.3), each with its length before it as in its packets;
/// nothing where there are none, or lengths are not in `framing`.
pub(super) fn parameter_sets(entry: &Entry, framing: Framing) -> Option<Vec<u8>> {
    let Framing::Lengths(width) = framing else { return None };
    let mut fields = Fields(&entry.setup);
    let mut sets = Vec::new();
    let mut units = |fields: &mut Fields<'_>, count: u16| {
        for _ in 0..count {
            let length = fields.short()?;
            let number = u32::from(length).to_be_bytes();
            if length == 0 || (width == 1 && length > 255) {
                return None;
            }
            sets.extend_from_slice(number.get(4 - usize::from(width)..)?);
            sets.extend_from_slice(fields.bytes(length.into())?);
        }
        Some(())
    };
    let has_width = |byte: u8| (byte & 3) + 1 == width;
    match entry.media? {
        Media::H264 => {
            fields.skip(4)?;
            has_width(fields.byte()?).then_some(())?;
            let count = fields.byte()? & 31;
            units(&mut fields, count.into())?;
            let count = fields.byte()?;
            units(&mut fields, count.into())?;
        }
        Media::Hevc { .. } => {
            fields.skip(21)?;
            has_width(fields.byte()?).then_some(())?;
            for _ in 0..fields.byte()? {
                fields.skip(1)?;
                let count = fields.short()?;
                units(&mut fields, count)?;
            }
        }
        _ => return None,
    }
    (!sets.is_empty()).then_some(sets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::mp4::test_films::{boxed, entries, entry};

    fn sets(format: &[u8; 4], kind: &[u8; 4], setup: &[u8], width: u8) -> Option<Vec<u8>> {
        let all = Entry::read_all(&entries(&[entry(format, &boxed(kind, setup))])[8..]).unwrap();
        parameter_sets(&all[0], Framing::Lengths(width))
    }

    #[test]
    fn parameter_sets_are_framed_as_the_packets_are() {
        let avc = [1, 100, 0, 13, 0xff, 0xe1, 0, 2, 0x67, 5, 1, 0, 1, 0x68];
        assert_eq!(sets(b"avc1", b"avcC", &avc, 4), Some(vec![0, 0, 0, 2, 0x67, 5, 0, 0, 0, 1, 0x68]));
        assert_eq!(sets(b"avc1", b"avcC", &avc, 2), None);
        assert_eq!(sets(b"avc1", b"avcC", &avc[..9], 4), None);
        assert_eq!(sets(b"jpeg", b"glbl", &avc, 4), None);
        let mut hevc = vec![0; 23];
        (hevc[21], hevc[22]) = (1, 2);
        hevc.extend([0x20, 0, 1, 0, 1, 0x40, 0x21, 0, 1, 0, 2, 0x42, 9]);
        assert_eq!(sets(b"hvc1", b"hvcC", &hevc, 2), Some(vec![0, 1, 0x40, 0, 2, 0x42, 9]));
    }
}
