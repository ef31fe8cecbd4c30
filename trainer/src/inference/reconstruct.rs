//! What a model predicts, as pictures: the original, what the encoder saw, the reconstruction.
//!
//! A model with normalised targets predicts each cube without its brightness and contrast. To make pixels of
//! it, mean and standard deviation of each colour must come from somewhere:
//!
//! * [`Statistics::True`]: the hidden cube's own. Pictures in publications are made this way; the model
//!   has not predicted everything that is seen in them.
//! * [`Statistics::Guessed`]: from what the encoder saw: those of the visible cube that is nearest in time at the same
//!   place, and where nothing is visible at that place at any time (as under a tube mask) the mean of all visible pixels
//!   of the clip and the mean of the visible cubes' standard deviations. Nothing of a hidden cube is used.
//!
//! Visible cubes are shown as they are.

use schemas::{ClipBatch, ClipGeometry, geometry::CHANNELS};

use super::{
    given_cubes::{GivenCubes, colours, levels_of},
    picture::place,
};
use crate::{
    batch::masked::{ClipsError, MaskedClips},
    device::Device,
    kernels::Target,
    model::{Mode, VideoMae},
    weights::{NotFinite, Weights, floats},
};

/// Where brightness and contrast of a predicted cube come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// From the hidden cube itself.
    True,
    /// From the visible cubes of the clip.
    Guessed,
}

/// A clip three times; each is `[frames, height, width, 3]` of u8, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconstruction {
    /// Shape of the clip.
    pub geometry: ClipGeometry,
    /// As it was. Places of which the batch has no pixels (contexts) are grey.
    pub original: Vec<u8>,
    /// As the encoder saw it: hidden cubes are grey.
    pub masked: Vec<u8>,
    /// Visible cubes, and predicted ones in the place of hidden ones.
    pub reconstruction: Vec<u8>,
}

/// Level of places that are not shown.
const GREY: u8 = 128;

/// Predicts the hidden cubes of every clip of `batch`, in its order.
///
/// # Errors
/// When the batch is not of the model's shape, or what the model predicts is NaN or infinite.
pub fn reconstruct(
    model: &VideoMae,
    weights: &Weights,
    batch: &ClipBatch,
    target: Target,
    statistics: Statistics,
    device: &Device,
) -> Result<Vec<Reconstruction>, ClipsError> {
    let predicted = predict(model, weights, batch, device)?;
    Ok((0..batch.len()).map(|clip| draw(batch, clip, &predicted[clip], target, statistics)).collect())
}

/// The cubes that a model predicts at the targets of each clip: their values one after the other, in target order.
///
/// # Errors
/// As [`reconstruct`].
pub fn predict(
    model: &VideoMae,
    weights: &Weights,
    batch: &ClipBatch,
    device: &Device,
) -> Result<Vec<Vec<f32>>, ClipsError> {
    let geometry = model.shape().geometry;
    let clips = MaskedClips::upload(batch, geometry, device)?;
    let values = floats(model.predict(weights, &clips, Mode::Fixed));
    let predicted: Vec<Vec<f32>> =
        values.chunks_exact(clips.targets * geometry.cube()).map(<[f32]>::to_vec).collect();
    for (clip, values) in predicted.iter().enumerate() {
        if let Some(found) = NotFinite::among(values) {
            return Err(ClipsError::NotFinite { clip, found });
        }
    }
    Ok(predicted)
}

/// The pictures of clip `clip` of a batch, of which a model predicted these values ([`predict`]).
pub fn draw(
    batch: &ClipBatch,
    clip: usize,
    predicted: &[f32],
    target: Target,
    statistics: Statistics,
) -> Reconstruction {
    let geometry = batch.geometry();
    let cube = geometry.cube();
    let mut pictures = [GREY; 3]
        .map(|level| vec![level; geometry.frames() * geometry.height() * geometry.width() * CHANNELS]);
    let given = GivenCubes::of(batch, clip);
    for (token, bytes) in given.all() {
        pictures.iter_mut().for_each(|picture| place(picture, geometry, token, |at| bytes[at]));
    }
    let hidden = batch.target_cubes(clip).chunks_exact(cube);
    for ((token, truth), values) in batch.target(clip).iter().zip(hidden).zip(predicted.chunks_exact(cube)) {
        let levels = match statistics {
            Statistics::True => colours(truth),
            Statistics::Guessed => given.statistics_at(*token),
        };
        let [original, _, reconstruction] = &mut pictures;
        place(original, geometry, *token, |at| truth[at]);
        let answer = levels_of(values, levels, target);
        place(reconstruction, geometry, *token, |at| answer[at].round() as u8);
    }
    let [original, masked, reconstruction] = pictures;
    Reconstruction { geometry, original, masked, reconstruction }
}
