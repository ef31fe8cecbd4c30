//! Supplemental enhancement information of H.264 and HEVC: how a picture is to be turned for display, and where decoding
//! may begin.
//!
//! A message of display orientation (ITU-T H.264, D.1.29; H.265, D.2.17) flips the picture, then turns it
//! anticlockwise by an angle in 65536ths; or it cancels the one before. A film has one orientation here, that of its
//! first message: whether a later one contradicts it is told. It is taken to hold for all of the film, though FFmpeg
//! forgets that of H.264 with its picture: not every writer repeats it, and parsers lose what stands before the first
//! parameter set.

use super::bits::{Bits, raw_bytes};
use crate::picture::Orientation;

/// The payload type of a message of display orientation.
const DISPLAY_ORIENTATION: u32 = 47;

/// That of a message of a recovery point (H.264, D.1.8).
const RECOVERY_POINT: u32 = 6;

/// Bytes of a unit in which messages are looked for: they come first in what is usual, and are few.
const LOOKED_AT: usize = 4096;

/// How a picture is to be turned, by its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// By quarter turns, mirrored or not.
    Quarter(Orientation),
    /// By an angle that is none, in degrees clockwise.
    Odd(u16),
}

/// What the messages of a stream say of its orientation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// The first one.
    pub first: Option<Turn>,
    /// The first that says something else.
    pub other: Option<Turn>,
}

impl Turns {
    /// Takes in the next message.
    pub(crate) fn note(&mut self, turn: Turn) {
        if turn != *self.first.get_or_insert(turn) {
            self.other = self.other.or(Some(turn));
        }
    }
}

/// The type of units of H.264 that hold messages.
pub(super) const IN_H264: u8 = 6;

/// The type of units of HEVC that hold messages and stand before their picture.
pub(super) const IN_HEVC: u8 = 39;

/// The last message of display orientation in a unit of H.264.
pub(crate) fn turn_in_h264(unit: &[u8]) -> Option<Turn> {
    if unit.first()? & 31 == IN_H264 { display_orientation(unit, 1) } else { None }
}

/// The last message of display orientation in a unit of HEVC.
pub(crate) fn turn_in_hevc(unit: &[u8]) -> Option<Turn> {
    if unit.first()? >> 1 & 63 == IN_HEVC { display_orientation(unit, 2) } else { None }
}

/// How many frames of H.264 lie before the one from which on all are right (`recovery_frame_cnt`), by the last message of
/// a recovery point in a unit.
pub(crate) fn recovery_point_in_h264(unit: &[u8]) -> Option<u32> {
    let mut found = None;
    if unit.first()? & 31 == IN_H264 {
        each_message(unit, 1, |kind, payload| {
            if kind == RECOVERY_POINT {
                found = Bits::new(payload).unsigned().or(found);
            }
        });
    }
    found
}

/// The last message of display orientation in a unit whose header has `header` bytes; one that cancels what was said
/// leaves pictures upright.
fn display_orientation(unit: &[u8], header: usize) -> Option<Turn> {
    let mut found = None;
    each_message(unit, header, |kind, payload| {
        if kind == DISPLAY_ORIENTATION {
            found = turn_of(payload).or(found);
        }
    });
    found
}

/// Gives the type and the payload of each message in a unit whose header has `header` bytes to `each`.
fn each_message(unit: &[u8], header: usize, mut each: impl FnMut(u32, &[u8])) {
    let raw = raw_bytes(unit, LOOKED_AT);
    let mut rest = raw.get(header..).unwrap_or_default();
    // A message has a byte of type, one of size, and behind the last one stands a set bit.
    while rest.len() > 2 {
        let Some((kind, behind)) = extended(rest) else { break };
        let Some((size, behind)) = extended(behind) else { break };
        let Some((payload, behind)) = behind.split_at_checked(size as usize) else { break };
        each(kind, payload);
        rest = behind;
    }
}

/// A number as bytes of 255, all but the last (7.3.2.3.1).
fn extended(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let full = bytes.iter().take_while(|&&byte| byte == 255).count();
    let &last = bytes.get(full)?;
    Some((full as u32 * 255 + u32::from(last), &bytes[full + 1..]))
}

fn turn_of(payload: &[u8]) -> Option<Turn> {
    let mut bits = Bits::new(payload);
    if bits.flag()? {
        return Some(Turn::Quarter(Orientation::default()));
    }
    Some(turn(bits.flag()?, bits.flag()?, bits.number(16)?))
}

/// Flipped left to right (`across`) and upside down, then turned anticlockwise by `angle` 65536ths. Like FFmpeg's
/// `autorotate`, what is less than a degree from a quarter turn is one.
fn turn(across: bool, down: bool, angle: u32) -> Turn {
    // Upside down is mirrored and half a turn.
    let clockwise = (65536 - angle + if down { 32768 } else { 0 }) % 65536;
    let degrees = (clockwise * 360 + 32768) / 65536;
    let quarters = (degrees + 45) / 90;
    if quarters * 90 != degrees {
        return Turn::Odd(degrees as u16);
    }
    Turn::Quarter(Orientation { quarter_turns: (quarters % 4) as u8, mirrored: across != down })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarter(quarter_turns: u8, mirrored: bool) -> Turn {
        Turn::Quarter(Orientation { quarter_turns, mirrored })
    }

    /// A unit with a message of two bytes of another type, and one of display orientation.
    fn unit(flags: u8, angle: u16) -> Vec<u8> {
        let bits = u32::from(flags) << 29 | u32::from(angle) << 13 | 0b0101 << 9 | 1 << 8;
        [&[6, 255, 1, 2, 9, 9, 47, 3], &bits.to_be_bytes()[..3], &[0x80]].concat()
    }

    #[test]
    fn pictures_are_flipped_and_then_turned_anticlockwise() {
        let turned = |flags, angle| display_orientation(&unit(flags, angle), 1).unwrap();
        assert_eq!(turned(0, 0x4000), quarter(3, false));
        assert_eq!(turned(0, 0x8000), quarter(2, false));
        assert_eq!(turned(0, 0xc000), quarter(1, false));
        assert_eq!(turned(0b010, 0), quarter(0, true));
        assert_eq!(turned(0b001, 0), quarter(2, true));
        assert_eq!(turned(0b011, 0), quarter(2, false));
        assert_eq!(turned(0b010, 0x4000), quarter(3, true));
        assert_eq!(turned(0b001, 0x4000), quarter(1, true));
    }

    #[test]
    fn zero_and_cancelled_are_upright_and_less_than_a_degree_is_none() {
        let turned = |flags, angle| display_orientation(&unit(flags, angle), 1).unwrap();
        let upright = [turned(0, 0), turned(0b100, 0x4000), turned(0, 80), turned(0, 65500)];
        assert_eq!(upright, [quarter(0, false); 4]);
        assert_eq!(turned(0, 0x4020), quarter(3, false));
        assert_eq!(turned(0, 0x2000), Turn::Odd(315));
        assert_eq!(turned(0b001, 0x2000), Turn::Odd(135));
    }

    #[test]
    fn recovery_points_count_frames() {
        // `recovery_frame_cnt` is 0, then 2; exact, not broken; in front of a message of another type.
        assert_eq!(recovery_point_in_h264(&[6, 6, 1, 0b1100_0100, 0x80]), Some(0));
        assert_eq!(recovery_point_in_h264(&[6, 6, 1, 0b0111_0010, 1, 2, 9, 9, 0x80]), Some(2));
        assert_eq!(recovery_point_in_h264(&[6, 1, 2, 9, 9, 0x80]), None);
        assert_eq!(recovery_point_in_h264(&[9, 6, 1, 0b1100_0100, 0x80]), None);
    }

    #[test]
    fn units_without_such_a_message_and_cut_ones_say_nothing() {
        assert_eq!(display_orientation(&[6, 5, 2, 9, 9, 0x80], 1), None);
        let whole = unit(0, 0x4000);
        for length in 0..whole.len() - 1 {
            assert_eq!(display_orientation(&whole[..length], 1), None, "{length}");
        }
    }

    #[test]
    fn the_first_message_counts_and_one_that_differs_is_told() {
        let (left, right) = (quarter(3, false), quarter(1, false));
        let mut turns = Turns::default();
        turns.note(left);
        turns.note(left);
        assert_eq!(turns, Turns { first: Some(left), other: None });
        turns.note(right);
        turns.note(quarter(0, false));
        assert_eq!(turns, Turns { first: Some(left), other: Some(right) });
    }
}
