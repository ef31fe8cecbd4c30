//! How pixels become the numbers that a model takes: `(pixel / 255 − mean) ÷ deviation`, colour by colour.

use schemas::geometry::CHANNELS;
use serde::{Deserialize, Serialize};

/// Mean and deviation of each colour, of pixels in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PixelScale {
    /// What is subtracted.
    pub mean: [f64; CHANNELS],
    /// What is divided by.
    pub std: [f64; CHANNELS],
}

impl PixelScale {
    /// Those of ImageNet, which all batches are scaled by ([`crate::batch::masked::normalise`]).
    pub const IMAGENET: Self = Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

    /// Whether it is ImageNet's.
    pub fn is_imagenet(&self) -> bool {
        *self == Self::IMAGENET
    }

    /// Whether numbers come out of it.
    pub(super) fn is_usable(&self) -> bool {
        self.mean.iter().all(|mean| mean.is_finite())
            && self.std.iter().all(|std| std.is_finite() && *std > 0.0)
    }
}

impl Default for PixelScale {
    fn default() -> Self {
        Self::IMAGENET
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::masked::{PIXEL_MEAN, PIXEL_STD};

    #[test]
    fn imagenet_s_numbers_are_those_that_batches_are_scaled_by() {
        let PixelScale { mean, std } = PixelScale::IMAGENET;
        assert_eq!((mean.map(|mean| mean as f32), std.map(|std| std as f32)), (PIXEL_MEAN, PIXEL_STD));
    }
}
