//! How pictures are turned upright: the matrices of track and movie (ISO 14496-12, 6.2.2).
//!
//! FFmpeg multiplies the two (libavformat, since version 4), and shows pictures by the product
//! ([`display_matrix`]).

use super::boxes::Fields;
use crate::{demux::display_matrix, picture::Orientation};

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
pub(super) fn orientation(matrix: &Matrix) -> Result<Orientation, u16> {
    let [a, b, _, c, d, ..] = matrix.map(f64::from);
    display_matrix::orientation([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::mp4::test_films::IDENTITY;

    const ONE: i32 = 1 << 16;

    fn matrix(a: i32, b: i32, c: i32, d: i32) -> Matrix {
        [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    }

    fn of(matrix: Matrix) -> (u8, bool) {
        let Orientation { quarter_turns, mirrored } = orientation(&matrix).unwrap();
        (quarter_turns, mirrored)
    }

    #[test]
    fn the_movie_turns_what_the_track_has_turned() {
        let quarter = matrix(0, ONE, -ONE, 0);
        assert_eq!(product(&IDENTITY, &quarter), quarter);
        assert_eq!(of(product(&quarter, &quarter)), (2, false));
        assert_eq!(of(product(&matrix(-ONE, 0, 0, ONE), &quarter)), (1, true));
    }
}
