//! How the pictures of a track are turned upright, by the pose of its projection (RFC 9559, section 5.1.4.1.28.41).
//!
//! The rule is that of FFmpeg since version 5.1, which writes the turn of a phone's film so. A roll turns the picture
//! counter-clockwise, a yaw of 180 degrees mirrors it before; with any pitch, or another yaw, it is a part of a
//! sphere and not turned. What FFmpeg's command makes of the matrix that it derives from that is [`Upright`].

use crate::picture::Orientation;

/// How to turn a picture by a display matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Upright {
    /// By quarter turns.
    Quarters(Orientation),
    /// By another angle, in degrees clockwise.
    Odd(u16),
}

impl Upright {
    /// The turn of a yaw, a pitch and a roll in degrees.
    pub(super) fn of((yaw, pitch, roll): (f64, f64, f64)) -> Self {
        let is_plane = pitch == 0.0 && (yaw == 0.0 || yaw.abs() == 180.0) && !roll.is_nan();
        if !is_plane {
            return Self::Quarters(Orientation::default());
        }
        let mirrored = yaw != 0.0;
        let radians = if mirrored { -roll } else { roll }.to_radians();
        let (sine, cosine) = radians.sin_cos();
        let across = if mirrored { -1.0 } else { 1.0 };
        // Rows of the matrix of which FFmpeg reads the angle, and the signs that mirror.
        let (a, b, c, d) = (across * cosine, -sine, across * sine, cosine);
        Self::by_matrix(a, b, c, d)
    }

    /// What FFmpeg's command does with a display matrix of `a b / c d`: it rounds the angle to a degree, turns and
    /// mirrors at quarter turns, leaves one degree as it is, and rotates by any other.
    fn by_matrix(a: f64, b: f64, c: f64, d: f64) -> Self {
        let angle = (b / b.hypot(d)).atan2(a / a.hypot(c)).to_degrees().round().rem_euclid(360.0);
        let (quarter_turns, mirrored) = match angle {
            90.0 if c > 0.0 => (3, true),
            90.0 => (1, false),
            180.0 if a >= 0.0 => (2, true),
            180.0 if d >= 0.0 => (0, true),
            180.0 => (2, false),
            270.0 if c < 0.0 => (1, true),
            270.0 => (3, false),
            0.0 if d < 0.0 => (2, true),
            0.0 | 1.0 => (0, false),
            _ => return Self::Odd(angle as u16),
        };
        Self::Quarters(Orientation { quarter_turns, mirrored })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(quarter_turns: u8, mirrored: bool) -> Upright {
        Upright::Quarters(Orientation { quarter_turns, mirrored })
    }

    #[test]
    fn a_roll_turns_counter_clockwise() {
        for (roll, quarters) in
            [(0.0, 0), (90.0, 3), (-90.0, 1), (180.0, 2), (-180.0, 2), (270.0, 1), (89.6, 3)]
        {
            assert_eq!(Upright::of((0.0, 0.0, roll)), turned(quarters, false), "{roll}");
        }
    }

    #[test]
    fn half_a_turn_of_yaw_mirrors_before_the_roll() {
        for yaw in [180.0, -180.0] {
            assert_eq!(Upright::of((yaw, 0.0, 0.0)), turned(0, true));
            assert_eq!(Upright::of((yaw, 0.0, 180.0)), turned(2, true));
            assert_eq!(Upright::of((yaw, 0.0, 90.0)), turned(3, true));
            assert_eq!(Upright::of((yaw, 0.0, -90.0)), turned(1, true));
        }
    }

    #[test]
    fn spheres_are_not_turned_and_odd_angles_are_told() {
        for pose in [(90.0, 0.0, 90.0), (0.0, 10.0, 90.0), (0.0, 0.0, f64::NAN), (f64::NAN, 0.0, 90.0)] {
            assert_eq!(Upright::of(pose), turned(0, false));
        }
        assert_eq!(Upright::of((0.0, 0.0, -30.0)), Upright::Odd(30));
        assert_eq!(Upright::of((180.0, 0.0, 45.0)), Upright::of((180.0, 0.0, 405.0)));
        assert_eq!(Upright::of((0.0, 0.0, -1.2)), turned(0, false));
    }
}
