//! The loss of predicted cubes and its gradient, a cube at a time, on all threads.
//!
//! A cube's bytes are colour after colour, its predicted values pixel after pixel. Sums of levels and of their
//! squares are whole numbers and so exact; deviations are taken as in [`crate::kernels::targets_of_levels`].

use rayon::prelude::*;
use schemas::geometry::CHANNELS;

use super::vector::{LANES, sum, vectorised};
use crate::kernels::backend::{EPSILON, LEVELS, Measure, Target};

/// Turns predicted cubes into the gradient of the loss, which is returned.
pub(in super::super) fn masked_loss(
    predicted: &mut [f32],
    weights: &[f32],
    cubes: &[u8],
    measure: Measure,
) -> f32 {
    let cube = cubes.len() / weights.len();
    let losses: Vec<f32> = predicted
        .par_chunks_exact_mut(cube)
        .zip(cubes.par_chunks_exact(cube))
        .zip(weights)
        .map_init(
            || vec![0.0; cube],
            |wanted, ((predicted, cube), weight)| {
                wanted_values(wanted, cube, measure.target);
                let factor = 2.0 * measure.share * f64::from(*weight);
                weight * errors(predicted, wanted, factor as f32)
            },
        )
        .collect();
    (losses.into_iter().map(f64::from).sum::<f64>() * measure.share) as f32
}

/// The target of one cube, pixel after pixel.
fn wanted_values(wanted: &mut [f32], cube: &[u8], target: Target) {
    let pixels = cube.len() / CHANNELS;
    for (colour, levels) in cube.chunks_exact(pixels).enumerate() {
        let (offset, divisor) = match target {
            Target::Raw => (0.0, LEVELS as f32),
            Target::Normalised => deviations(levels),
        };
        let scale = if target == Target::Raw { 1.0 } else { pixels as f32 };
        spread(wanted, levels, colour, [scale, offset, divisor]);
    }
}

/// The sum of levels, and what n times a deviation is divided by.
fn deviations(levels: &[u8]) -> (f32, f32) {
    let (mut sum, mut squares) = (0u64, 0u64);
    for part in levels.chunks(1024) {
        // 1024 squares of bytes fit in 32 bits.
        let of_part = sums(part);
        sum += u64::from(of_part.0);
        squares += u64::from(of_part.1);
    }
    let count = levels.len() as u64;
    // n·Σx² − (Σx)² is a whole number: n times the sum of squared deviations.
    let spread = (count * squares - sum * sum) as f64 / count as f64;
    let deviation = (spread / (count as f64 - 1.0)).sqrt() + EPSILON * LEVELS;
    (sum as f32, (count as f64 * deviation) as f32)
}

vectorised! {
    fn sums(levels: &[u8]) -> (u32, u32) {
        levels.iter().fold((0, 0), |(sum, squares), level| {
            let level = u32::from(*level);
            (sum + level, squares + level * level)
        })
    }
}

vectorised! {
    /// `(scale·level − offset)/divisor` to every third place from `colour` on.
    fn spread(wanted: &mut [f32], levels: &[u8], colour: usize, numbers: [f32; 3]) {
        let [scale, offset, divisor] = numbers;
        let (pixels, _) = wanted.as_chunks_mut::<CHANNELS>();
        for (pixel, level) in pixels.iter_mut().zip(levels) {
            pixel[colour] = (f32::from(*level) * scale - offset) / divisor;
        }
    }
}

vectorised! {
    /// The sum of squared errors; `predicted` becomes `factor` times the error.
    fn errors(predicted: &mut [f32], wanted: &[f32], factor: f32) -> f32 {
        let (lanes, rest) = predicted.as_chunks_mut::<LANES>();
        let (wanted, wanted_rest) = wanted.as_chunks::<LANES>();
        let mut sums = [0f32; LANES];
        for (predicted, wanted) in lanes.iter_mut().zip(wanted) {
            for lane in 0..LANES {
                let error = predicted[lane] - wanted[lane];
                sums[lane] += error * error;
                predicted[lane] = factor * error;
            }
        }
        let mut last = 0.0;
        for (predicted, wanted) in rest.iter_mut().zip(wanted_rest) {
            let error = *predicted - wanted;
            last += error * error;
            *predicted = factor * error;
        }
        sum(std::iter::once(sums), std::iter::once(last))
    }
}
