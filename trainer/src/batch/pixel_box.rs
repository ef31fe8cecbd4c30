//! A box of pixels, the same in all frames of a clip, as a mask over its cubes.
//!
//! Erasing fills such a box with noise, cutmix with another clip. Pixels are in the order of cubes here:
//!
//! ```text
//! [B, N, C] = [B, times, places, colours · tubelet, P²]        a box is a mask [1, 1, places, 1, P²]
//! ```

use burn::tensor::{Tensor, TensorData};
use schemas::{ClipGeometry, geometry::CHANNELS, labelled_batch::EraseBox};

/// Rows and columns of a box, each from the first to below the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelBox {
    /// First row.
    pub top: usize,
    /// The row below the last.
    pub bottom: usize,
    /// First column.
    pub left: usize,
    /// The column right of the last.
    pub right: usize,
}

impl From<EraseBox> for PixelBox {
    fn from(erase: EraseBox) -> Self {
        let EraseBox { top, left, height, width } = erase;
        let [top, left] = [top, left].map(usize::from);
        Self { top, bottom: top + usize::from(height), left, right: left + usize::from(width) }
    }
}

impl PixelBox {
    /// Pixels of a frame in it.
    pub fn area(self) -> usize {
        (self.bottom - self.top) * (self.right - self.left)
    }

    /// Whether the pixel is in it.
    fn holds(self, row: usize, column: usize) -> bool {
        (self.top..self.bottom).contains(&row) && (self.left..self.right).contains(&column)
    }

    /// Takes the pixels in the box from `inside`, the others from `outside` (both `[B, N, C]`, or one of them
    /// `[1, N, C]`).
    pub fn fill(self, outside: Tensor<3>, inside: Tensor<3>, geometry: ClipGeometry) -> Tensor<3> {
        let patch = geometry.patch();
        let [_, _, columns] = geometry.grid();
        let pixel = |place: usize, at: usize| {
            let (row, column) = (place / columns * patch + at / patch, place % columns * patch + at % patch);
            if self.holds(row, column) { 1f32 } else { 0.0 }
        };
        let mask: Vec<f32> = (0..geometry.places())
            .flat_map(|place| (0..patch * patch).map(move |at| pixel(place, at)))
            .collect();
        let mask = TensorData::new(mask, [1, 1, geometry.places(), 1, patch * patch]);
        let mask = Tensor::<5>::from_data(mask, &outside.device());
        let dims = outside.dims();
        // A factor of 0 or 1 keeps or drops a finite pixel exactly.
        let kept = split(outside, geometry) * (mask.clone() * -1.0 + 1.0);
        (kept + split(inside, geometry) * mask).reshape(dims)
    }
}

/// `[B, N, C]` as `[B, times, places, colours · tubelet, P²]`.
fn split(cubes: Tensor<3>, geometry: ClipGeometry) -> Tensor<5> {
    let ([clips, _, _], [times, _, _]) = (cubes.dims(), geometry.grid());
    let patch = geometry.patch();
    cubes.reshape([clips, times, geometry.places(), CHANNELS * geometry.tubelet(), patch * patch])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::Device, weights::floats};

    #[test]
    fn exactly_the_pixels_of_the_box_are_taken_in_every_frame() {
        // Two cubes of 2×2×2 side by side; the box covers row 1, columns 1 and 2.
        let geometry = ClipGeometry::new(2, 2, 4, 2, 2).unwrap();
        let region = PixelBox { top: 1, bottom: 2, left: 1, right: 3 };
        let device = Device::flex();
        let cubes = |value: f32| Tensor::<3>::full([1, 2, 24], value, device.tensors());
        let filled = floats(region.fill(cubes(1.0), cubes(7.0), geometry));
        let left = [1.0, 1.0, 1.0, 7.0].repeat(6);
        let right = [1.0, 1.0, 7.0, 1.0].repeat(6);
        assert_eq!(filled, [left, right].concat());
        assert_eq!(region.area(), 2);
    }
}
