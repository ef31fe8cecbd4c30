//! How pictures are turned upright by a display matrix, whichever container states it.
//!
//! The rule is that of FFmpeg's command, the same from version 5 to 8 (`autorotate` in `ffmpeg_filter.c`): the angle is
//! rounded to a degree, quarter turns turn and mirror by the sign of a field, one degree is none. At other angles it
//! draws pictures into a frame of the old size, with black corners: no training set means that, so those are refused.

use crate::picture::Orientation;

/// The orientation of pictures under a matrix of the columns `(a, c)` and `(b, d)`, or the clockwise angle in degrees
/// that is no quarter turn.
pub(super) fn orientation([a, b, c, d]: [f64; 4]) -> Result<Orientation, u16> {
    let (across, down) = (a.hypot(c), b.hypot(d));
    let upright = |quarter_turns, mirrored| Ok(Orientation { quarter_turns, mirrored });
    if across == 0.0 || down == 0.0 {
        // Nothing would be left of the picture; FFmpeg shows it as it is.
        return upright(0, false);
    }
    let degrees = (b / down).atan2(a / across).to_degrees().round() as i32;
    match degrees.rem_euclid(360) as u16 {
        // Mirrored top to bottom is mirrored left to right and turned by half.
        0 if d < 0.0 => upright(2, true),
        0 | 1 => upright(0, false),
        90 if c > 0.0 => upright(3, true),
        90 => upright(1, false),
        180 => match (a < 0.0, d < 0.0) {
            (true, true) => upright(2, false),
            (true, false) => upright(0, true),
            (false, true) => upright(2, true),
            (false, false) => upright(0, false),
        },
        270 if c < 0.0 => upright(1, true),
        270 => upright(3, false),
        degrees => Err(degrees),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(matrix: [f64; 4]) -> (u8, bool) {
        let Orientation { quarter_turns, mirrored } = orientation(matrix).unwrap();
        (quarter_turns, mirrored)
    }

    #[test]
    fn quarter_turns_and_mirrors_are_told_apart() {
        assert_eq!(of([1.0, 0.0, 0.0, 1.0]), (0, false));
        assert_eq!(of([0.0, 1.0, -1.0, 0.0]), (1, false));
        assert_eq!(of([-1.0, 0.0, 0.0, -1.0]), (2, false));
        assert_eq!(of([0.0, -1.0, 1.0, 0.0]), (3, false));
        assert_eq!(of([-1.0, 0.0, 0.0, 1.0]), (0, true));
        assert_eq!(of([1.0, 0.0, 0.0, -1.0]), (2, true));
        // Columns become rows, and the same turned by half.
        assert_eq!(of([0.0, 1.0, 1.0, 0.0]), (3, true));
        assert_eq!(of([0.0, -1.0, -1.0, 0.0]), (1, true));
    }

    #[test]
    fn scales_do_not_matter_and_odd_angles_are_named() {
        assert_eq!(of([0.0, 3.0, -0.5, 0.0]), (1, false));
        assert_eq!(of([0.0; 4]), (0, false));
        assert_eq!(orientation([0.7, 0.7, -0.7, 0.7]), Err(45));
    }
}
