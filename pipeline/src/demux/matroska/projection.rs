//! How the pictures of a track are turned upright, by the pose of its projection (RFC 9559, section 5.1.4.1.28.41).
//!
//! The rule is that of FFmpeg since version 5.1, which writes the turn of a phone's film so. A roll turns the picture
//! counter-clockwise, a yaw of 180 degrees mirrors it before; with any pitch, or another yaw, it is a part of a
//! sphere and not turned. What is shown follows from the matrix that FFmpeg derives from that ([`display_matrix`]).

use crate::{demux::display_matrix, picture::Orientation};

/// The orientation of a yaw, a pitch and a roll in degrees, or the clockwise angle that is no quarter turn.
pub(super) fn upright((yaw, pitch, roll): (f64, f64, f64)) -> Result<Orientation, u16> {
    let is_plane = pitch == 0.0 && (yaw == 0.0 || yaw.abs() == 180.0) && !roll.is_nan();
    if !is_plane {
        return Ok(Orientation::default());
    }
    let mirrored = yaw != 0.0;
    let radians = if mirrored { -roll } else { roll }.to_radians();
    let (sine, cosine) = radians.sin_cos();
    let across = if mirrored { -1.0 } else { 1.0 };
    display_matrix::orientation([across * cosine, -sine, across * sine, cosine])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(quarter_turns: u8, mirrored: bool) -> Result<Orientation, u16> {
        Ok(Orientation { quarter_turns, mirrored })
    }

    #[test]
    fn a_roll_turns_counter_clockwise() {
        for (roll, quarters) in
            [(0.0, 0), (90.0, 3), (-90.0, 1), (180.0, 2), (-180.0, 2), (270.0, 1), (89.6, 3)]
        {
            assert_eq!(upright((0.0, 0.0, roll)), turned(quarters, false), "{roll}");
        }
    }

    #[test]
    fn half_a_turn_of_yaw_mirrors_before_the_roll() {
        for yaw in [180.0, -180.0] {
            assert_eq!(upright((yaw, 0.0, 0.0)), turned(0, true));
            assert_eq!(upright((yaw, 0.0, 180.0)), turned(2, true));
            assert_eq!(upright((yaw, 0.0, 90.0)), turned(3, true));
            assert_eq!(upright((yaw, 0.0, -90.0)), turned(1, true));
        }
    }

    #[test]
    fn spheres_are_not_turned_and_odd_angles_are_told() {
        for pose in [(90.0, 0.0, 90.0), (0.0, 10.0, 90.0), (0.0, 0.0, f64::NAN), (f64::NAN, 0.0, 90.0)] {
            assert_eq!(upright(pose), turned(0, false));
        }
        assert_eq!(upright((0.0, 0.0, -30.0)), Err(30));
        assert_eq!(upright((180.0, 0.0, 45.0)), upright((180.0, 0.0, 405.0)));
        assert_eq!(upright((0.0, 0.0, -1.2)), turned(0, false));
    }
}
