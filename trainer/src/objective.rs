//! What the model is asked to paint, and how far it is from that.
//!
//! A cube is painted in target order (time, row, column, colour). Normalised targets have mean 0 and
//! variance about 1 for each colour of a cube, so a model that paints nothing at all has a loss of
//! (n − 1)/n with n = 2·P² pixels.
//!
//! Shapes: B clips, T targets, C values of a cube, n = C/3 of each colour.

use burn::tensor::Tensor;
use schemas::geometry::CHANNELS;
use serde::{Deserialize, Serialize};

use crate::clips::MaskedClips;

/// What a cube's target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Each colour of a cube minus its mean, divided by its standard deviation (VideoMAE).
    Normalised,
    /// Pixels in [0, 1].
    Raw,
}

/// Levels of a picture's bytes: 255 is 1.
const LEVELS: f64 = 255.0;

/// Added to the standard deviation of pixels in [0, 1]; official engine for pre-training.
const EPSILON: f64 = 1e-6;

/// The targets of a batch, `[B, T, C]` in target order.
///
/// The standard deviation is unbiased (÷ (n − 1)). Deviations from the mean are taken as
/// `(n·level − sum)/n`, whose numerator is a whole number below 2²⁴ and thus exact in f32: a flat cube's
/// target is exactly 0, where a rounded mean divided by an epsilon of 1e-6 would leave up to .36 of noise.
pub fn targets(clips: &MaskedClips, target: Target) -> Tensor<3> {
    let levels = clips.target_levels();
    let [batch, tokens, cube] = levels.dims();
    let pixels = cube / CHANNELS;
    let levels = levels.reshape([batch, tokens, CHANNELS, pixels]);
    let values = match target {
        Target::Raw => levels / LEVELS,
        Target::Normalised => {
            let sums = levels.clone().sum_dim(3); // B T 3 1
            let deviations = (levels * pixels as f64 - sums) / pixels as f64; // B T 3 n
            let variance = deviations.clone().square().sum_dim(3) / (pixels as f64 - 1.0);
            deviations / (variance.sqrt() + EPSILON * LEVELS)
        }
    };
    // Colour after colour becomes pixel after pixel.
    values.swap_dims(2, 3).reshape([batch, tokens, cube])
}

/// Mean squared error over the targets that count, all clips together: a ratio of sums, not a mean of
/// the clips' means, which differ when clips count different numbers of targets (VideoMAE V2).
pub fn loss(painted: Tensor<3>, wanted: Tensor<3>, clips: &MaskedClips) -> Tensor<1> {
    let [_, _, cube] = wanted.dims();
    let errors = (painted - wanted).square(); // B T C
    match &clips.weights {
        None => errors.mean(),
        Some(weights) => (errors * weights.clone()).sum() / (clips.counted * cube) as f64,
    }
}
