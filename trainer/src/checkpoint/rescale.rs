//! Folds another scale of pixels into a model's embedding, so that it takes the pixels of our batches.
//!
//! The official models take ImageNet's mean and deviation, and so does every batch here. A Hugging Face folder
//! may say others. A conversion carries them as they are. To be used here, a model of other numbers becomes
//! one of ImageNet's: the embedding is linear, so it takes up the difference.
//!
//! ```text
//! W·(p − m)/s + b  =  W′·(p − m₀)/s₀ + b′      W′ = W·s₀/s      b′ = b + Σ W·(m₀ − m)/s
//! ```

use schemas::geometry::CHANNELS;

use super::{Kind, PixelScale, SavedModel};

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
