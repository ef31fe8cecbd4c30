//! The loss of pre-training: what a model is to predict of hidden cubes, and how far it is from that.
//!
//! A cube is predicted in target order (time, row, column, colour). Normalised targets have mean 0 and
//! variance about 1 for each colour of a cube, so a model that always predicts 0 has a loss of
//! (n − 1)/n with n = 2·P² pixels.
//!
//! Shapes: B clips, T targets, C values of a cube, n = C/3 of each colour.

use std::ops::Range;

use burn::tensor::Tensor;

use crate::{
    batch::masked::MaskedClips,
    kernels::{self, Target, targets_of_levels, weighted_loss},
};

/// What the clips of `part` add to the [`mean_squared_error`] of what is predicted (`[clips, T, C]` in target order) to
/// [`targets`], in one operation where the device brings one.
#[doc(alias = "forward_loss")]
pub(crate) fn masked_loss(
    predicted: Tensor<3>,
    clips: &MaskedClips,
    part: Range<usize>,
    target: Target,
) -> Tensor<1> {
    let (cubes, weights) = (clips.target_cubes_of(part.clone()), clips.weights_of(part));
    kernels::masked_loss(predicted, cubes, weights, clips.counted, target)
}

/// The targets of a batch, `[B, T, C]` in target order.
///
/// The standard deviation is unbiased (÷ (n − 1)). Deviations from the mean are taken as
/// `(n·level − sum)/n`, whose numerator is a whole number below 2²⁴ and thus exact in f32: a flat cube's
/// target is exactly 0, where a rounded mean divided by an epsilon of 1e-6 would leave up to .36 of noise.
pub fn targets(clips: &MaskedClips, target: Target) -> Tensor<3> {
    targets_of_levels(clips.target_levels(), target)
}

/// Mean squared error over the targets that count, all clips together: a ratio of sums, not a mean of
/// the clips' means, which differ when clips count different numbers of targets (VideoMAE V2).
#[doc(alias("forward_loss", "MSELoss"))]
pub fn mean_squared_error(predicted: Tensor<3>, wanted: Tensor<3>, clips: &MaskedClips) -> Tensor<1> {
    weighted_loss(predicted, wanted, clips.weights.as_ref(), clips.counted)
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::{batch::masked::upload_cubes, device::Device, weights::floats};

    /// Targets of one cube of 2×16×16 pixels, whose colours all have these levels.
    fn of_cube(levels: [u8; 512], target: Target) -> Vec<f32> {
        let cubes = upload_cubes(&levels.repeat(3), [1, 1, 1536], &Device::flex());
        floats(targets_of_levels(cubes.float(), target))
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
        let targets = floats(targets_of_levels(cubes.float(), Target::Raw));
        for (target, embedding) in [(0, 0), (1, 512), (2, 1024), (3, 1), (768, 256), (1535, 1535)] {
            assert_eq!(targets[target], f32::from(levels[embedding]) / 255.0);
        }
    }

    #[test]
    fn clips_that_count_fewer_targets_weigh_less() {
        let tensor = |values: Vec<f32>, shape: [usize; 3]| {
            Tensor::<3>::from_data(TensorData::new(values, shape), Device::flex().tensors())
        };
        let predicted = tensor(vec![1.0, 1.0, 3.0, 9.0], [2, 2, 1]);
        let weights = tensor(vec![1.0, 1.0, 1.0, 0.0], [2, 2, 1]);
        let loss = weighted_loss(predicted.clone(), predicted.zeros_like(), Some(&weights), 3);
        // (1 + 1 + 9) / 3, not the mean of 1 and 9.
        assert!((floats(loss)[0] - 11.0 / 3.0).abs() < 1e-6);
    }
}
