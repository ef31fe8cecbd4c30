//! Cubes of a clip in token order, each in the byte order of the embedding's weights.
//!
//! ```text
//! token       = (t·grid height + y)·grid width + x
//! byte of it  = ((colour·tubelet + time)·patch + row)·patch + column
//! ```
//!
//! Frames come one by one and are copied line by line to where they belong, so no clip of whole frames
//! is ever held. Only the wanted tokens are copied: at a mask ratio of .9 with running cells, 864 of 1568.

use schemas::{ClipGeometry, geometry::CHANNELS};

use crate::transform::lines::Lines;

/// Copies the clip's frame `number` into the cubes of `tokens`: `tokens.len() × geometry.cube()` bytes,
/// one cube after the other. A cube is whole once all its frames were put in.
///
/// `frame` has the size of the geometry.
#[doc(alias = "patchify")]
pub fn put_frame(geometry: ClipGeometry, frame: &Lines, number: usize, tokens: &[u16], cubes: &mut [u8]) {
    match geometry.patch() {
        // Sizes known when compiled make a line one move instead of a call.
        16 => put_frame_of::<16>(geometry, frame, number, tokens, cubes),
        14 => put_frame_of::<14>(geometry, frame, number, tokens, cubes),
        8 => put_frame_of::<8>(geometry, frame, number, tokens, cubes),
        _ => put_frame_of::<0>(geometry, frame, number, tokens, cubes),
    }
}

/// `PATCH` is the patch, or 0 for any.
fn put_frame_of<const PATCH: usize>(
    geometry: ClipGeometry,
    frame: &Lines,
    number: usize,
    tokens: &[u16],
    cubes: &mut [u8],
) {
    let [_, grid_height, grid_width] = geometry.grid();
    let (tubelet, width) = (geometry.tubelet(), geometry.width());
    let patch = if PATCH == 0 { geometry.patch() } else { PATCH };
    let (t, time) = (number / tubelet, number % tubelet);
    let of_time = grid_height * grid_width;
    let shown = t * of_time..(t + 1) * of_time;
    let samples = frame.samples();
    for (cube, &token) in cubes.chunks_exact_mut(geometry.cube()).zip(tokens) {
        let token = usize::from(token);
        if !shown.contains(&token) {
            continue;
        }
        let (x, y) = (token % grid_width, token / grid_width % grid_height);
        for colour in 0..CHANNELS {
            let square = &mut cube[(colour * tubelet + time) * patch * patch..][..patch * patch];
            for (row, line) in square.chunks_exact_mut(patch).enumerate() {
                let from = ((y * patch + row) * CHANNELS + colour) * width + x * patch;
                line.copy_from_slice(&samples[from..from + patch]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transform::crop::Window;

    proptest! {
        #[test]
        fn bytes_of_a_cube_go_colour_time_row_column(
            patch in prop::sample::select(vec![2usize, 8, 14, 16]), first in 0u16..12, second in 0u16..12,
        ) {
            let (height, width) = (2 * patch, 3 * patch);
            let geometry = ClipGeometry::new(4, height, width, 2, patch).unwrap();
            let value = |t: usize, y: usize, x: usize, colour: usize| {
                (((t * height + y) * width + x) * 3 + colour).wrapping_mul(0x9E37_79B1) as u32 as u8
            };
            let tokens = [first, second];
            let mut found = vec![0; 2 * geometry.cube()];
            let mut frame = Lines::default();
            for t in 0..4 {
                let pixels: Vec<u8> = (0..height * width * 3)
                    .map(|at| value(t, at / (width * 3), at / 3 % width, at % 3))
                    .collect();
                let window = Window { x: 0, y: 0, width: width as u32, height: height as u32 };
                frame.cut_from(&pixels, width as u32, window);
                put_frame(geometry, &frame, t, &tokens, &mut found);
            }
            let mut expected = Vec::new();
            for token in tokens.map(usize::from) {
                let (t, y, x) = (token / 6, token / 3 % 2, token % 3);
                for colour in 0..3 {
                    for at in 0..2 * patch * patch {
                        let (time, row, column) = (at / (patch * patch), at / patch % patch, at % patch);
                        expected.push(value(t * 2 + time, y * patch + row, x * patch + column, colour));
                    }
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
