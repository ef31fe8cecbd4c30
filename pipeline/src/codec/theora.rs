//! Theora (Xiph.org, Theora specification, 6 and 7): which packets are headers, which pictures need no others, how large
//! they are.
//!
//! Frames are counted as they come out of the decoder. A packet without bytes stands for the picture before it, which
//! FFmpeg does not show again: such packets are left out where the file is taken apart. It is read from Ogg alone, whose
//! pages have check sums: the decoder takes damaged packets for good ones.

use super::{Coded, StreamHeader, bits::Bits};

/// What every header begins with, behind a byte with its kind.
const HEADER: &[u8] = b"theora";

/// The kind of the header that has the size of pictures.
const IDENTIFICATION: u8 = 0x80;

/// What the packets of a stream code, the headers first.
pub(super) fn look(packets: impl Iterator<Item = impl AsRef<[u8]>>) -> (StreamHeader, Vec<Coded>) {
    let mut header = StreamHeader::default();
    let coded = packets.map(|packet| {
        let packet = packet.as_ref();
        header.size = header.size.or_else(|| size(packet));
        Coded { shown: !is_header(packet), ..Coded::COUNTED }
    });
    let coded = coded.collect();
    (header, coded)
}

fn is_header(packet: &[u8]) -> bool {
    packet.first().is_some_and(|kind| kind & 0x80 != 0)
}

/// Columns and rows of pictures by the identification header (6.2): behind the version and the number of macroblocks.
fn size(packet: &[u8]) -> Option<(u32, u32)> {
    let (&kind, rest) = packet.split_first()?;
    let rest = rest.strip_prefix(HEADER).filter(|_| kind == IDENTIFICATION)?;
    let mut bits = Bits::new(rest.get(7..)?);
    bits.number(24).zip(bits.number(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_show_nothing_and_the_first_of_them_has_the_size() {
        let identification =
            [&[0x80][..], b"theora", &[3, 2, 1, 0, 12, 0, 10, 0, 0, 178, 0, 0, 146, 0, 0]].concat();
        let comment = [&[0x81][..], b"theora"].concat();
        let packets = [identification.as_slice(), &comment, &[0x20, 1], &[0x40, 1], &[]];
        let (header, coded) = look(packets.into_iter());
        assert_eq!(header.size, Some((178, 146)));
        let shown: Vec<_> = coded.iter().map(|coded| coded.shown).collect();
        assert_eq!(shown, [false, false, true, true, true]);
        assert_eq!(look(packets[1..].iter()).0.size, None);
    }
}
