//! HEVC (ITU-T H.265): random-access pictures, sub-layer non-reference pictures, the size.
//!
//! NAL types 19 and 20 (instantaneous refresh) are closed starts; clean random access (21) and broken
//! link (16 to 18) pictures are open ones. A picture of an even type up to 14 (table 7-1) is not
//! referred to in its own temporal layer; it is disposable when no layer is above its own.
//!
//! Of further views and quality layers (annexes F to I; spatial video of telephones) no decoder here takes any notice,
//! and neither does this.

use super::{
    Coded, Start, StreamHeader,
    bits::{Bits, Framing, MOST_UNITS, nal_units, raw_bytes},
    is_rare, sei,
};

/// What the packets of an HEVC stream code. `setup` is the body of an `hvcC` box, or empty.
pub(super) fn look(
    framing: Framing,
    setup: &[u8],
    packets: impl Iterator<Item = impl AsRef<[u8]>>,
) -> (StreamHeader, Vec<Coded>) {
    let mut header = StreamHeader::default();
    for unit in units_of_setup(setup).into_iter().filter(|unit| is_of_base_layer(unit)) {
        note_sequence(unit, &mut header);
        note_turn(unit, &mut header);
    }
    let mut layers = Vec::new();
    let (mut skipped, mut is_over) = (Skipped::AtTheBeginning, false);
    let mut coded: Vec<Coded> = packets
        .map(|packet| {
            let Some(mut units) = nal_units(packet.as_ref(), framing) else {
                layers.push(0);
                return Coded::UNKNOWN;
            };
            if units.len() > MOST_UNITS {
                header.crowded.get_or_insert(layers.len() as u32);
            }
            units.retain(|unit| is_of_base_layer(unit));
            for unit in &units {
                note_sequence(unit, &mut header);
                note_turn(unit, &mut header);
            }
            let before = is_over;
            let (picture, layer) = look_at(&units, &mut skipped, &mut is_over);
            let begins_anew = before || units.first().is_some_and(|unit| is_end(unit));
            header.restarts |= begins_anew && units.iter().any(|unit| unit[0] >> 1 & 63 == 21);
            layers.push(layer);
            picture
        })
        .collect();
    let highest = layers.iter().copied().max().unwrap_or(0);
    for (picture, layer) in coded.iter_mut().zip(layers) {
        picture.disposable &= layer == highest && !header.interlaced;
    }
    (header, coded)
}

/// Whether `nuh_layer_id` is 0 (7.4.2.2).
fn is_of_base_layer(unit: &[u8]) -> bool {
    matches!(unit, &[first, second, ..] if first & 1 == 0 && second >> 3 == 0)
}

fn note_turn(unit: &[u8], header: &mut StreamHeader) {
    if let Some(turn) = sei::turn_in_hevc(unit) {
        header.turns.note(turn);
    }
}

/// What becomes of skipped leading pictures (RASL, 8.1.3) behind the last random-access picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Skipped {
    /// There was no such picture yet.
    AtTheBeginning,
    /// They are dropped: it is the first of the stream, or breaks the link.
    Dropped,
    /// They are shown.
    Shown,
}

/// Whether it is the end of a sequence or of the stream (7.4.2.2).
fn is_end(unit: &[u8]) -> bool {
    unit.first().is_some_and(|first| matches!(first >> 1 & 63, 36 | 37))
}

/// What a packet holds. `is_over`: whether the sequence ended with the packet before, after which a picture stands as at the
/// beginning (8.1.3); then whether it ends with this one.
fn look_at(units: &[&[u8]], skipped: &mut Skipped, is_over: &mut bool) -> (Coded, u8) {
    let (mut layer, mut others, mut kinds) = (0, false, Vec::new());
    let mut begins_anew = std::mem::take(is_over);
    for (number, unit) in units.iter().enumerate() {
        let &[first, second, ..] = *unit else { continue };
        match first >> 1 & 63 {
            // End of the sequence, or of the stream: at the head of a packet it belongs to what was before.
            _ if is_end(unit) => {
                others = true;
                begins_anew |= number == 0;
                *is_over |= number > 0;
            }
            kind @ 0..=31 => {
                kinds.push(kind);
                layer = layer.max((second & 7).saturating_sub(1));
            }
            // Delimiter, filler and supplementary information: nothing that pictures need.
            35 | 38 | sei::IN_HEVC | 40 => {}
            _ => others = true,
        }
    }
    let all = |wanted: fn(&u8) -> bool| !kinds.is_empty() && kinds.iter().all(wanted);
    let start = if all(|kind| matches!(kind, 19 | 20)) {
        Start::Closed
    } else if all(|kind| matches!(kind, 16..=18 | 21)) {
        Start::Open
    } else {
        Start::Never
    };
    let dropped = *skipped == Skipped::Dropped && all(|kind| matches!(kind, 8 | 9));
    let shown = !kinds.is_empty() && !dropped;
    if start != Start::Never {
        let breaks =
            begins_anew || *skipped == Skipped::AtTheBeginning || all(|kind| matches!(kind, 16..=18));
        *skipped = if breaks { Skipped::Dropped } else { Skipped::Shown };
    }
    let disposable = all(|kind| *kind <= 14 && kind % 2 == 0) && !others;
    (Coded { start, disposable, shown, ..Coded::UNKNOWN }, layer)
}

/// The NAL units in an `hvcC` box (ISO 14496-15, 8.3.3.1).
fn units_of_setup(setup: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let mut walk = || -> Option<()> {
        let mut rest = setup.get(23..)?;
        for _ in 0..setup[22] {
            let count = u16::from_be_bytes([*rest.get(1)?, *rest.get(2)?]);
            rest = &rest[3..];
            for _ in 0..count {
                let length = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
                units.push(rest.get(2..2 + usize::from(length))?);
                rest = &rest[2 + usize::from(length)..];
            }
        }
        Some(())
    };
    walk();
    units
}

/// Takes size and scan from a sequence parameter set (7.3.2.2.1); leaves other units alone.
fn note_sequence(unit: &[u8], header: &mut StreamHeader) {
    if unit.first().is_none_or(|first| first >> 1 & 63 != 33) {
        return;
    }
    let raw = raw_bytes(unit, 512);
    let mut read = || -> Option<()> {
        let mut bits = Bits::new(raw.get(2..)?);
        bits.skip(4);
        let layers = bits.number(3)?;
        bits.skip(1);
        bits.skip(8 + 32); // profile space, tier, profile, compatibility flags
        let (progressive, interlaced) = (bits.flag()?, bits.flag()?);
        bits.skip(2 + 43 + 1 + 8); // packed and frame-only flags, reserved bits, level
        let present: Vec<_> =
            (0..layers).map(|_| Some((bits.flag()?, bits.flag()?))).collect::<Option<_>>()?;
        bits.skip(if layers > 0 { 2 * (8 - layers as usize) } else { 0 });
        for (profile, level) in present {
            bits.skip(if profile { 88 } else { 0 });
            bits.skip(if level { 8 } else { 0 });
        }
        bits.unsigned()?; // sps_seq_parameter_set_id
        let sampling = bits.unsigned()?;
        if sampling == 3 {
            bits.skip(1);
        }
        let (width, height) = (bits.unsigned()?, bits.unsigned()?);
        header.note_size((width, height));
        if bits.flag()? {
            // SubWidthC (table 6-1): chroma of 4:2:0 and 4:2:2 halves the columns.
            let unit = if matches!(sampling, 1 | 2) { 2 } else { 1 };
            let left = bits.unsigned()?.checked_mul(unit)?;
            let right = bits.unsigned()?.checked_mul(unit)?;
            let visible = width.checked_sub(left.checked_add(right)?)?;
            header.left = header.left.or((left > 0).then_some((left, visible)));
        }
        header.interlaced |= interlaced && !progressive;
        let depth = bits.unsigned()?.checked_add(8)?;
        header.rare_format |= is_rare(sampling, depth);
        Some(())
    };
    read();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Orientation;

    fn look_at_packets(packets: &[[u8; 2]]) -> Vec<Coded> {
        let packets: Vec<[u8; 3]> = packets.iter().map(|unit| [2, unit[0], unit[1]]).collect();
        look(Framing::Lengths(1), &[], packets.iter().map(|packet| packet.as_slice())).1
    }

    #[test]
    fn refresh_pictures_are_closed_and_clean_random_access_pictures_open_starts() {
        let coded = look_at_packets(&[[19 << 1, 1], [1 << 1, 1], [21 << 1, 1]]);
        let starts: Vec<_> = coded.iter().map(|picture| picture.start).collect();
        assert_eq!(starts, [Start::Closed, Start::Never, Start::Open]);
    }

    #[test]
    fn a_non_reference_picture_below_the_highest_layer_is_kept() {
        let coded = look_at_packets(&[[19 << 1, 1], [0, 1], [0, 2]]);
        let disposable: Vec<_> = coded.iter().map(|picture| picture.disposable).collect();
        assert_eq!(disposable, [false, false, true]);
    }

    #[test]
    fn units_of_further_layers_change_nothing() {
        // Each with a slice of layer 1, which has types of its own.
        let packets: [&[u8]; 3] =
            [&[2, 20 << 1, 1, 2, 21 << 1, 9], &[2, 0, 1, 2, 1 << 1, 9], &[2, 1 << 1 | 1, 1]];
        let (header, coded) = look(Framing::Lengths(1), &[], packets.iter());
        let starts: Vec<_> =
            coded.iter().map(|picture| (picture.start, picture.disposable, picture.shown)).collect();
        assert_eq!(
            starts,
            [(Start::Closed, false, true), (Start::Never, true, true), (Start::Never, false, false)]
        );
        assert_eq!(header, StreamHeader::default());
    }

    #[test]
    fn grey_of_ten_bits_is_a_format_that_may_lack() {
        // Sequence parameter sets that x265 wrote, of grey and of 4:2:0, both with 10 bits.
        let grey = [
            66, 1, 1, 4, 8, 0, 0, 3, 0, 157, 200, 0, 0, 3, 0, 0, 30, 192, 130, 12, 77, 150, 86, 84, 164, 194,
            230, 224,
        ];
        let colour = [
            66, 1, 1, 2, 32, 0, 0, 3, 0, 144, 0, 0, 3, 0, 0, 3, 0, 30, 160, 32, 131, 19, 101, 149, 149, 41,
            48, 185,
        ];
        let header = |unit: &[u8]| {
            let packet = [&[unit.len() as u8][..], unit].concat();
            look(Framing::Lengths(1), &[], [packet].iter()).0
        };
        let found = [&grey, &colour].map(|unit| (header(unit).size, header(unit).rare_format));
        assert_eq!(found, [(Some((64, 48)), true), (Some((64, 48)), false)]);
    }

    #[test]
    fn orientation_is_read_from_supplemental_information() {
        // Flipped left to right.
        let unit = [39 << 1, 1, 47, 3, 0x40, 0, 0x10, 0x80];
        let packet = [&[8], &unit[..], &[2, 19 << 1, 1]].concat();
        let mirrored = Orientation { quarter_turns: 0, mirrored: true };
        let turns = look(Framing::Lengths(1), &[], [packet].iter()).0.turns;
        assert_eq!(turns, sei::Turns { first: Some(sei::Turn::Quarter(mirrored)), other: None });
    }

    #[test]
    fn skipped_leading_pictures_behind_the_end_of_a_sequence_are_never_shown() {
        let (cra, leading, end) = ([2, 21 << 1, 1], [2, 8 << 1, 1], [2, 36 << 1, 1]);
        let shown = |packets: &[Vec<u8>]| -> Vec<bool> {
            look(Framing::Lengths(1), &[], packets.iter()).1.iter().map(|picture| picture.shown).collect()
        };
        let at_the_end = [
            cra.to_vec(),
            [leading, end].concat(),
            cra.to_vec(),
            leading.to_vec(),
            cra.to_vec(),
            leading.to_vec(),
        ];
        assert_eq!(shown(&at_the_end), [true, false, true, false, true, true]);
        let restarts = |packets: &[Vec<u8>]| look(Framing::Lengths(1), &[], packets.iter()).0.restarts;
        assert!(restarts(&at_the_end) && !restarts(&[cra.to_vec(), leading.to_vec(), cra.to_vec()]));
        let at_the_head = [cra.to_vec(), leading.to_vec(), [end, cra].concat(), leading.to_vec()];
        assert_eq!(shown(&at_the_head), [true, false, true, false]);
    }

    #[test]
    fn skipped_leading_pictures_of_the_first_picture_are_never_shown() {
        let coded = look_at_packets(&[[21 << 1, 1], [8 << 1, 1], [21 << 1, 1], [8 << 1, 1]]);
        let shown: Vec<_> = coded.iter().map(|picture| picture.shown).collect();
        assert_eq!(shown, [true, false, true, true]);
    }
}
