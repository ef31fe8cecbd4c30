//! The shape of a clip: frames, pixels, and how they divide into cubes.
//!
//! A `ClipGeometry` can only be built when frames divide by the tubelet length and both sides by the
//! patch, so whoever holds one need not check again.
//!
//! ```text
//! token number = (t · grid height + y) · grid width + x          (VideoMAE, section 1.5 of the method)
//! byte in cube = ((colour · tubelet + time) · patch + row) · patch + column
//! ```

use serde::{Deserialize, Serialize};

/// Colours of a pixel (red, green, blue).
pub const CHANNELS: usize = 3;

/// Colour samples of a clip.
const MOST_PIXELS: usize = 1 << 40;

/// Frames, height and width of a clip in pixels, and the size of a cube. All lengths are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Lengths", into = "Lengths")]
pub struct ClipGeometry(Lengths);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Lengths {
    frames: usize,
    height: usize,
    width: usize,
    tubelet: usize,
    patch: usize,
}

/// Why lengths do not make a clip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// A length is zero.
    #[error("{what} is 0")]
    Zero {
        /// Which length.
        what: &'static str,
    },
    /// A length is not a multiple of the cube's.
    #[error("{by_what} {by} does not divide {what} {length}")]
    NotDivisible {
        /// Which length.
        what: &'static str,
        /// Its value.
        length: usize,
        /// What should divide it.
        by_what: &'static str,
        /// The divisor.
        by: usize,
    },
    /// There are more pixels than any memory holds.
    #[error("{frames} frames of {height}x{width} pixels are too many")]
    TooLarge {
        /// Frames of a clip.
        frames: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// There are more tokens than a `u16` can number.
    #[error("{tokens} tokens are more than the 65536 that a batch can number")]
    TooManyTokens {
        /// How many there would be.
        tokens: usize,
    },
}

impl ClipGeometry {
    /// How it stands in the digests that cached features and embeddings are named by; never to be changed.
    pub fn digest_words(&self) -> String {
        let Lengths { frames, height, width, tubelet, patch } = self.0;
        let lengths =
            format!("frames: {frames}, height: {height}, width: {width}, tubelet: {tubelet}, patch: {patch}");
        format!("ClipGeometry(Lengths {{ {lengths} }})")
    }

    /// A clip of `frames` frames of `height` by `width` pixels in cubes of `tubelet` frames by
    /// `patch` by `patch` pixels.
    ///
    /// # Errors
    /// When a length is 0, does not divide, or there are more than 65536 tokens.
    pub fn new(
        frames: usize,
        height: usize,
        width: usize,
        tubelet: usize,
        patch: usize,
    ) -> Result<Self, GeometryError> {
        for (what, length) in
            [("frames", frames), ("height", height), ("width", width), ("tubelet", tubelet), ("patch", patch)]
        {
            if length == 0 {
                return Err(GeometryError::Zero { what });
            }
        }
        for (what, length, by_what, by) in [
            ("frames", frames, "tubelet", tubelet),
            ("height", height, "patch", patch),
            ("width", width, "patch", patch),
        ] {
            if !length.is_multiple_of(by) {
                return Err(GeometryError::NotDivisible { what, length, by_what, by });
            }
        }
        let lengths = [frames, height, width, CHANNELS];
        let pixels = lengths.into_iter().try_fold(1usize, |product, length| product.checked_mul(length));
        if pixels.is_none_or(|pixels| pixels > MOST_PIXELS) {
            return Err(GeometryError::TooLarge { frames, height, width });
        }
        let geometry = Self(Lengths { frames, height, width, tubelet, patch });
        let tokens = geometry.tokens();
        if tokens > 1 << 16 {
            return Err(GeometryError::TooManyTokens { tokens });
        }
        Ok(geometry)
    }

    /// Frames of a clip.
    pub fn frames(self) -> usize {
        self.0.frames
    }

    /// Height in pixels.
    pub fn height(self) -> usize {
        self.0.height
    }

    /// Width in pixels.
    pub fn width(self) -> usize {
        self.0.width
    }

    /// Frames of a cube.
    pub fn tubelet(self) -> usize {
        self.0.tubelet
    }

    /// Rows, and columns, of a cube in pixels.
    pub fn patch(self) -> usize {
        self.0.patch
    }

    /// Cubes along time, height and width.
    pub fn grid(self) -> [usize; 3] {
        [self.0.frames / self.0.tubelet, self.0.height / self.0.patch, self.0.width / self.0.patch]
    }

    /// Cubes of a clip: 1568 for 16×224×224 in cubes of 2×16×16.
    pub fn tokens(self) -> usize {
        self.grid().iter().product()
    }

    /// Cubes of one time position.
    pub fn places(self) -> usize {
        let [_, height, width] = self.grid();
        height * width
    }

    /// Bytes (colour samples) of a cube: 1536 for 2×16×16.
    pub fn cube(self) -> usize {
        CHANNELS * self.0.tubelet * self.0.patch * self.0.patch
    }
}

impl TryFrom<Lengths> for ClipGeometry {
    type Error = GeometryError;

    fn try_from(raw: Lengths) -> Result<Self, GeometryError> {
        Self::new(raw.frames, raw.height, raw.width, raw.tubelet, raw.patch)
    }
}

impl From<ClipGeometry> for Lengths {
    fn from(geometry: ClipGeometry) -> Self {
        geometry.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_digests_are_those_that_caches_have_been_named_by() {
        let words = "ClipGeometry(Lengths { frames: 16, height: 32, width: 48, tubelet: 2, patch: 8 })";
        assert_eq!(ClipGeometry::new(16, 32, 48, 2, 8).unwrap().digest_words(), words);
    }

    #[test]
    fn the_published_clip_has_1568_tokens_of_1536_bytes() {
        let geometry = ClipGeometry::new(16, 224, 224, 2, 16).unwrap();
        assert_eq!(geometry.grid(), [8, 14, 14]);
        assert_eq!((geometry.tokens(), geometry.places(), geometry.cube()), (1568, 196, 1536));
    }

    #[test]
    fn lengths_that_do_not_divide_are_refused() {
        let refused = ClipGeometry::new(16, 224, 225, 2, 16).unwrap_err();
        assert_eq!(refused.to_string(), "patch 16 does not divide width 225");
        assert!(ClipGeometry::new(15, 224, 224, 2, 16).is_err());
        assert!(ClipGeometry::new(16, 0, 224, 2, 16).is_err());
        assert!(ClipGeometry::new(64, 1024, 1024, 1, 4).is_err());
        for [frames, side] in [[1 << 20, 1 << 20], [usize::MAX, usize::MAX], [1, 1 << 40]] {
            let refused = ClipGeometry::new(frames, side, side, frames, side).unwrap_err();
            assert_eq!(refused, GeometryError::TooLarge { frames, height: side, width: side });
        }
    }

    #[test]
    fn a_geometry_read_from_json_is_checked() {
        let good = r#"{"frames":16,"height":112,"width":112,"tubelet":2,"patch":16}"#;
        let geometry: ClipGeometry = serde_json::from_str(good).unwrap();
        assert_eq!(serde_json::to_string(&geometry).unwrap(), good);
        assert!(serde_json::from_str::<ClipGeometry>(&good.replace("112", "113")).is_err());
    }
}
