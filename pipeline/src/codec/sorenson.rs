//! Sorenson Spark, the H.263 of Flash Video: how large its pictures are, which not every file says besides.

use super::{Coded, StreamHeader, bits::Bits};

/// What the packets of a stream code; frames are counted.
pub(super) fn look(packets: impl Iterator<Item = impl AsRef<[u8]>>) -> (StreamHeader, Vec<Coded>) {
    let mut header = StreamHeader::default();
    let coded = packets.map(|packet| {
        let packet = packet.as_ref();
        if let Some(size) = size(packet) {
            header.note_size(size);
        }
        Coded { shown: !packet.is_empty(), ..Coded::COUNTED }
    });
    let coded = coded.collect();
    (header, coded)
}

/// Columns and rows by the header of a picture: start code, version, number, and one of eight kinds of sizes.
fn size(packet: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::new(packet);
    if bits.number(17)? != 1 {
        return None;
    }
    bits.skip(5 + 8);
    match bits.number(3)? {
        0 => bits.number(8).zip(bits.number(8)),
        1 => bits.number(16).zip(bits.number(16)),
        2 => Some((352, 288)),
        3 => Some((176, 144)),
        4 => Some((128, 96)),
        5 => Some((320, 240)),
        6 => Some((160, 120)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_out_or_by_their_number() {
        // 17 bits of the start code, 5 of the version, 8 of the number, 3 of the kind, then the sides.
        let header = |kind: u64, sides: u64| (1u64 << 47 | kind << 31 | sides).to_be_bytes();
        assert_eq!(size(&header(5, 0)), Some((320, 240)));
        assert_eq!(size(&header(0, 64 << 23 | 48 << 15)), Some((64, 48)));
        assert_eq!(size(&header(7, 0)), None);
        assert_eq!((size(&[0xff; 8]), size(&[0, 0])), (None, None));
    }
}
