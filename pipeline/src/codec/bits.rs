//! Bits of a header, most significant first, with the Exp-Golomb codes of H.264 and HEVC, and the
//! ways in which packets hold NAL units.

/// Reads bits; behind the end there are none.
#[derive(Clone, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// Begins with the first bit of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bit.
    pub fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// The next `count` bits, at most 32, as a number.
    pub fn number(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    /// Leaves out `count` bits.
    pub fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// An unsigned Exp-Golomb code, ue(v) (ITU-T H.264, 9.1).
    pub fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1u32 << zeros) - 1 + self.number(zeros)?)
    }

    /// A signed Exp-Golomb code, se(v) (ITU-T H.264, 9.1.1).
    pub fn signed(&mut self) -> Option<i32> {
        let code = i64::from(self.unsigned()?);
        let value = (code + 1) / 2;
        i32::try_from(if code % 2 == 1 { value } else { -value }).ok()
    }
}

/// How NAL units are told apart in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each has its length before it, in this many bytes (1 to 4).
    Lengths(u8),
    /// Each has a start code before it (ITU-T H.264, annex B).
    StartCodes,
}

/// How a packet of H.264 is framed, `stated` being what its container says and `before` how the packet before was: some
/// writers put start codes where lengths of four bytes are announced, and libavcodec (h264dec.c) tells by the first
/// bytes. A length of 1 whose next unit would be longer than the packet is a start code.
pub fn framing_as_written(packet: &[u8], stated: Framing, before: Framing) -> Framing {
    if stated != Framing::Lengths(4) {
        return stated;
    }
    let number = |at: usize| {
        packet.get(at..at + 4).map(|four| four.iter().fold(0, |all, &byte| all << 8 | usize::from(byte)))
    };
    match (number(0), number(5)) {
        (Some(1), Some(next)) if next > packet.len() => Framing::StartCodes,
        (Some(length), _) if length > 1 && length <= packet.len() => stated,
        _ => before,
    }
}

/// Units of a packet, at most: a slice for every row of blocks of the largest picture, many times over. Decoders keep a
/// hundred bytes and more for each.
pub const MOST_UNITS: usize = 1 << 14;

/// The NAL units of a packet, without lengths and start codes. Nothing when lengths do not add up. There are more than
/// [`MOST_UNITS`] where the packet has more.
///
/// Units with lengths are split further at start codes within them, as libavcodec does (h2645_parse.c), whose
/// decoders make the pictures: some cameras write a slice behind a prefix unit under one length.
pub fn nal_units(packet: &[u8], framing: Framing) -> Option<Vec<&[u8]>> {
    match framing {
        Framing::StartCodes => Some(split_at_start_codes(packet).take(MOST_UNITS + 1).collect()),
        Framing::Lengths(bytes) => {
            let (mut rest, mut units) = (packet, Vec::new());
            while !rest.is_empty() && units.len() <= MOST_UNITS {
                let (length, behind) = rest.split_at_checked(bytes.into())?;
                let length = length.iter().fold(0usize, |length, &byte| length << 8 | usize::from(byte));
                let (unit, behind) = behind.split_at_checked(length)?;
                let end = end_of_unit(unit);
                units.push(&unit[..end]);
                units.extend(split_at_start_codes(&unit[end..]).take(MOST_UNITS));
                rest = behind;
            }
            Some(units)
        }
    }
}

/// Where a unit ends that another may follow: at three bytes 00 00 01 or 00 00 02, which never stand in one.
fn end_of_unit(unit: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&third) = unit.get(at + 2) {
        match third {
            3.. => at += 3,
            1 | 2 if unit[at..at + 2] == [0, 0] => return at,
            _ => at += 1,
        }
    }
    unit.len()
}

/// The units behind each start code.
pub fn split_at_start_codes(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut starts = start_codes(bytes).peekable();
    std::iter::from_fn(move || {
        let start = starts.next()?;
        let end = starts.peek().map_or(bytes.len(), |next| next - 3);
        Some(&bytes[start..end])
    })
}

/// Positions of the bytes behind each start code 00 00 01.
pub fn start_codes(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at + 3 < bytes.len() {
            if bytes[at + 2] > 1 {
                at += 3;
            } else if bytes[at..at + 3] == [0, 0, 1] {
                at += 3;
                return Some(at);
            } else {
                at += 1;
            }
        }
        None
    })
}

/// The first bytes of a NAL unit (at most `limit`) without the emulation prevention bytes
/// (ITU-T H.264, 7.4.1.1).
pub fn raw_bytes(unit: &[u8], limit: usize) -> Vec<u8> {
    let mut raw = Vec::with_capacity(unit.len().min(limit));
    let mut zeros = 0;
    for &byte in unit.iter().take(limit) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        raw.push(byte);
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_are_those_of_table_9_2() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let codes: Vec<_> = (0..5).map(|_| bits.unsigned().unwrap()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        let mut bits = Bits::new(&[0b0100_1100, 0b1000_0101]);
        assert_eq!([bits.signed(), bits.signed(), bits.signed()], [Some(1), Some(-1), Some(2)]);
        assert_eq!(Bits::new(&[0]).unsigned(), None);
    }

    #[test]
    fn nal_units_are_split_by_lengths_and_by_start_codes() {
        let framed = [0, 0, 0, 2, 9, 8, 0, 0, 0, 1, 7];
        let units: Vec<&[u8]> = vec![&[9, 8], &[7]];
        assert_eq!(nal_units(&framed, Framing::Lengths(4)), Some(units));
        assert_eq!(nal_units(&framed[..10], Framing::Lengths(4)), None);
        let coded = [0, 0, 0, 1, 9, 8, 0, 0, 1, 7, 6];
        let units: Vec<&[u8]> = vec![&[9, 8], &[7, 6]];
        assert_eq!(nal_units(&coded, Framing::StartCodes), Some(units));
    }

    #[test]
    fn start_codes_within_a_unit_of_a_length_begin_units_of_their_own() {
        let framed = [0, 12, 14, 1, 0, 0, 0, 1, 5, 9, 0, 0, 1, 8, 0, 1, 7];
        let units: Vec<&[u8]> = vec![&[14, 1, 0], &[5, 9], &[8], &[7]];
        assert_eq!(nal_units(&framed, Framing::Lengths(2)), Some(units));
        // What follows 00 00 02 belongs to no unit until the next start code; 00 00 03 ends none.
        let framed = [11, 14, 0, 0, 2, 6, 0, 0, 1, 5, 3, 4, 5, 1, 0, 0, 3];
        let units: Vec<&[u8]> = vec![&[14], &[5, 3], &[1, 0, 0, 3]];
        let framed = [&[10], &framed[1..11], &[4], &framed[13..]].concat();
        assert_eq!(nal_units(&framed, Framing::Lengths(1)), Some(units));
    }

    #[test]
    fn start_codes_where_lengths_are_announced_are_told_by_the_first_bytes() {
        let (four, codes) = (Framing::Lengths(4), Framing::StartCodes);
        let coded = [0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x65, 1];
        let framed = [0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 2, 0x65, 1];
        assert_eq!(framing_as_written(&coded, four, four), codes);
        assert_eq!(framing_as_written(&framed, four, codes), four);
        assert_eq!(framing_as_written(&coded, Framing::Lengths(2), four), Framing::Lengths(2));
        // Too short to tell: as before.
        assert_eq!(framing_as_written(&[0, 0, 0, 1, 9], four, codes), codes);
        let one_byte_first = [0, 0, 0, 1, 9, 0, 0, 0, 2, 0x65, 1];
        assert_eq!(framing_as_written(&one_byte_first, four, four), four);
    }

    #[test]
    fn emulation_prevention_bytes_are_taken_out() {
        assert_eq!(raw_bytes(&[1, 0, 0, 3, 1, 0, 0, 3], 99), [1, 0, 0, 1, 0, 0]);
    }
}
