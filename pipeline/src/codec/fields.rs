//! Pictures that are fields: which two of them are one frame.
//!
//! Interlaced H.264 and MPEG-2 may code the two fields of a frame as pictures of their own, and transport streams have
//! each in a packet. The second follows the first at once, is of the other parity and has the same number (ITU-T
//! H.264, 7.4.1.2.4; ISO 13818-2, 6.1.1.4.1). A decoder gives one frame for both, at the time of the first.

use super::{Coded, Field};

/// For each packet, whether it is the second field of the frame that the picture before it began.
pub fn second_fields(coded: &[Coded]) -> Vec<bool> {
    let mut first: Option<Field> = None;
    let is_second = |coded: &Coded| {
        if !coded.shown {
            return false;
        }
        let pair = first.zip(coded.field);
        let is_second = pair.is_some_and(|(a, b)| a.bottom != b.bottom && a.number == b.number);
        first = coded.field.filter(|_| !is_second);
        is_second
    };
    coded.iter().map(is_second).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fields_of_one_number_and_both_parities_are_one_frame() {
        let field = |bottom, number| Coded { field: Some(Field { bottom, number }), ..Coded::UNKNOWN };
        let frame = Coded::UNKNOWN;
        let nothing = Coded { shown: false, ..Coded::UNKNOWN };
        let pairs = [field(false, 0), field(true, 0), frame, field(true, 1), field(false, 1)];
        assert_eq!(second_fields(&pairs), [false, true, false, false, true]);
        // Packets without a picture lie between; a third field begins the next frame.
        let parted = [field(false, 0), nothing, field(true, 0), field(false, 0), field(true, 0)];
        assert_eq!(second_fields(&parted), [false, false, true, false, true]);
        // Fields whose other one is lost.
        let alone = [field(false, 0), field(false, 1), field(true, 1), field(true, 2), field(false, 3)];
        assert_eq!(second_fields(&alone), [false, false, true, false, false]);
        assert_eq!(second_fields(&[field(false, 0), frame, field(true, 0)]), [false; 3]);
    }
}
