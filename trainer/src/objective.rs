//! What the model is asked to paint, and how far it is from that.
//!
//! A cube is painted in target order (time, row, column, colour). Normalised targets have mean 0 and
//! variance about 1 for each colour of a cube, so a model that paints nothing at all has a loss of
//! (n − 1)/n with n = 2·P² pixels.
//!
//! Shapes: B clips, T targets, C values of a cube, n = C/3 of each colour.

use std::ops::Range;

use burn::tensor::Tensor;
use schemas::geometry::CHANNELS;
use serde::{Deserialize, Serialize};

use crate::{clips::MaskedClips, kernels};

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
pub(crate) const LEVELS: f64 = 255.0;

/// Added to the standard deviation of pixels in [0, 1]; official engine for pre-training.
pub(crate) const EPSILON: f64 = 1e-6;

/// How far what is painted (`[clips, T, C]` in target order) for the clips of `part` is from their targets: what
/// they add to [`loss`] to [`targets`], in one operation where the device brings one.
pub(crate) fn distance(
    painted: Tensor<3>,
    clips: &MaskedClips,
    part: Range<usize>,
    target: Target,
) -> Tensor<1> {
    let (cubes, weights) = (clips.target_cubes_of(part.clone()), clips.weights_of(part));
    kernels::painting_loss(painted, cubes, weights, clips.counted, target)
}

/// The targets of a batch, `[B, T, C]` in target order.
///
/// The standard deviation is unbiased (÷ (n − 1)). Deviations from the mean are taken as
/// `(n·level − sum)/n`, whose numerator is a whole number below 2²⁴ and thus exact in f32: a flat cube's
/// target is exactly 0, where a rounded mean divided by an epsilon of 1e-6 would leave up to .36 of noise.
pub fn targets(clips: &MaskedClips, target: Target) -> Tensor<3> {
    of_levels(clips.target_levels(), target)
}

/// The targets of cubes of these levels.
pub(crate) fn of_levels(levels: Tensor<3>, target: Target) -> Tensor<3> {
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
    weighted_loss(painted, wanted, clips.weights.as_ref(), clips.counted)
}

pub(crate) fn weighted_loss(
    painted: Tensor<3>,
    wanted: Tensor<3>,
    weights: Option<&Tensor<3>>,
    counted: usize,
) -> Tensor<1> {
    let [_, _, cube] = wanted.dims();
    let errors = (painted - wanted).square(); // B T C
    let errors = match weights {
        None => errors,
        Some(weights) => errors * weights.clone(),
    };
    errors.sum() / (counted * cube) as f64
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::{Device, clips::upload_cubes, weights::floats};

    /// Targets of one cube of 2×16×16 pixels, whose colours all have these levels.
    fn of_cube(levels: [u8; 512], target: Target) -> Vec<f32> {
        let cubes = upload_cubes(&levels.repeat(3), [1, 1, 1536], &Device::flex());
        floats(of_levels(cubes.float(), target))
    }

    #[test]
    fn a_flat_cubes_target_is_exactly_zero_at_every_level() {
        for level in 0..=255 {
            assert!(of_cube([level; 512], Target::Normalised).iter().all(|value| *value == 0.0), "{level}");
        }
    }

    #[test]
    fn one_pixel_above_a_flat_cube_has_the_published_target() {
        let mut levels = [100; 512];
        levels[37] = 101;
        let targets = of_cube(levels, Target::Normalised);
        // Pixel after pixel, three colours each.
        assert!((targets[37 * 3] - 22.4537).abs() < 1e-3, "{}", targets[37 * 3]);
        // The others share the opposite sum. (The official f32 code prints -.043769 here: its mean of 0.39…
        // is off by one rounding, which the small deviation makes 4e-3 of.)
        assert!((targets[0] + 22.4537 / 511.0).abs() < 1e-6, "{}", targets[0]);
    }

    #[test]
    fn predicting_zero_costs_one_less_a_pixels_share() {
        // Levels one above and one below the mean, so σ = √(512/511) of them; then the whole range.
        for (low, high) in [(127, 129), (0, 254)] {
            let levels = std::array::from_fn(|at| if at % 2 == 0 { low } else { high });
            let targets = of_cube(levels, Target::Normalised);
            let loss = targets.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / 1536.0;
            let sigma = f64::from(high - low) / 2.0 * (512.0f64 / 511.0).sqrt();
            let wanted = 511.0 / 512.0 * (sigma / (sigma + 2.55e-4)).powi(2);
            assert!((loss - wanted).abs() < 1e-6, "{loss}, wanted {wanted}");
        }
    }

    #[test]
    fn raw_targets_are_pixels_between_zero_and_one() {
        let targets = of_cube([51; 512], Target::Raw);
        assert!(targets.iter().all(|value| (value - 0.2).abs() < 1e-7));
    }

    #[test]
    fn elements_are_in_the_order_time_row_column_colour() {
        let levels: Vec<u8> = (0..1536).map(|at| (at % 251) as u8).collect();
        let cubes = upload_cubes(&levels, [1, 1, 1536], &Device::flex());
        let targets = floats(of_levels(cubes.float(), Target::Raw));
        for (target, embedding) in [(0, 0), (1, 512), (2, 1024), (3, 1), (768, 256), (1535, 1535)] {
            assert_eq!(targets[target], f32::from(levels[embedding]) / 255.0);
        }
    }

    #[test]
    fn clips_that_count_fewer_targets_weigh_less() {
        let tensor = |values: Vec<f32>, shape: [usize; 3]| {
            Tensor::<3>::from_data(TensorData::new(values, shape), Device::flex().tensors())
        };
        let painted = tensor(vec![1.0, 1.0, 3.0, 9.0], [2, 2, 1]);
        let weights = tensor(vec![1.0, 1.0, 1.0, 0.0], [2, 2, 1]);
        let loss = weighted_loss(painted.clone(), painted.zeros_like(), Some(&weights), 3);
        // (1 + 1 + 9) / 3, not the mean of 1 and 9.
        assert!((floats(loss)[0] - 11.0 / 3.0).abs() < 1e-6);
    }
}
