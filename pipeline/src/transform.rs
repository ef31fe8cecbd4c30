//! From decoded pictures to the pixels of a clip, in one of two ways:
//!
//! ```text
//! planes   planes ─▶ upright ─▶ (short side resized) ─▶ crop ─▶ resized to the clip's size ─▶ RGB u8 ─▶ (mirrored)
//! rgb      planes ─▶ RGB u8 ─▶ upright ─▶ (short side resized) ─▶ crop ─▶ resized ─▶ (mirrored)
//!                              └── a frame shard stores this ──┘
//! ```
//!
//! The first rounds once, at the end, and reads the planes of the crop alone; the second is the official
//! code's, byte for byte. Because a shard stores what stands before the crop, raw files and frame shards
//! give the same bytes. Where the short side is kept, only the crop window is converted to RGB; the result
//! is the same, since conversion works pixel by pixel.

pub mod crop;
pub mod lines;
pub mod orientation;
pub mod planes;
pub mod rgb;
mod weighted_sum;
mod whole_frame;

pub use self::{
    planes::whole::whole_planes,
    whole_frame::{whole_frame, window_of},
};

/// RGB pixels as others take them: `height × width × 3` bytes, rows without padding.
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
}
