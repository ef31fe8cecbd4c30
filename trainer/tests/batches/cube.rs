//! Frames to cubes, the plain way.

use schemas::ClipGeometry;

/// A cube's bytes in the order of the embedding.
pub fn cube(frames: &[u8], geometry: ClipGeometry, token: usize) -> Vec<u8> {
    let [_, rows, columns] = geometry.grid();
    let (t, y, x) = (token / (rows * columns), token / columns % rows, token % columns);
    let patch = geometry.patch();
    let mut cube = Vec::with_capacity(geometry.cube());
    for colour in 0..3 {
        for time in 0..geometry.tubelet() {
            for row in 0..patch {
                let line = (t * geometry.tubelet() + time) * geometry.height() + y * patch + row;
                let pixels = (line * geometry.width() + x * patch..).take(patch);
                cube.extend(pixels.map(|pixel| frames[pixel * 3 + colour]));
            }
        }
    }
    cube
}
