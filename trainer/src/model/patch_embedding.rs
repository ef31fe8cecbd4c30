//! The patch embedding: each cube of pixels to a token.
//!
//! Shapes: B clips, V cubes, C values of a cube, E encoder width.

use burn::tensor::Tensor;

use super::block::Linear;
use crate::weights::Weights;

/// A linear map of cubes to tokens. The published code has a convolution whose kernel and stride are equal; that is
/// this product, since a cube's bytes are in the order of the kernel's weights.
#[doc(alias("PatchEmbed", "tubelet embedding", "Conv3d"))]
pub(super) struct PatchEmbedding(Linear);

impl PatchEmbedding {
    /// The embedding of a model in pre-training (`encoder.`) or of a classifier (no prefix).
    pub(super) fn of(weights: &Weights, prefix: &str) -> Self {
        Self(Linear::of(weights, &format!("{prefix}patch_embed.proj")))
    }

    /// Normalised cubes `[B, V, C]` at `positions` `[B or 1, V, E]` to tokens `[B, V, E]`.
    pub(super) fn forward(&self, cubes: Tensor<3>, positions: Tensor<3>) -> Tensor<3> {
        self.0.forward(cubes) + positions
    }
}
