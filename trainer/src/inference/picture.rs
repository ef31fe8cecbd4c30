//! Cubes to their places in the frames of a clip.

use schemas::{ClipGeometry, geometry::CHANNELS};

/// Writes the cube of `token` into a picture; `level` gives its bytes in the order of the embedding.
pub(super) fn place(picture: &mut [u8], geometry: ClipGeometry, token: u16, level: impl Fn(usize) -> u8) {
    let [_, rows, columns] = geometry.grid();
    let (tubelet, patch) = (geometry.tubelet(), geometry.patch());
    let token = usize::from(token);
    let (t, y, x) = (token / (rows * columns), token / columns % rows, token % columns);
    for at in 0..geometry.cube() {
        let (column, row) = (at % patch, at / patch % patch);
        let (time, colour) = (at / (patch * patch) % tubelet, at / (patch * patch * tubelet));
        let line = ((t * tubelet + time) * geometry.height() + y * patch + row) * geometry.width();
        picture[(line + x * patch + column) * CHANNELS + colour] = level(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cube_lands_at_its_place_in_the_picture() {
        let geometry = ClipGeometry::new(4, 4, 6, 2, 2).unwrap();
        let mut picture = vec![0; 4 * 4 * 6 * 3];
        // Token 10 of grid 2×2×3 is time 1, row 1, column 1.
        place(&mut picture, geometry, 10, |at| at as u8 + 1);
        let pixel = |frame: usize, y: usize, x: usize| ((frame * 4 + y) * 6 + x) * 3;
        assert_eq!(picture[pixel(2, 2, 2)], 1);
        assert_eq!(picture[pixel(2, 2, 3)], 2);
        assert_eq!(picture[pixel(2, 3, 2)], 3);
        assert_eq!(picture[pixel(3, 2, 2)], 5);
        assert_eq!(picture[pixel(2, 2, 2) + 1], 9);
        assert_eq!(picture.iter().filter(|level| **level > 0).count(), 24);
    }
}
