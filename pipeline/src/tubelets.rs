//! Cubes of a clip in token order, each in the byte order of the embedding's weights.
//!
//! ```text
//! token       = (t·grid height + y)·grid width + x
//! byte of it  = ((colour·tubelet + time)·patch + row)·patch + column
//! ```
//!
//! Only the wanted tokens are copied: at a mask ratio of .9 with running cells, 864 of 1568.

use schemas::{ClipGeometry, geometry::CHANNELS};

/// The cubes of `tokens`, one after the other: `tokens.len() × geometry.cube()` bytes.
///
/// `frames` are the clip's frames in order, each `height × width × 3` bytes of RGB.
pub fn cubes(geometry: ClipGeometry, frames: &[&[u8]], tokens: &[u16]) -> Vec<u8> {
    let [_, grid_height, grid_width] = geometry.grid();
    let (tubelet, patch, width) = (geometry.tubelet(), geometry.patch(), geometry.width());
    let mut out = vec![0; tokens.len() * geometry.cube()];
    let colour_bytes = tubelet * patch * patch;
    for (cube, &token) in out.chunks_exact_mut(geometry.cube()).zip(tokens) {
        let token = usize::from(token);
        let (x, y) = (token % grid_width, token / grid_width % grid_height);
        let t = token / (grid_width * grid_height);
        let (reds, rest) = cube.split_at_mut(colour_bytes);
        let (greens, blues) = rest.split_at_mut(colour_bytes);
        for line in 0..tubelet * patch {
            let (time, row) = (line / patch, line % patch);
            let from = ((y * patch + row) * width + x * patch) * CHANNELS;
            let pixels = frames[t * tubelet + time][from..][..patch * CHANNELS].chunks_exact(CHANNELS);
            let line = line * patch..(line + 1) * patch;
            let colours = reds[line.clone()].iter_mut().zip(&mut greens[line.clone()]).zip(&mut blues[line]);
            for (pixel, ((red, green), blue)) in pixels.zip(colours) {
                (*red, *green, *blue) = (pixel[0], pixel[1], pixel[2]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_cube_go_colour_time_row_column() {
        let geometry = ClipGeometry::new(4, 4, 6, 2, 2).unwrap();
        let value = |t: usize, y: usize, x: usize, colour: usize| (t * 72 + y * 18 + x * 3 + colour) as u8;
        let frames: Vec<Vec<u8>> =
            (0..4).map(|t| (0..72).map(|at| value(t, at / 18, at % 18 / 3, at % 3)).collect()).collect();
        let views: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        // Token 10 = (t 1, y 1, x 1) on a grid of 2×2×3.
        let found = cubes(geometry, &views, &[0, 10]);
        let mut expected = Vec::new();
        for (t, y, x) in [(0, 0, 0), (1, 1, 1)] {
            for colour in 0..3 {
                for (time, row, column) in (0..8).map(|at| (at / 4, at / 2 % 2, at % 2)) {
                    expected.push(value(t * 2 + time, y * 2 + row, x * 2 + column, colour));
                }
            }
        }
        assert_eq!(found, expected);
    }
}
