//! From decoded pictures to the pixels of a clip, always in this order:
//!
//! ```text
//! picture ─▶ RGB u8 ─▶ upright ─▶ (short side resized) ─▶ crop ─▶ resized to the clip's size ─▶ (mirrored)
//!                                 └── a frame shard stores this ──┘
//! ```
//!
//! Because a shard stores what stands between the second and the third step, raw files and frame shards
//! give the same bytes. Where the short side is kept, only the crop window is converted to RGB; the result
//! is the same, since conversion works pixel by pixel.

pub mod crop;
pub mod orientation;
pub mod resize;
pub mod rgb;

use crop::Window;

use crate::picture::{Orientation, Picture};

/// RGB pixels: `height × width × 3` bytes, rows without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbFrame {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The bytes.
    pub pixels: Vec<u8>,
}

/// Columns and rows after `size` is resized so that its shorter side is `short_side`; 0 keeps it.
pub fn size_with_short_side(size: (u32, u32), short_side: u32) -> (u32, u32) {
    let (width, height) = size;
    let short = width.min(height);
    if short_side == 0 || short == 0 {
        return size;
    }
    let scaled = |side: u32| {
        let rounded = (u64::from(side) * u64::from(short_side) + u64::from(short) / 2) / u64::from(short);
        u32::try_from(rounded).unwrap_or(u32::MAX)
    };
    (scaled(width), scaled(height))
}

/// A whole picture as an upright RGB frame whose shorter side is `short_side` (0 keeps its size).
pub fn whole_frame(picture: &Picture, orientation: Orientation, short_side: u32) -> RgbFrame {
    let upright = orientation::upright_size(orientation, (picture.width, picture.height));
    let frame = window_of(picture, orientation, Window { x: 0, y: 0, width: upright.0, height: upright.1 });
    let (width, height) = size_with_short_side(upright, short_side);
    if (width, height) == upright {
        return frame;
    }
    let pixels = resize::resize(&frame.pixels, upright, (width, height));
    RgbFrame { width, height, pixels }
}

/// A window of a picture as RGB; the window is given in the upright picture and must lie in it.
pub fn window_of(picture: &Picture, orientation: Orientation, window: Window) -> RgbFrame {
    let coded = orientation::to_coded(orientation, (picture.width, picture.height), window);
    orientation::upright(orientation, rgb::convert(picture, coded))
}

/// A window of an RGB frame; it must lie in the frame.
pub fn cut(pixels: &[u8], width: u32, window: Window) -> RgbFrame {
    let row_bytes = window.width as usize * 3;
    let mut cut = Vec::with_capacity(row_bytes * window.height as usize);
    for y in window.y..window.y + window.height {
        let from = (y as usize * width as usize + window.x as usize) * 3;
        cut.extend_from_slice(&pixels[from..from + row_bytes]);
    }
    RgbFrame { width: window.width, height: window.height, pixels: cut }
}

/// Mirrors rows left to right, in place.
pub fn mirror(frame: &mut RgbFrame) {
    for row in frame.pixels.chunks_exact_mut(frame.width as usize * 3) {
        row.reverse();
        for pixel in row.chunks_exact_mut(3) {
            pixel.reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_side_decides_the_size() {
        assert_eq!(size_with_short_side((1920, 1080), 256), (455, 256));
        assert_eq!(size_with_short_side((256, 340), 256), (256, 340));
        assert_eq!(size_with_short_side((340, 256), 0), (340, 256));
        assert_eq!(size_with_short_side((100, 50), 100), (200, 100));
    }

    #[test]
    fn mirroring_turns_pixels_and_not_colours() {
        let mut frame = RgbFrame { width: 2, height: 1, pixels: vec![1, 2, 3, 4, 5, 6] };
        mirror(&mut frame);
        assert_eq!(frame.pixels, [4, 5, 6, 1, 2, 3]);
    }
}
