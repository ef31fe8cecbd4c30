//! AV1 (bitstream and decoding process specification): random-access points, and temporal units that
//! nothing later needs.
//!
//! A temporal unit is a start when it has a sequence header and its first frame is a key frame that is shown.
//! It is disposable when it shows a frame and none of its frames refreshes a reference slot: everything that a
//! later frame may use (samples, probabilities, motion vectors, segmentation, filter deltas) lies in these
//! slots (7.20). Whether one is refreshed stands in the middle of the frame header, so this reads both headers
//! up to there; where a header holds what is not read here, the unit is kept.

use super::{Coded, Start, bits::Bits};

/// What the temporal units of a stream code; `setup` is the container's configuration record, whose open
/// bitstream units follow four bytes.
pub(super) fn look(setup: &[u8], packets: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<Coded> {
    let mut sequence = setup.get(4..).and_then(described);
    packets.map(|packet| look_at(packet.as_ref(), &mut sequence)).collect()
}

/// The matrix by which planes are green, blue and red (6.4.2).
pub(crate) const IDENTITY: u8 = 0;

/// Matrix coefficients where nothing is said of them (6.4.2).
const UNSPECIFIED: u8 = 2;

/// What a stream says of its colours (6.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour {
    /// Matrix coefficients as ISO/IEC 23091-2 numbers them.
    pub(crate) matrix: u8,
    /// Full range.
    pub(crate) full: bool,
}

/// The colours of a stream with this configuration record.
#[cfg(any(feature = "video", test))]
pub(crate) fn colour(setup: &[u8]) -> Option<Colour> {
    colour_in(setup.get(4..)?)
}

/// The colours that the sequence header of a temporal unit states, where it has one.
#[cfg(any(feature = "video", test))]
pub(crate) fn colour_in(packet: &[u8]) -> Option<Colour> {
    described(packet).map(|sequence| sequence.colour)
}

fn described(packet: &[u8]) -> Option<Sequence> {
    open_units(packet).find(|(kind, _)| *kind == SEQUENCE).and_then(|(_, body)| Sequence::read(body))
}

/// Types of open bitstream units (6.2.2).
const SEQUENCE: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

fn look_at(packet: &[u8], sequence: &mut Option<Sequence>) -> Coded {
    let (mut described, mut first, mut shown, mut kept) = (false, None, false, false);
    for (kind, body) in open_units(packet) {
        match kind {
            SEQUENCE => {
                described = true;
                *sequence = Sequence::read(body);
            }
            FRAME_HEADER | FRAME => {
                let still = sequence.as_ref().is_some_and(|sequence| sequence.reduced_still);
                let Some(frame) = Frame::read(body, still, sequence.as_ref()) else { return Coded::UNKNOWN };
                shown |= frame.shown;
                kept |= frame.refreshes;
                first.get_or_insert(frame.key && frame.shown);
            }
            _ => {}
        }
    }
    let start = if described && first == Some(true) { Start::Closed } else { Start::Never };
    let disposable = first.is_some() && shown && !kept && !described;
    Coded { start, shown, disposable, ..Coded::UNKNOWN }
}

/// What frame headers depend on (5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sequence {
    reduced_still: bool,
    /// Bits of a frame's number, where it has one.
    number_bits: u32,
    /// Whether screen content tools, and then whole motion vectors, are told by each frame.
    screen_content: Choice,
    whole_vectors: Choice,
    order_bits: u32,
    colour: Colour,
}

/// A tool that is on or off for all frames, or told by each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Fixed(bool),
    ByFrame,
}

impl Choice {
    fn read(bits: &mut Bits) -> Option<Self> {
        Some(if bits.flag()? { Self::ByFrame } else { Self::Fixed(bits.flag()?) })
    }

    fn of_frame(self, bits: &mut Bits) -> Option<bool> {
        match self {
            Self::Fixed(on) => Some(on),
            Self::ByFrame => bits.flag(),
        }
    }
}

impl Sequence {
    fn read(body: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(body);
        let profile = bits.number(3)?;
        bits.skip(1);
        let reduced_still = bits.flag()?;
        if reduced_still {
            bits.skip(5);
        } else {
            operating_points(&mut bits)?;
        }
        let (width_bits, height_bits) = (bits.number(4)? + 1, bits.number(4)? + 1);
        bits.skip((width_bits + height_bits) as usize);
        let number_bits = if !reduced_still && bits.flag()? {
            let (delta, additional) = (bits.number(4)? + 2, bits.number(3)? + 1);
            delta + additional
        } else {
            0
        };
        // Superblocks of 128, filter intra, intra edge filter.
        bits.skip(3);
        let (mut screen_content, mut whole_vectors, mut order_bits) = (Choice::ByFrame, Choice::ByFrame, 0);
        if !reduced_still {
            // Compound by interintra and masks, warped motion, dual filter.
            bits.skip(4);
            let ordered = bits.flag()?;
            if ordered {
                bits.skip(2);
            }
            screen_content = Choice::read(&mut bits)?;
            if screen_content != Choice::Fixed(false) {
                whole_vectors = Choice::read(&mut bits)?;
            }
            if ordered {
                order_bits = bits.number(3)? + 1;
            }
        }
        // Superresolution, directional enhancement, restoration.
        bits.skip(3);
        let colour = colour_config(&mut bits, profile)?;
        Some(Self { reduced_still, number_bits, screen_content, whole_vectors, order_bits, colour })
    }
}

/// The colour description (5.5.2).
fn colour_config(bits: &mut Bits, profile: u32) -> Option<Colour> {
    let deep = bits.flag()?;
    if profile == 2 && deep {
        bits.skip(1);
    }
    let grey = profile != 1 && bits.flag()?;
    let [primaries, transfer, matrix] = if bits.flag()? {
        [bits.number(8)? as u8, bits.number(8)? as u8, bits.number(8)? as u8]
    } else {
        [UNSPECIFIED; 3]
    };
    // sRGB, whose range is full without a bit that says so.
    if !grey && [primaries, transfer, matrix] == [1, 13, IDENTITY] {
        return Some(Colour { matrix, full: true });
    }
    Some(Colour { matrix, full: bits.flag()? })
}

/// Reads past timing and operating points; nothing where frames carry the times of a decoder model.
fn operating_points(bits: &mut Bits) -> Option<()> {
    if bits.flag()? {
        // Ticks and the time scale; then ticks of a picture, as uvlc (4.10.3), which is ue(v).
        bits.skip(64);
        if bits.flag()? {
            bits.unsigned()?;
        }
        if bits.flag()? {
            // What follows has lengths of its own, and frame headers depend on them.
            return None;
        }
    }
    let delays = bits.flag()?;
    for _ in 0..=bits.number(5)? {
        bits.skip(12);
        if bits.number(5)? > 7 {
            bits.skip(1);
        }
        if delays && bits.flag()? {
            bits.skip(4);
        }
    }
    Some(())
}

/// What a frame header says (5.9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    key: bool,
    shown: bool,
    /// A slot is refreshed, or that could not be read.
    refreshes: bool,
}

impl Frame {
    fn read(body: &[u8], still: bool, sequence: Option<&Sequence>) -> Option<Self> {
        if still {
            return Some(Self { key: true, shown: true, refreshes: true });
        }
        let mut bits = Bits::new(body);
        if bits.flag()? {
            // A frame that lies in a slot is shown; where it is a key frame, that refreshes all of them.
            return Some(Self { key: false, shown: true, refreshes: true });
        }
        let (kind, shown) = (bits.number(2)?, bits.flag()?);
        let refreshed = sequence.and_then(|sequence| refreshed(&mut bits, kind, shown, sequence));
        Some(Self { key: kind == KEY, shown, refreshes: refreshed != Some(0) })
    }
}

/// Frame types.
const KEY: u32 = 0;
const INTRA_ONLY: u32 = 2;
const SWITCH: u32 = 3;

/// The slots that a frame refreshes, a bit each; the header is read up to its type and whether it is shown.
fn refreshed(bits: &mut Bits, kind: u32, shown: bool, sequence: &Sequence) -> Option<u32> {
    if kind == SWITCH || kind == KEY {
        return None;
    }
    if !shown {
        bits.skip(1);
    }
    let resilient = bits.flag()?;
    // Whether probabilities are left as they are.
    bits.skip(1);
    if sequence.screen_content.of_frame(bits)? {
        sequence.whole_vectors.of_frame(bits)?;
    }
    bits.skip(sequence.number_bits as usize);
    // Whether its size differs.
    bits.skip(1);
    bits.skip(sequence.order_bits as usize);
    if kind != INTRA_ONLY && !resilient {
        bits.skip(3);
    }
    bits.number(8)
}

/// Types and bodies of the open bitstream units of a temporal unit (5.3).
fn open_units(packet: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = packet;
    std::iter::from_fn(move || {
        let (&first, behind) = rest.split_first()?;
        let behind = if first >> 2 & 1 == 1 { behind.get(1..)? } else { behind };
        let (size, behind) = if first >> 1 & 1 == 1 { leb128(behind)? } else { (behind.len(), behind) };
        let (body, behind) = behind.split_at_checked(size)?;
        rest = behind;
        Some((first >> 3 & 15, body))
    })
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

/// A sequence header with this description of its colours, as bits.
#[cfg(test)]
pub(crate) fn sequence_with(description: &str) -> Vec<u8> {
    let bits = tests::SEQUENCE_BITS;
    tests::unit(SEQUENCE, &format!("{}{description}", &bits[..bits.len() - 3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(packet: &[u8]) -> Coded {
        look(&[], [packet].into_iter())[0]
    }

    #[test]
    fn a_start_needs_a_sequence_header_and_a_shown_key_frame() {
        let (sequence, key, inter) = ([0x0a, 1, 0], [0x32, 1, 0b0001_0000], [0x32, 1, 0b0011_0000]);
        assert_eq!(one(&[sequence, key].concat()).start, Start::Closed);
        assert_eq!(one(&key).start, Start::Never);
        assert_eq!(one(&[sequence, inter].concat()).start, Start::Never);
        assert!(!one(&[0x32, 1, 0b0010_0000]).shown);
    }

    /// Bits to bytes; the last byte is filled up with zeros.
    fn bytes(bits: &str) -> Vec<u8> {
        let bits: Vec<u8> = bits.bytes().filter(|bit| *bit != b' ').map(|bit| bit - b'0').collect();
        bits.chunks(8).map(|byte| byte.iter().enumerate().map(|(at, bit)| bit << (7 - at)).sum()).collect()
    }

    pub(super) fn unit(kind: u8, bits: &str) -> Vec<u8> {
        let body = bytes(bits);
        [vec![kind << 3 | 2, body.len() as u8], body].concat()
    }

    /// Profile 0, no timing, one operating point of level 5, 64×64, no numbers, order hints of 7 bits, screen
    /// content tools told by each frame, whole vectors too.
    pub(super) const SEQUENCE_BITS: &str =
        "000 0 0 0 0 00000 000000000000 00101 0101 0101 111111 111111 0 000 0000 1 00 1 1 110 000 0 0 0 0";

    /// A shown inter frame with the primary reference 0 that refreshes `slots`.
    fn inter(slots: &str) -> Vec<u8> {
        unit(FRAME, &format!("0 01 1 0 0 0 0 0000101 000 {slots}"))
    }

    #[test]
    fn a_shown_frame_that_refreshes_no_slot_is_disposable() {
        let record = [vec![0x81, 0, 0, 0], unit(SEQUENCE, SEQUENCE_BITS)].concat();
        let packets = [inter("00000000"), inter("00000100"), [inter("00000001"), inter("00000000")].concat()];
        let coded = look(&record, packets.iter());
        assert_eq!(coded.iter().map(|coded| coded.disposable).collect::<Vec<_>>(), [true, false, false]);
        // Without a sequence header nothing is known of what stands where.
        assert!(!one(&inter("00000000")).disposable);
    }

    #[test]
    fn headers_with_a_decoder_model_are_not_read_further() {
        let timed = "000 0 0 1".to_owned() + &"0".repeat(64) + "0 1";
        let record = [vec![0x81, 0, 0, 0], unit(SEQUENCE, &(timed + &"0".repeat(80)))].concat();
        assert!(!look(&record, [inter("00000000")].iter())[0].disposable);
    }

    #[test]
    fn colours_are_read_from_the_sequence() {
        let described =
            |description: &str| colour(&[vec![0x81, 0, 0, 0], sequence_with(description)].concat());
        let bt709 = "1 00000001 00000001 00000001";
        assert_eq!(described(&format!("{bt709} 0")), Some(Colour { matrix: 1, full: false }));
        assert_eq!(described(&format!("{bt709} 1")), Some(Colour { matrix: 1, full: true }));
        let rgb = "1 00000001 00001101 00000000";
        assert_eq!(described(rgb), Some(Colour { matrix: IDENTITY, full: true }));
        assert_eq!(described("0 0"), Some(Colour { matrix: UNSPECIFIED, full: false }));
    }

    #[test]
    fn frames_shown_from_a_slot_are_kept() {
        let record = [vec![0x81, 0, 0, 0], unit(SEQUENCE, SEQUENCE_BITS)].concat();
        let coded = look(&record, [unit(FRAME_HEADER, "1 000 0000")].iter())[0];
        assert!(coded.shown && !coded.disposable);
    }
}
