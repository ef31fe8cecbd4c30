//! Pictures of H.264 and HEVC that come before anything that describes them, as in a recording that begins in the middle
//! of a broadcast. Parsers leave them out, and FFmpeg shows no frame of them.

use crate::codec::{
    Codec,
    bits::{Bits, split_at_start_codes},
    sei,
};

/// Pictures before the first sequence parameter set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Headless {
    pictures: u32,
    /// There was one.
    is_over: bool,
    is_hevc: bool,
    /// One of them may be decoded without others, or a message says from which one on frames are right: FFmpeg may know
    /// from later what describes them, and show them.
    is_doubtful: bool,
}

impl Headless {
    /// Takes in what comes next.
    pub(super) fn note(&mut self, codec: Codec, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        self.is_hevc = codec == Codec::Hevc;
        for unit in split_at_start_codes(bytes) {
            match (kind_of(unit, self.is_hevc), unit) {
                (7, _) if !self.is_hevc => return self.is_over = true,
                (33, _) if self.is_hevc => return self.is_over = true,
                (1 | 5, [_, slice @ ..]) if !self.is_hevc => self.note_h264(unit, slice),
                (6, _) if !self.is_hevc => self.is_doubtful |= sei::recovery_point_in_h264(unit).is_some(),
                (0..=9 | 16..=21, [_, _, slice @ ..]) if self.is_hevc => {
                    self.pictures += u32::from(slice.first().is_some_and(|first| first & 128 != 0));
                    self.is_doubtful |= is_start(unit, true);
                }
                _ => {}
            }
        }
    }

    fn note_h264(&mut self, unit: &[u8], slice: &[u8]) {
        let mut bits = Bits::new(slice);
        if bits.unsigned() == Some(0) {
            self.pictures += 1;
        }
        let is_intra = bits.unsigned().is_none_or(|kind| matches!(kind % 5, 2 | 4));
        self.is_doubtful |= is_intra || is_start(unit, false);
    }

    /// Whether it is for this that so many pictures are missing before the packet `first`, from which on all frames are
    /// right.
    pub(super) fn explains(self, missing: u32, first: &[u8]) -> bool {
        let begins = split_at_start_codes(first).any(|unit| is_start(unit, self.is_hevc));
        let points = split_at_start_codes(first).filter_map(sei::recovery_point_in_h264);
        let recovers = !self.is_hevc && points.last() == Some(0);
        missing <= self.pictures && !self.is_doubtful && (begins || recovers)
    }
}

/// The type of a unit; of an empty one that of none.
fn kind_of(unit: &[u8], is_hevc: bool) -> u8 {
    unit.first().map_or(u8::MAX, |&first| if is_hevc { first >> 1 & 63 } else { first & 31 })
}

/// Whether it is a slice of a picture that decoding may begin with.
fn is_start(unit: &[u8], is_hevc: bool) -> bool {
    let kind = kind_of(unit, is_hevc);
    if is_hevc { (16..=21).contains(&kind) } else { kind == 5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: &[u8] = &[0, 0, 1, 0x41, 0b1_00110_10];
    const I: &[u8] = &[0, 0, 1, 0x41, 0b1_0001000];
    const SEQUENCE: &[u8] = &[0, 0, 1, 0x67, 100];
    const REFRESH: &[u8] = &[0, 0, 1, 0x65, 0b1_0001000];
    const POINT: &[u8] = &[0, 0, 1, 6, 6, 1, 0b1100_0100, 0x80];

    fn explained(before: &[&[u8]], missing: u32, first: &[&[u8]]) -> bool {
        let mut headless = Headless::default();
        before.iter().for_each(|bytes| headless.note(Codec::H264, bytes));
        headless.explains(missing, &first.concat())
    }

    #[test]
    fn pictures_before_their_description_are_missing_where_frames_begin_behind_them() {
        let before = [P, P, &[SEQUENCE, REFRESH].concat(), P];
        assert!(explained(&before, 2, &[SEQUENCE, REFRESH]));
        assert!(explained(&before, 2, &[SEQUENCE, POINT, I]));
        assert!(!explained(&before, 3, &[SEQUENCE, REFRESH]));
        assert!(!explained(&before, 2, &[SEQUENCE, I]));
        assert!(!explained(&[P, I, SEQUENCE], 2, &[SEQUENCE, REFRESH]));
        assert!(!explained(&[SEQUENCE, P], 1, &[SEQUENCE, REFRESH]));
        // A refresh by and by is said to be over before the first description.
        assert!(!explained(&[&[POINT, P].concat(), P, SEQUENCE], 2, &[SEQUENCE, REFRESH]));
    }

    #[test]
    fn those_of_hevc_are_missing_before_a_picture_of_random_access() {
        let unit = |kind: u8| [0, 0, 1, kind << 1, 1, 0x80];
        let explained = |before: &[u8], first: u8| {
            let mut headless = Headless::default();
            before.iter().for_each(|&kind| headless.note(Codec::Hevc, &unit(kind)));
            headless.explains(2, &[unit(33), unit(first)].concat())
        };
        assert!(explained(&[1, 0, 32, 33, 1], 21));
        assert!(!explained(&[1, 0, 33], 1));
        assert!(!explained(&[1, 33, 0], 21));
        assert!(!explained(&[1, 0, 21, 33], 21));
    }
}
