//! Vectors of clips: the features that a model makes of a clip.
//!
//! ```text
//! classifier            fc_norm of the mean token: what is called the VideoMAE feature (`forward_features`); also
//!                       of one without a head, as VideoMAE V2 is published for features
//! pre-trained, encoder  the mean token, through `encoder.norm` where there is one
//! ```
//!
//! All tokens can be had instead of their mean: those behind the last block, through `encoder.norm` where
//! there is one.
//!
//! Shapes: B clips, N tokens, C values of a cube, E width.

use burn::tensor::Tensor;
use schemas::LabelledBatch;

use super::{
    classifier::classifier_of,
    frozen_encoder::{FrozenEncoder, Pool},
};
use crate::{
    batch::{
        finite,
        labelled::{LabelledClips, LabelledClipsError},
    },
    checkpoint::{Kind, PixelScale, SavedModel},
    device::Device,
    kernels::{self, Kernels, Precision},
    model::{ModelShape, classifier::Classifier, layout::LastNorm},
    weights::{Misfit, Weights, floats},
};

/// A model that makes vectors of clips.
pub struct Embedder {
    model: Model,
    digest: String,
    pixels: Pixels,
    device: Device,
    precision: Precision,
    kernels: Kernels,
}

enum Model {
    /// A classifier, or one without its head.
    Classifier(Box<(Classifier, Weights)>),
    Encoder(Box<FrozenEncoder>),
}

/// What the pixels of a batch are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// Levels, a row a clip; scaled as in training.
    Normalised,
    /// Levels and their 256ths, two rows a clip; divided by 255 and no more.
    Unit,
}

impl Embedder {
    /// Vectors by this model, of clips with such pixels.
    ///
    /// # Errors
    /// Never for a model that was read whole; the tensors are compared once more.
    pub fn of(
        mut model: SavedModel,
        pixels: Pixels,
        device: &Device,
        precision: Precision,
        kernels: Kernels,
    ) -> Result<Self, Misfit> {
        let digest = model.digest();
        if pixels == Pixels::Unit {
            // Such pixels go into the weights as they are, whatever scale the model was trained with.
            model.pixels = PixelScale::IMAGENET;
        }
        let model = match model.kind {
            Kind::Classifier { .. } | Kind::Encoder { last_norm: LastNorm::OfMean } => {
                Model::Classifier(Box::new(classifier_of(model, device)?))
            }
            Kind::Pretraining | Kind::Encoder { .. } => {
                Model::Encoder(Box::new(FrozenEncoder::of(model, device)?))
            }
        };
        Ok(Self { model, digest, pixels, device: device.clone(), precision, kernels })
    }

    /// Tells its model from others.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Its lengths.
    pub fn shape(&self) -> &ModelShape {
        match &self.model {
            Model::Classifier(classifier) => classifier.0.shape(),
            Model::Encoder(encoder) => encoder.shape(),
        }
    }

    /// Lengths of what it makes of a clip: `[E]`, or time, height, width and `E` for all tokens.
    pub fn lengths(&self, pool: Pool) -> Vec<usize> {
        let shape = self.shape();
        let width = shape.encoder.dim;
        match pool {
            Pool::Mean => vec![width],
            Pool::Tokens => shape.geometry.grid().into_iter().chain([width]).collect(),
        }
    }

    /// What a vector is, in words.
    pub fn what(&self, pool: Pool) -> &'static str {
        match (&self.model, pool) {
            (Model::Classifier(_), Pool::Mean) => "fc_norm of the mean token",
            (Model::Encoder(_), Pool::Mean) => "mean token of the encoder",
            (_, Pool::Tokens) => "tokens of the encoder",
        }
    }

    /// A vector a clip, in the batch's order.
    ///
    /// # Errors
    /// When there is no clip, or the clips are of another shape; when a value is NaN or infinite.
    pub fn vectors(&self, batch: &LabelledBatch, pool: Pool) -> Result<Vec<Vec<f32>>, LabelledClipsError> {
        let clips = LabelledClips::upload(batch, self.shape().geometry, &self.device)?;
        let pixels = match self.pixels {
            Pixels::Normalised => clips.plain_pixels(),
            Pixels::Unit => clips.fine_pixels(),
        };
        let values = kernels::with_kernels(self.kernels, || {
            kernels::in_precision(self.precision, || self.of_pixels(pixels, pool))
        });
        let length: usize = self.lengths(pool).iter().product();
        let vectors: Vec<Vec<f32>> = values.chunks_exact(length).map(<[f32]>::to_vec).collect();
        let rows = match self.pixels {
            Pixels::Normalised => 1,
            Pixels::Unit => 2,
        };
        finite::check(&vectors, "features", batch, rows, || None)?;
        Ok(vectors)
    }

    fn of_pixels(&self, pixels: Tensor<3>, pool: Pool) -> Vec<f32> {
        match (&self.model, pool) {
            (Model::Classifier(model), Pool::Mean) => floats(model.0.feature(&model.1, pixels)),
            (Model::Classifier(model), Pool::Tokens) => floats(model.0.tokens(&model.1, pixels)),
            (Model::Encoder(encoder), Pool::Mean) => floats(encoder.tokens(pixels).mean_dim(1)),
            (Model::Encoder(encoder), Pool::Tokens) => floats(encoder.tokens(pixels)),
        }
    }
}
