//! A classifier on the encoder: all tokens of a clip, their mean, a norm, a linear head.
//!
//! ```text
//! all cubes ─▶ embed + positions ─▶ blocks ─▶ mean over tokens ─▶ fc_norm ─▶ dropout ─▶ head
//! ```
//!
//! The encoder's own last norm is no part of it; `fc_norm` takes its place, behind the mean (official
//! fine-tuning). `fc_norm` of the mean is what is called the feature of a clip.
//!
//! Shapes: B clips, N tokens, C values of a cube, E encoder width, K classes.

use burn::tensor::Tensor;

use super::{
    block::{Affine, Linear},
    drop_path::DropPath,
    dropout::Dropout,
    encoder,
    mode::Mode,
    patch_embedding::PatchEmbedding,
    position_table::PositionTable,
    sizes::ModelShape,
    stages::{Stage, forward},
};
use crate::{
    batch::masked::ClipIdentity,
    device::Device,
    random::purpose,
    weights::{NotFinite, Weights, floats},
};

/// What a classifier has beside its weights.
#[doc(alias("VisionTransformer", "VideoMAEForVideoClassification"))]
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

    /// The same with the positions of a grid of tokens `from`, stretched to this shape's.
    pub fn stretched(shape: ModelShape, from: [usize; 3], device: &Device) -> Self {
        let positions = PositionTable::stretched(from, shape.geometry.grid(), shape.encoder.dim, device);
        Self { shape, positions }
    }

    /// Its lengths.
    pub fn shape(&self) -> &ModelShape {
        &self.shape
    }

    /// Normalised cubes of whole clips `[B, N, C]` to classes, with nothing random. The weights have the layout of
    /// [`super::layout::classifier`].
    pub fn classify(&self, weights: &Weights, cubes: Tensor<3>) -> Classified {
        self.classify_with(weights, cubes, &DropPath::Never, &Dropout::Never)
    }

    /// The same with branches and features left out as these say.
    pub fn classify_with(
        &self,
        weights: &Weights,
        cubes: Tensor<3>,
        drop_path: &DropPath,
        dropout: &Dropout,
    ) -> Classified {
        let features = self.features(weights, self.tokens_with(weights, cubes, drop_path));
        let logits = head(weights, dropout.apply(features.clone()));
        Classified { features, logits }
    }

    /// `fc_norm` of the mean token of whole clips, `[B, E]`. The weights need no head.
    #[doc(alias = "forward_features")]
    pub fn feature(&self, weights: &Weights, cubes: Tensor<3>) -> Tensor<2> {
        self.features(weights, self.tokens(weights, cubes))
    }

    /// Normalised cubes `[B, N, C]` to tokens before the first block, `[B, N, E]`.
    #[doc(alias("PatchEmbed", "patch embedding"))]
    pub fn embed(&self, weights: &Weights, cubes: Tensor<3>) -> Tensor<3> {
        PatchEmbedding::of(weights, "").forward(cubes, self.positions.all())
    }

    /// Normalised cubes `[B, N, C]` to tokens behind the last block, `[B, N, E]`. The weights may be those of
    /// an encoder alone.
    pub fn tokens(&self, weights: &Weights, cubes: Tensor<3>) -> Tensor<3> {
        self.tokens_with(weights, cubes, &DropPath::Never)
    }

    fn tokens_with(&self, weights: &Weights, cubes: Tensor<3>, drop_path: &DropPath) -> Tensor<3> {
        let clips = cubes.dims()[0];
        forward(&self.encoder_stages(drop_path), weights, cubes, clips)
    }

    /// Normalised cubes `[B, N, C]` to what an encoder alone makes of them, `[B, N, E]`: through its closing norm
    /// if the weights have one.
    pub fn encode(&self, weights: &Weights, cubes: Tensor<3>) -> Tensor<3> {
        let tokens = self.tokens(weights, cubes);
        if weights.has("norm.weight") {
            Affine::of(weights, "norm").forward(tokens, self.shape.epsilons.blocks)
        } else {
            tokens
        }
    }

    /// The way from the cubes of `clips` to logits, which stand as `[B, 1, K]`, cut into stages that each keep one
    /// tensor. The last one is all that is not the encoder.
    pub(crate) fn stages(&self, mode: Mode, clips: &[ClipIdentity]) -> Vec<Stage<'_>> {
        let mut stages = self.encoder_stages(&mode.drop_path(
            purpose::DROP_PATH_OF_ENCODER,
            self.shape.encoder.depth,
            clips,
        ));
        let dropout = mode.dropout(clips);
        stages.push(Box::new(move |weights, tokens, part| {
            let features = self.features(weights, tokens);
            head(weights, dropout.of(part).apply(features)).unsqueeze_dim(1)
        }));
        stages
    }

    fn encoder_stages(&self, drop_path: &DropPath) -> Vec<Stage<'_>> {
        encoder::stages("", &self.shape, |_| self.positions.all(), drop_path)
    }

    /// The first part of the model behind which values are not all finite, where logits are not. The clips go
    /// through it once more for it.
    pub(crate) fn first_not_finite(&self, weights: &Weights, cubes: Tensor<3>) -> String {
        let clips = cubes.dims()[0];
        let mut tokens = cubes;
        for (number, stage) in self.encoder_stages(&DropPath::Never).iter().enumerate() {
            tokens = stage(weights, tokens, 0..clips);
            if NotFinite::among(&floats(tokens.clone())).is_some() {
                return match number {
                    0 => "patch_embed".to_owned(),
                    number => format!("blocks.{}", number - 1),
                };
            }
        }
        let features = self.features(weights, tokens);
        if NotFinite::among(&floats(features)).is_some() { "fc_norm" } else { "head" }.to_owned()
    }

    fn features(&self, weights: &Weights, tokens: Tensor<3>) -> Tensor<2> {
        let mean: Tensor<2> = tokens.mean_dim(1).squeeze_dim(1); // B E
        Affine::of(weights, "fc_norm").forward(mean, self.shape.epsilons.last)
    }
}

fn head(weights: &Weights, features: Tensor<2>) -> Tensor<2> {
    Linear::of(weights, "head").forward(features) // B K
}
