//! How pixels become the numbers that a model takes: `(pixel / 255 − mean) ÷ deviation`, colour by colour.
//!
//! The official models take ImageNet's mean and deviation, and so does every batch here. A Hugging Face folder
//! may say others. A conversion carries them as they are. To be used here, a model of other numbers becomes
//! one of ImageNet's: the embedding is linear, so it takes up the difference.
//!
//! ```text
//! W·(p − m)/s + b  =  W′·(p − m₀)/s₀ + b′      W′ = W·s₀/s      b′ = b + Σ W·(m₀ − m)/s
//! ```

use schemas::geometry::CHANNELS;
use serde::{Deserialize, Serialize};

use super::{Kind, SavedModel};

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

impl SavedModel {
    /// The same model for pixels that are scaled as all batches are. One that takes these already keeps its
    /// bits.
    pub fn for_our_pixels(mut self) -> Self {
        let (theirs, ours) = (self.pixels, PixelScale::IMAGENET);
        if theirs == ours {
            return self;
        }
        let prefix = if self.kind == Kind::Pretraining { "encoder." } else { "" };
        let name = |part: &str| format!("{prefix}patch_embed.proj.{part}");
        let of_colour = self.shape.geometry.cube() / CHANNELS;
        let mut moved = vec![0f64; self.shape.encoder.dim];
        if let Some(weight) = self.weights.get_mut(&name("weight")) {
            for (at, values) in weight.values.chunks_mut(of_colour).enumerate() {
                let (row, colour) = (at / CHANNELS, at % CHANNELS);
                let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
                moved[row] += sum * (ours.mean[colour] - theirs.mean[colour]) / theirs.std[colour];
                let factor = ours.std[colour] / theirs.std[colour];
                values.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
            }
        }
        if let Some(bias) = self.weights.get_mut(&name("bias")) {
            let pairs = bias.values.iter_mut().zip(moved);
            pairs.for_each(|(value, moved)| *value = (f64::from(*value) + moved) as f32);
        }
        self.pixels = ours;
        self
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
