//! How pictures are turned upright: the matrices of track and movie (ISO 14496-12, 6.2.2).
//!
//! FFmpeg multiplies the two (libavformat, since version 4) and its command turns and mirrors pictures by the
//! angle of the product and by the sign of its fields (`ffmpeg_filter.c`, the same from version 5 to 8). Every
//! matrix gives what it shows, except that it draws pictures at other angles than quarter turns into a frame of
//! the old size, with black corners: no training set means that, so that those are refused.

use super::boxes::Fields;
use crate::picture::Orientation;

/// Nine numbers, row by row: six of 16.16 bits, and in the last column 2.30 bits.
pub(super) type Matrix = [i32; 9];

/// The matrix that the next 36 bytes hold.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Matrix> {
    let mut matrix = [0; 9];
    for field in &mut matrix {
        *field = fields.signed()?;
    }
    Some(matrix)
}

/// The track's matrix, then the movie's.
pub(super) fn product(track: &Matrix, movie: &Matrix) -> Matrix {
    let mut product = [0i32; 9];
    for row in 0..3 {
        for column in 0..3 {
            for (at, bits) in [16, 16, 30].into_iter().enumerate() {
                let term = (i64::from(track[3 * row + at]) * i64::from(movie[3 * at + column])) >> bits;
                product[3 * row + column] = product[3 * row + column].wrapping_add(term as i32);
            }
        }
    }
    product
}

/// The orientation of pictures under a matrix, or the clockwise angle in degrees that is no quarter turn.
pub(super) fn orientation(matrix: &Matrix) -> Result<Orientation, i32> {
    let [a, b, _, c, d, ..] = matrix.map(f64::from);
    let (across, down) = (a.hypot(c), b.hypot(d));
    let upright = |quarter_turns, mirrored| Ok(Orientation { quarter_turns, mirrored });
    if across == 0.0 || down == 0.0 {
        // Nothing would be left of the picture; FFmpeg shows it as it is.
        return upright(0, false);
    }
    let degrees = (b / down).atan2(a / across).to_degrees().round() as i32;
    match degrees.rem_euclid(360) {
        // Mirrored top to bottom is mirrored left to right and turned by half.
        0 if d < 0.0 => upright(2, true),
        0 => upright(0, false),
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
        // FFmpeg takes this one for none.
        1 => upright(0, false),
        degrees => Err(degrees),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::building::IDENTITY, *};

    const ONE: i32 = 1 << 16;

    fn matrix(a: i32, b: i32, c: i32, d: i32) -> Matrix {
        [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    }

    fn of(matrix: Matrix) -> (u8, bool) {
        let Orientation { quarter_turns, mirrored } = orientation(&matrix).unwrap();
        (quarter_turns, mirrored)
    }

    #[test]
    fn quarter_turns_and_mirrors_are_told_apart() {
        assert_eq!(of(IDENTITY), (0, false));
        assert_eq!(of(matrix(0, ONE, -ONE, 0)), (1, false));
        assert_eq!(of(matrix(-ONE, 0, 0, -ONE)), (2, false));
        assert_eq!(of(matrix(0, -ONE, ONE, 0)), (3, false));
        assert_eq!(of(matrix(-ONE, 0, 0, ONE)), (0, true));
        assert_eq!(of(matrix(ONE, 0, 0, -ONE)), (2, true));
        // Columns become rows, and the same turned by half.
        assert_eq!(of(matrix(0, ONE, ONE, 0)), (3, true));
        assert_eq!(of(matrix(0, -ONE, -ONE, 0)), (1, true));
    }

    #[test]
    fn scales_do_not_matter_and_odd_angles_are_named() {
        assert_eq!(of(matrix(0, 3 * ONE, -ONE / 2, 0)), (1, false));
        assert_eq!(of(matrix(0, 0, 0, 0)), (0, false));
        let slanted = matrix(46_341, 46_341, -46_341, 46_341);
        assert_eq!(orientation(&slanted), Err(45));
    }

    #[test]
    fn the_movie_turns_what_the_track_has_turned() {
        let quarter = matrix(0, ONE, -ONE, 0);
        assert_eq!(product(&IDENTITY, &quarter), quarter);
        assert_eq!(of(product(&quarter, &quarter)), (2, false));
        assert_eq!(of(product(&matrix(-ONE, 0, 0, ONE), &quarter)), (1, true));
    }
}
