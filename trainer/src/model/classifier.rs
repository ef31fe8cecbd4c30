//! A classifier on the encoder: all tokens of a clip, their mean, a norm, a linear head.
//!
//! The encoder's own last norm is no part of it; `fc_norm` takes its place (official fine-tuning).
//!
//! Shapes: B clips, N tokens, C values of a cube, E encoder width, K classes.

use burn::tensor::Tensor;

use super::{
    block::{Affine, Linear},
    drop_path::DropPath,
    encoder::Encoder,
    position_table::PositionTable,
    sizes::ModelShape,
};
use crate::{Device, weights::Weights};

/// What a classifier has beside its weights.
pub struct Classifier {
    shape: ModelShape,
    positions: PositionTable,
}

/// What a classifier says of a batch.
pub struct Classified {
    /// `fc_norm` of the mean token, `[B, E]`.
    pub features: Tensor<2>,
    /// One number a class, `[B, K]`.
    pub logits: Tensor<2>,
}

impl Classifier {
    /// A classifier whose encoder has this shape.
    pub fn new(shape: ModelShape, device: &Device) -> Self {
        let positions = PositionTable::new(shape.geometry.tokens(), shape.encoder.dim, device);
        Self { shape, positions }
    }

    /// Normalised cubes of whole clips `[B, N, C]` to classes. The weights have the layout of
    /// [`super::layout::classifier`].
    pub fn classify(&self, weights: &Weights, cubes: Tensor<3>) -> Classified {
        let encoder = Encoder::of(weights, "", &self.shape);
        let tokens = encoder.forward(cubes, self.positions.all(), &DropPath::Never); // B N E
        let mean: Tensor<2> = tokens.mean_dim(1).squeeze_dim(1); // B E
        let features = Affine::of(weights, "fc_norm").forward(mean, self.shape.epsilons.last);
        let logits = Linear::of(weights, "head").forward(features.clone()); // B K
        Classified { features, logits }
    }
}
