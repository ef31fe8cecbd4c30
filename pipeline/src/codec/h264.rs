//! H.264 (ITU-T H.264): instantaneous refresh pictures, pictures that are no reference, the size.
//!
//! A packet is a trusted start when all its slices are of NAL type 5 (7.4.1.2.4), and disposable when
//! `nal_ref_idc` is 0 in all of them (7.4.1): such a picture is not used for prediction, and neither
//! `frame_num` (7.4.3) nor reference marking (8.2.5) advances with it.

use super::{
    Coded, Field, Start, StreamHeader,
    bits::{Bits, Framing, MOST_UNITS, framing_as_written, nal_units, raw_bytes},
    is_rare,
    recovery::{Marks, Recovery},
    sei::{self, Turns},
};

/// Profiles whose pictures may be left out: Baseline, Main, Extended, High to High 4:4:4 and their
/// intra variants (annex A). Scalable and multi-view ones are decoded whole.
const KNOWN_PROFILES: [u32; 8] = [66, 77, 88, 100, 110, 122, 244, 44];

/// Profiles whose parameter sets say how chroma is sampled (7.3.2.1.1).
const PROFILES_WITH_CHROMA: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// What a sequence parameter set says (7.3.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sequence {
    profile: u32,
    frame_number_bits: u32,
    separate_planes: bool,
    gaps_allowed: bool,
    frames_only: bool,
    size: (u32, u32),
    left: Option<(u32, u32)>,
    rare_format: bool,
}

/// What the packets of an H.264 stream code. `setup` is the body of an `avcC` box, or empty.
pub(super) fn look(
    framing: Framing,
    setup: &[u8],
    packets: impl Iterator<Item = impl AsRef<[u8]>>,
) -> (StreamHeader, Vec<Coded>) {
    let mut header = StreamHeader::default();
    let mut known = true;
    let mut note = |sequence: &Sequence| {
        header.note_size(sequence.size);
        header.interlaced |= !sequence.frames_only;
        header.left = header.left.or(sequence.left);
        header.rare_format |= sequence.rare_format;
        known &= KNOWN_PROFILES.contains(&sequence.profile);
    };
    let mut sequence = sequence_of_setup(setup);
    sequence.iter().for_each(&mut note);
    let mut numbers = FrameNumbers::default();
    let (mut turns, mut recovery) = (Turns::default(), Recovery::default());
    let (mut written, mut crowded) = (framing, None);
    let mut coded: Vec<Coded> = packets
        .map(|packet| {
            written = framing_as_written(packet.as_ref(), framing, written);
            let Some(units) = nal_units(packet.as_ref(), written) else { return Coded::UNKNOWN };
            if let Some(found) = units.iter().rev().find_map(|unit| sequence_of(unit)) {
                note(&found);
                sequence = Some(found);
            }
            if units.len() > MOST_UNITS {
                crowded.get_or_insert(numbers.packets);
            }
            numbers.note(&units, sequence.as_ref());
            units.iter().filter_map(|unit| sei::turn_in_h264(unit)).for_each(|turn| turns.note(turn));
            let recovers =
                !recovery.is_over() && marks_of(&units).is_some_and(|marks| recovery.is_reached_by(marks));
            Coded { recovers, ..look_at(&units, sequence.as_ref()) }
        })
        .collect();
    if header.interlaced || !known {
        coded.iter_mut().for_each(|picture| picture.disposable = false);
    }
    header.gap = numbers.gap;
    header.crowded = crowded;
    header.turns = turns;
    (header, coded)
}

/// Follows `frame_num`, which advances by one after each reference picture (7.4.3), and so shows where
/// packets are missing. Decoders invent pictures there, and do not always say so.
#[derive(Default)]
struct FrameNumbers {
    packets: u32,
    /// That of the last reference picture.
    last: Option<u32>,
    gap: Option<u32>,
}

impl FrameNumbers {
    fn note(&mut self, units: &[&[u8]], sequence: Option<&Sequence>) {
        self.packets += 1;
        let slice = units.iter().find(|unit| unit.first().is_some_and(|first| matches!(first & 31, 1 | 5)));
        let (Some(slice), Some(sequence)) = (slice, sequence) else { return };
        let number = frame_number_of(slice, sequence).filter(|_| sequence.frames_only);
        let Some(number) = number.filter(|_| !sequence.gaps_allowed) else {
            self.last = None;
            return;
        };
        let after = |last: u32| (last + 1) % (1 << sequence.frame_number_bits);
        // 0 and 1 also follow a picture that resets the count (memory management operation 5).
        let follows = |last: u32| number == last || number == after(last) || number <= 1;
        if self.last.is_some_and(|last| !follows(last)) {
            self.gap.get_or_insert(self.packets - 1);
        }
        if slice[0] >> 5 & 3 != 0 {
            self.last = Some(number);
        }
    }
}

/// `frame_num` of a slice (7.3.3).
fn frame_number_of(unit: &[u8], sequence: &Sequence) -> Option<u32> {
    let raw = raw_bytes(unit, 32);
    let mut bits = Bits::new(raw.get(1..)?);
    slice_frame_number(&mut bits, sequence)
}

/// Reads a slice header up to and with `frame_num`.
fn slice_frame_number(bits: &mut Bits, sequence: &Sequence) -> Option<u32> {
    for _first_macroblock_kind_and_parameter_set in 0..3 {
        bits.unsigned()?;
    }
    bits.skip(if sequence.separate_planes { 2 } else { 0 });
    bits.number(sequence.frame_number_bits)
}

/// What the picture of a packet says of itself, by its first slice and the messages.
fn marks_of(units: &[&[u8]]) -> Option<Marks> {
    let slice =
        units.iter().find(|unit| unit.first().is_some_and(|first| matches!(first & 31, 1 | 2 | 5)))?;
    let raw = raw_bytes(slice, 32);
    let mut bits = Bits::new(raw.get(1..)?);
    bits.unsigned()?; // first_mb_in_slice
    Some(Marks {
        is_reference: slice[0] >> 5 & 3 != 0,
        // I and SI (table 7-6).
        is_intra: matches!(bits.unsigned()? % 5, 2 | 4),
        refreshes: slice[0] & 31 == 5,
        stated: units.iter().rev().find_map(|unit| sei::recovery_point_in_h264(unit)),
    })
}

fn look_at(units: &[&[u8]], sequence: Option<&Sequence>) -> Coded {
    let (mut slices, mut refreshing, mut referred, mut others) = (0, 0, 0, 0);
    let mut first_refreshes = false;
    let (mut fields, mut field) = ([false; 2], None);
    for unit in units {
        let Some(&first) = unit.first() else { continue };
        match first & 31 {
            kind @ (1 | 2 | 5) => {
                first_refreshes |= slices == 0 && kind == 5;
                slices += 1;
                refreshing += u32::from(kind == 5);
                referred += u32::from(first >> 5 & 3 != 0);
                if let Some(found) = sequence.and_then(|sequence| field_of(unit, sequence)) {
                    fields[usize::from(found.bottom)] = true;
                    field = Some(found);
                }
            }
            3 | 4 => referred += u32::from(first >> 5 & 3 != 0),
            // Supplementary information, access unit delimiter, filler: nothing that pictures need. Nor do they
            // need other layers and views (annexes F to H), whose units no decoder here looks at.
            sei::IN_H264 | 9 | 12 | 14 | 15 | 20 | 21 => {}
            _ => others += 1,
        }
    }
    // The second field of a refresh picture may refer to its first.
    let refreshes = refreshing == slices || (first_refreshes && fields == [true; 2]);
    Coded {
        start: if slices > 0 && refreshes { Start::Closed } else { Start::Never },
        disposable: slices > 0 && referred == 0 && others == 0,
        shown: slices > 0,
        irregular: fields[0] != fields[1],
        field: field.filter(|_| fields[0] != fields[1]),
        ..Coded::UNKNOWN
    }
}

/// The field that a slice is of, nothing for one of a frame (7.3.3).
fn field_of(unit: &[u8], sequence: &Sequence) -> Option<Field> {
    if sequence.frames_only {
        return None;
    }
    let raw = raw_bytes(unit, 32);
    let mut bits = Bits::new(raw.get(1..)?);
    let number = slice_frame_number(&mut bits, sequence)?;
    if bits.flag()? { Some(Field { bottom: bits.flag()?, number }) } else { None }
}

/// The first sequence parameter set in an `avcC` box (ISO 14496-15, 5.3.3.1).
fn sequence_of_setup(setup: &[u8]) -> Option<Sequence> {
    let length = u16::from_be_bytes([*setup.get(6)?, *setup.get(7)?]);
    sequence_of(setup.get(8..8 + usize::from(length))?)
}

fn sequence_of(unit: &[u8]) -> Option<Sequence> {
    if unit.first()? & 31 != 7 {
        return None;
    }
    let raw = raw_bytes(unit, 1024);
    let mut bits = Bits::new(raw.get(1..)?);
    let profile = bits.number(8)?;
    bits.skip(16);
    bits.unsigned()?; // seq_parameter_set_id
    let (sampling, separate_planes, depth) =
        if PROFILES_WITH_CHROMA.contains(&profile) { chroma(&mut bits)? } else { (1, false, 8) };
    let frame_number_bits = bits.unsigned()?.checked_add(4)?;
    match bits.unsigned()? {
        0 => drop(bits.unsigned()?),
        1 => {
            bits.skip(1);
            bits.signed()?;
            bits.signed()?;
            for _ in 0..bits.unsigned()?.min(255) {
                bits.signed()?;
            }
        }
        _ => {}
    }
    bits.unsigned()?; // max_num_ref_frames
    let gaps_allowed = bits.flag()?;
    let columns = bits.unsigned()?.checked_add(1)?.checked_mul(16)?;
    let rows = bits.unsigned()?.checked_add(1)?.checked_mul(16)?;
    let frames_only = bits.flag()?;
    bits.skip(if frames_only { 1 } else { 2 });
    let [left, right] = if bits.flag()? { [bits.unsigned()?, bits.unsigned()?] } else { [0; 2] };
    // CropUnitX (7.4.2.1.1): chroma of 4:2:0 and 4:2:2 halves the columns.
    let unit = if matches!(sampling, 1 | 2) { 2 } else { 1 };
    let (left, right) = (left.checked_mul(unit)?, right.checked_mul(unit)?);
    let visible = columns.checked_sub(left.checked_add(right)?)?;
    Some(Sequence {
        profile,
        frame_number_bits: frame_number_bits.min(16),
        separate_planes,
        gaps_allowed,
        frames_only,
        size: (columns, rows.checked_mul(if frames_only { 1 } else { 2 })?),
        left: (left > 0).then_some((left, visible)),
        rare_format: is_rare(sampling, depth),
    })
}

/// Reads past chroma sampling, depths and scaling lists; gives `chroma_format_idc`, `separate_colour_plane_flag` and the
/// bits of a luma sample.
fn chroma(bits: &mut Bits) -> Option<(u32, bool, u32)> {
    let sampling = bits.unsigned()?;
    let separate_planes = sampling == 3 && bits.flag()?;
    let depth = bits.unsigned()?.checked_add(8)?;
    bits.unsigned()?; // bit_depth_chroma_minus8
    bits.skip(1);
    if bits.flag()? {
        for list in 0..if sampling == 3 { 12 } else { 8 } {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some((sampling, separate_planes, depth))
}

/// Reads past a scaling list (7.3.2.1.1.1).
fn skip_scaling_list(bits: &mut Bits, size: usize) -> Option<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            next = last.checked_add(bits.signed()?)?.rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Orientation;

    fn look_at_one(units: &[&[u8]]) -> Coded {
        let framed = units.iter().map(|unit| [&[0, unit.len() as u8], *unit].concat());
        let packet = framed.collect::<Vec<_>>().concat();
        look(Framing::Lengths(2), &[], [packet.as_slice()].into_iter()).1[0]
    }

    #[test]
    fn only_refresh_pictures_are_starts() {
        assert_eq!(look_at_one(&[&[0x67, 66], &[0x65, 1], &[0x65, 2]]).start, Start::Closed);
        assert_eq!(look_at_one(&[&[0x65, 1], &[0x41, 2]]).start, Start::Never);
    }

    #[test]
    fn a_picture_is_disposable_when_no_slice_is_a_reference_and_nothing_else_is_there() {
        assert!(look_at_one(&[&[0x01, 1], &[0x01, 2]]).disposable);
        assert!(look_at_one(&[&[0x06, 1], &[0x01, 2]]).disposable);
        assert!(!look_at_one(&[&[0x01, 1], &[0x21, 2]]).disposable);
        assert!(!look_at_one(&[&[0x68, 1], &[0x01, 2]]).disposable);
    }

    #[test]
    fn units_of_other_layers_change_nothing() {
        // A prefix, a subset of parameters, a slice of a scalable layer.
        let others: [&[u8]; 3] = [&[0x6e, 1, 2, 3], &[0x6f, 83], &[0x74, 1, 2, 3]];
        let base: [&[u8]; 1] = [&[0x01, 1]];
        let alone = look_at_one(&base);
        assert!(alone.disposable && alone.shown);
        assert_eq!(look_at_one(&[others[0], others[1], base[0], others[2]]), alone);
        assert!(!look_at_one(&others).shown);
        assert_eq!(look_at_one(&[others[0], &[0x65, 1], others[2]]).start, Start::Closed);
    }

    #[test]
    fn a_slice_behind_a_start_code_in_a_unit_counts() {
        assert_eq!(look_at_one(&[&[0x6e, 1, 2, 3, 0, 0, 1, 0x65, 1]]).start, Start::Closed);
    }

    #[test]
    fn orientation_is_read_from_supplemental_information() {
        let turned = |angle: u8| [0x06, 47, 3, angle >> 3, angle << 5, 0x0a, 0x80];
        let packets = [(0x40, 0x65), (0x40, 0x41), (0x80, 0x41)].map(|(angle, slice)| {
            let turned = turned(angle);
            [&[turned.len() as u8], &turned[..], &[2, slice, 1]].concat()
        });
        let turns = look(Framing::Lengths(1), &[], packets.iter()).0.turns;
        let quarter =
            |quarter_turns| Some(sei::Turn::Quarter(Orientation { quarter_turns, mirrored: false }));
        assert_eq!(turns, Turns { first: quarter(3), other: quarter(2) });
    }

    #[test]
    fn a_packet_without_a_slice_shows_nothing() {
        assert!(!look_at_one(&[&[0x06, 1]]).shown);
    }

    #[test]
    fn a_jump_of_the_frame_number_is_a_gap() {
        let sequence = [0x67, 0x64, 0x00, 0x0d, 0xac, 0xd9, 0x41, 0x41, 0xfb, 0x01, 0x10];
        let bits = sequence_of(&sequence).unwrap().frame_number_bits;
        // Reference slices: first macroblock, kind, parameter set (all 0, one bit each), frame number.
        let slice = |number: u32| {
            let number = (0b111 << 29) | (number << (29 - bits));
            [&[0x41], &number.to_be_bytes()[..]].concat()
        };
        let gap_of = |numbers: &[u32]| {
            let mut followed = FrameNumbers::default();
            for &number in numbers {
                followed.note(&[&slice(number)], sequence_of(&sequence).as_ref());
            }
            followed.gap
        };
        assert_eq!(gap_of(&[0, 1, 2, 3, 3, 4]), None);
        assert_eq!(gap_of(&[0, 1, 2, 4]), Some(3));
        assert_eq!(gap_of(&[0, 1, (1 << bits) - 1, 0]), Some(2));
    }

    #[test]
    fn the_size_is_read_from_the_sequence_parameter_set() {
        // x264, High profile, 20 by 15 macroblocks, frames only, no cropping.
        let unit = [0x67, 0x64, 0x00, 0x0d, 0xac, 0xd9, 0x41, 0x41, 0xfb, 0x01, 0x10];
        let sequence = sequence_of(&unit).unwrap();
        assert_eq!((sequence.size, sequence.frames_only), ((320, 240), true));
    }
}
