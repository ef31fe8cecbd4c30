//! Features of clips by an encoder that is not trained, and by baselines to compare it with.
//!
//! ```text
//! the encoder of a checkpoint      tokens behind the last block, through `encoder.norm` where there is one
//! the same with random weights     drawn as for pre-training
//! raw pixels                       each cube as so many cells a frame and colour, averaged
//! ```
//!
//! Shapes: B clips, N tokens, C values of a cube, E width.

use std::{collections::BTreeMap, io};

use arrow_array::RecordBatch;
use burn::tensor::Tensor;
use schemas::{ClipGeometry, LabelledBatch, clip_batch::ClipBatchError, geometry::CHANNELS};

use crate::{
    batch::{
        finite,
        labelled::{BatchError, LabelledClips, LabelledClipsError, labels},
    },
    checkpoint::{Kind, SavedModel},
    device::Device,
    model::{
        ModelShape,
        classifier::Classifier,
        init_weights,
        layout::{self, LastNorm},
    },
    probe::features::{FeatureVideo, Features, RaggedError, Views},
    weights::{HostTensor, Layout, Misfit, Weights, floats},
};

/// An encoder with its weights.
pub struct FrozenEncoder {
    encoder: Classifier,
    weights: Weights,
    digest: String,
}

/// Where features come from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// An encoder.
    Encoder(&'a FrozenEncoder),
    /// The pixels themselves: `cells` rows and columns of averages in each cube, frame and colour.
    Pixels {
        /// Cells along a cube's side; divides it.
        cells: usize,
    },
}

/// What to store of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The mean token.
    Mean,
    /// All tokens.
    Tokens,
}

/// Why there are no features.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeaturesError {
    /// Where the batches come from has failed.
    #[error(transparent)]
    Data(BatchError),
    /// What came is no batch of clips.
    #[error(transparent)]
    Batch(#[from] ClipBatchError),
    /// The batch's clips do not fit.
    #[error(transparent)]
    Clips(#[from] LabelledClipsError),
    /// A video has other views than the first one.
    #[error(transparent)]
    Ragged(#[from] RaggedError),
    /// They cannot be kept.
    #[error("features cannot be kept: {0}")]
    Cache(#[from] io::Error),
}

impl FrozenEncoder {
    /// The encoder of a model, whatever else it has.
    ///
    /// # Errors
    /// Never for a model that was read whole; the tensors are compared once more.
    pub fn of(model: SavedModel, device: &Device) -> Result<Self, Misfit> {
        let model = model.for_our_pixels();
        let (last_norm, prefix) = match model.kind {
            Kind::Pretraining if model.shape.encoder_norm => (LastNorm::Present, "encoder."),
            Kind::Pretraining => (LastNorm::Absent, "encoder."),
            // `fc_norm` stands behind the mean, and tokens are what is taken here.
            Kind::Classifier { .. } | Kind::Encoder { last_norm: LastNorm::OfMean } => (LastNorm::Absent, ""),
            Kind::Encoder { last_norm } => (last_norm, ""),
        };
        let encoder = match model.stretched_from {
            None => Classifier::new(model.shape, device),
            Some(from) => Classifier::stretched(model.shape, from, device),
        };
        let layout = layout::encoder(&model.shape, last_norm);
        let digest = model.digest();
        let belongs = |name: &str| layout.0.iter().any(|entry| entry.name == name);
        let tensors: BTreeMap<String, HostTensor> = model
            .weights
            .into_iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor)))
            .filter(|(name, _)| belongs(name))
            .collect();
        Ok(Self { encoder, weights: Weights::fit(layout, tensors, device)?, digest })
    }

    /// The encoder of a pre-training that goes on, by weights of the model of shape `shape`.
    pub fn of_training(shape: ModelShape, weights: &Weights, device: &Device) -> Self {
        let last_norm = if shape.encoder_norm { LastNorm::Present } else { LastNorm::Absent };
        let weights = weights.part("encoder.", layout::encoder(&shape, last_norm));
        Self { encoder: Classifier::new(shape, device), weights, digest: String::new() }
    }

    /// The same encoder with random weights, drawn as for pre-training.
    pub fn random(&self, seed: u64, device: &Device) -> Self {
        Self::draw(*self.encoder.shape(), self.weights.layout().clone(), seed, device)
    }

    /// An encoder of this shape with random weights, drawn as for pre-training.
    pub fn drawn(shape: ModelShape, seed: u64, device: &Device) -> Self {
        Self::draw(shape, layout::encoder(&shape, LastNorm::Present), seed, device)
    }

    fn draw(shape: ModelShape, layout: Layout, seed: u64, device: &Device) -> Self {
        let cube = shape.geometry.cube();
        let last_norm = layout.0.iter().any(|entry| entry.name == "norm.weight");
        let weights = Weights::draw(layout, device, |entry| init_weights::encoder_tensor(entry, cube, seed));
        let geometry = shape.geometry.digest_words();
        let (encoder, epsilons) = (shape.encoder.digest_words(), shape.epsilons.digest_words());
        let digest = format!("random {seed}, {geometry} {encoder} {epsilons} {last_norm}");
        Self { encoder: Classifier::new(shape, device), weights, digest }
    }

    /// The clips it takes.
    pub fn geometry(&self) -> ClipGeometry {
        self.encoder.shape().geometry
    }

    /// Its lengths.
    pub fn shape(&self) -> &ModelShape {
        self.encoder.shape()
    }

    /// Tells its weights from others.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Normalised cubes `[B, N, C]` to tokens `[B, N, E]`.
    pub fn tokens(&self, cubes: Tensor<3>) -> Tensor<3> {
        self.encoder.encode(&self.weights, cubes)
    }
}

impl Source<'_> {
    /// Tells it from others.
    pub fn digest(&self) -> String {
        match self {
            Self::Encoder(frozen) => frozen.digest().to_owned(),
            Self::Pixels { cells } => format!("pixels, {cells} cells"),
        }
    }

    /// What a clip is turned into: each clip's tokens or their mean, and the width of a token.
    fn of_clips(&self, clips: &LabelledClips, pool: Pool) -> (Vec<Vec<f32>>, usize) {
        let tokens = match self {
            Self::Encoder(frozen) => frozen.tokens(clips.plain_pixels()),
            Self::Pixels { cells } => cell_means(clips.plain_pixels(), clips.geometry, *cells),
        };
        let [count, length, width] = tokens.dims();
        let (values, length) = match (pool, self) {
            // The mean of a clip's pixels would be one colour.
            (Pool::Mean, Self::Encoder(_)) => (floats(tokens.mean_dim(1)), width),
            (Pool::Mean, Self::Pixels { .. }) => (floats(tokens), length * width),
            (Pool::Tokens, _) => (floats(tokens), length * width),
        };
        debug_assert_eq!(values.len(), count * length);
        let width = if pool == Pool::Mean { length } else { width };
        (values.chunks_exact(length).map(<[f32]>::to_vec).collect(), width)
    }
}

/// The features of all clips of `batches` from each of `sources`, in one pass. Views of a video are averaged where
/// tokens are, else put one behind the other.
///
/// # Errors
/// When a batch cannot be made or does not fit, or a video has no label of `classes`; when a value is NaN or
/// infinite.
pub fn features(
    sources: &[Source<'_>],
    batches: impl Iterator<Item = Result<RecordBatch, BatchError>>,
    geometry: ClipGeometry,
    classes: usize,
    pool: Pool,
    device: &Device,
) -> Result<Vec<Features>, FeaturesError> {
    let mut found: Vec<(Vec<_>, usize)> = sources.iter().map(|_| (Vec::new(), 0)).collect();
    for batch in batches {
        let batch = LabelledBatch::try_from(batch.map_err(FeaturesError::Data)?)?;
        let labels = labels(&batch, classes)?;
        let clips = LabelledClips::upload(&batch, geometry, device)?;
        for (source, (items, width)) in sources.iter().zip(&mut found) {
            let (values, of_token) = source.of_clips(&clips, pool);
            finite::check(&values, "features", &batch, 1, || None).map_err(LabelledClipsError::from)?;
            *width = of_token;
            for (clip, (values, &label)) in values.into_iter().zip(&labels).enumerate() {
                let video = FeatureVideo { row: batch.row(clip), video: batch.video(clip).to_owned(), label };
                items.push((batch.view(clip), video, values));
            }
        }
    }
    let views = if pool == Pool::Mean { Views::Mean } else { Views::Joined };
    let collect = |(mut items, width): (Vec<(_, FeatureVideo, Vec<f32>)>, usize)| {
        items.sort_by_key(|(view, video, _)| (video.row, *view));
        let items = items.into_iter().map(|(_, video, values)| (video, values));
        Ok(Features::collect(width, views, items)?)
    };
    found.into_iter().map(collect).collect()
}

/// Means of `cells` × `cells` parts of each cube, frame and colour: `[B, N, C]` to
/// `[B, N, colours · tubelet · cells²]`.
fn cell_means(cubes: Tensor<3>, geometry: ClipGeometry, cells: usize) -> Tensor<3> {
    let [clips, tokens, _] = cubes.dims();
    let planes = CHANNELS * geometry.tubelet();
    let part = geometry.patch() / cells;
    cubes.reshape([clips * tokens * planes, cells, part, cells, part]).mean_dim(4).mean_dim(2).reshape([
        clips,
        tokens,
        planes * cells * cells,
    ])
}
