//! MPEG-1 and 2 (ISO 11172-2, 13818-2) and MPEG-4 part 2 (ISO 14496-2): the kinds of pictures.

use super::{
    Coded, Field, Role, Start, StreamHeader,
    bits::{Bits, start_codes},
};

/// What the packets of an MPEG-1 or MPEG-2 stream code.
///
/// A start is an intra picture behind a sequence header and a group header without `broken_link`; it
/// is closed where `closed_gop` says so (13818-2, 6.3.8). B-pictures are never referred to.
pub(super) fn mpeg2(
    setup: &[u8],
    packets: impl Iterator<Item = impl AsRef<[u8]>>,
) -> (StreamHeader, Vec<Coded>) {
    let mut header = StreamHeader::default();
    look_at(setup, &mut header);
    let mut coded: Vec<_> = Vec::new();
    for packet in packets {
        // Slices that begin again at the top are those of a picture whose own header is lost.
        if slices_go_back(packet.as_ref()) {
            header.gap.get_or_insert(coded.len() as u32);
        }
        coded.push(look_at(packet.as_ref(), &mut header));
    }
    if header.interlaced {
        coded.iter_mut().for_each(|picture| picture.disposable = false);
    }
    hide_leading(&mut coded);
    (header, coded)
}

/// What the packets of a stream of MPEG-4 part 2 code.
pub(super) fn mpeg4_stream(packets: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<Coded> {
    let mut coded: Vec<_> = packets.map(|packet| mpeg4(packet.as_ref())).collect();
    hide_leading(&mut coded);
    coded
}

/// B-pictures before the second anchor of a stream refer to one that is not there, as where it was cut at an open
/// group: libavcodec shows none of them, unless the first group is closed (`mpeg12dec.c`, `mpeg4videodec.c`).
fn hide_leading(coded: &mut [Coded]) {
    let is_closed =
        coded.iter().find(|picture| picture.shown).is_some_and(|first| first.start == Start::Closed);
    // Of irregular films frames are counted as they come.
    if is_closed || coded.iter().any(|picture| picture.irregular) {
        return;
    }
    let mut anchors = 0;
    for picture in coded.iter_mut().filter(|picture| picture.shown) {
        match picture.role {
            Role::Between => picture.shown = false,
            Role::Anchor => anchors += 1,
        }
        if anchors == 2 {
            break;
        }
    }
}

/// Whether a slice of a picture lies above the one before it, which never happens (13818-2, 6.1.2).
fn slices_go_back(packet: &[u8]) -> bool {
    let mut last = 0;
    start_codes(packet).map(|at| packet[at]).any(|code| match code {
        1..=0xaf => std::mem::replace(&mut last, code) > code,
        _ => {
            last = 0;
            false
        }
    })
}

fn look_at(packet: &[u8], header: &mut StreamHeader) -> Coded {
    let (mut sequence, mut group, mut pictures, mut kind, mut number) = (false, None, 0, 0, 0);
    let mut fields = Vec::new();
    for at in start_codes(packet) {
        let mut bits = Bits::new(&packet[at + 1..]);
        match packet[at] {
            0x00 => {
                pictures += 1;
                number = bits.number(10).unwrap_or(0);
                kind = bits.number(3).unwrap_or(0);
            }
            0xb3 => {
                sequence = true;
                if let (Some(width), Some(height)) = (bits.number(12), bits.number(12)) {
                    header.note_size((width, height));
                }
            }
            0xb8 => {
                bits.skip(25);
                group = bits.flag().zip(bits.flag());
            }
            0xb5 => match bits.number(4) {
                // Sequence extension: progressive_sequence behind profile and level.
                Some(1) => {
                    bits.skip(8);
                    header.interlaced |= bits.flag() == Some(false);
                }
                // Picture coding extension: picture_structure behind four f_codes and the precision.
                Some(8) => {
                    bits.skip(18);
                    let parity = bits.number(2).filter(|structure| *structure != 3);
                    fields.extend(parity.map(|structure| Field { bottom: structure == 2, number }));
                }
                _ => {}
            },
            _ => {}
        }
    }
    let start = match group {
        Some((true, false)) if sequence && kind == 1 => Start::Closed,
        Some((false, false)) | None if sequence && kind == 1 => Start::Open,
        _ => Start::Never,
    };
    Coded {
        start,
        disposable: pictures == 1 && kind == 3 && !sequence && group.is_none(),
        shown: pictures > 0,
        role: if kind == 3 { Role::Between } else { Role::Anchor },
        irregular: !fields.is_empty() || pictures > 1,
        field: if let [field] = fields[..] { Some(field) } else { None },
        recovers: false,
    }
}

/// What a packet of MPEG-4 part 2 codes.
///
/// A start is an intra picture; B-pictures behind it may need the anchor before. Packets of two
/// pictures ("packed") and those too short for one (not coded, at most 7 bytes) are irregular.
fn mpeg4(packet: &[u8]) -> Coded {
    let starts = start_codes(packet).filter(|&at| packet[at] == 0xb6);
    let pictures: Vec<u8> = starts.filter_map(|at| packet.get(at + 1)).map(|byte| byte >> 6).collect();
    let only = |kind| pictures == [kind];
    Coded {
        start: if only(0) { Start::Open } else { Start::Never },
        disposable: only(2),
        shown: !pictures.is_empty(),
        role: if pictures.first() == Some(&2) { Role::Between } else { Role::Anchor },
        irregular: pictures.len() != 1 || packet.len() <= 7,
        field: None,
        recovers: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b_pictures_before_the_second_anchor_are_shown_of_closed_groups_only() {
        let shown = |first: Start, roles: &[Role]| -> Vec<bool> {
            let picture = |role: &Role| Coded { role: *role, ..Coded::UNKNOWN };
            let mut coded: Vec<_> = roles.iter().map(picture).collect();
            coded[0].start = first;
            hide_leading(&mut coded);
            coded.iter().map(|picture| picture.shown).collect()
        };
        use Role::{Anchor, Between};
        let cut = [Anchor, Between, Between, Anchor, Between];
        assert_eq!(shown(Start::Open, &cut), [true, false, false, true, true]);
        assert_eq!(shown(Start::Closed, &cut), [true; 5]);
        assert_eq!(shown(Start::Open, &[Anchor, Anchor, Between]), [true; 3]);
    }

    /// Sequence header of 320x240, group header with `flags` (closed 40, broken 20), intra picture.
    fn intra(flags: u8) -> Vec<u8> {
        let sequence = [0, 0, 1, 0xb3, 0x14, 0x00, 0xf0, 0x13];
        let group = [0, 0, 1, 0xb8, 0, 0, 0, flags];
        [&sequence[..], &group, &picture(1)].concat()
    }

    fn picture(kind: u8) -> Vec<u8> {
        vec![0, 0, 1, 0x00, 0, kind << 3, 0xff, 0xf8]
    }

    #[test]
    fn slices_that_begin_again_show_a_lost_picture() {
        let slices = |rows: &[u8]| rows.iter().flat_map(|&row| [0, 0, 1, row, 0xff]).collect::<Vec<_>>();
        let packet = |rows: &[u8]| [picture(2), slices(rows)].concat();
        let packets = [packet(&[1, 2, 2, 3]), packet(&[1, 2, 3, 1, 2]), packet(&[1, 2])];
        let (header, _) = mpeg2(&[], packets.iter().map(Vec::as_slice));
        assert_eq!(header.gap, Some(1));
        // A second field has a header of its own.
        assert!(!slices_go_back(&[packet(&[1, 2]), packet(&[1, 2])].concat()));
    }

    #[test]
    fn fields_are_told_by_parity_and_temporal_reference() {
        // A picture of temporal reference 5 with its extension, whose structure is the last two bits of 24.
        let field = |structure: u8| {
            [
                &[0, 0, 1, 0, 1, 0x40 | 1 << 3, 0xff, 0xf8][..],
                &[0, 0, 1, 0xb5, 0x8f, 0xff, 0xf0 | structure, 0, 0],
            ]
            .concat()
        };
        let packets = [field(1), field(2), field(3), [field(1), field(2)].concat()];
        let (_, coded) = mpeg2(&[], packets.iter().map(Vec::as_slice));
        let of = |bottom| Some(Field { bottom, number: 5 });
        assert_eq!(
            coded.iter().map(|coded| coded.field).collect::<Vec<_>>(),
            [of(false), of(true), None, None]
        );
        assert_eq!(coded.iter().map(|coded| coded.irregular).collect::<Vec<_>>(), [true, true, false, true]);
    }

    #[test]
    fn groups_are_closed_open_or_broken() {
        let packets = [intra(0x40), intra(0), intra(0x20)];
        let (header, coded) = mpeg2(&[], packets.iter().map(Vec::as_slice));
        let starts: Vec<_> = coded.iter().map(|picture| picture.start).collect();
        assert_eq!(starts, [Start::Closed, Start::Open, Start::Never]);
        assert_eq!(header.size, Some((320, 240)));
    }

    #[test]
    fn only_b_pictures_are_disposable() {
        let packets = [picture(1), picture(2), picture(3)];
        let (_, coded) = mpeg2(&[], packets.iter().map(Vec::as_slice));
        let disposable: Vec<_> = coded.iter().map(|picture| picture.disposable).collect();
        assert_eq!(disposable, [false, false, true]);
    }

    #[test]
    fn packed_and_empty_packets_are_irregular() {
        let one = [0, 0, 1, 0xb6, 0x80, 1, 2, 3, 4];
        assert!(mpeg4(&one).disposable && !mpeg4(&one).irregular);
        assert!(mpeg4(&[one, one].concat()).irregular);
        assert!(mpeg4(&one[..7]).irregular);
    }
}
