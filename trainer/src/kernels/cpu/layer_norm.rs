//! LayerNorm of rows, on all threads; the backward pass from each row's mean and scale.
//!
//! Shapes: R rows of D values.

use rayon::prelude::*;

use super::{
    buffer::unwritten,
    vector::{LANES, sum, vectorised},
};

/// Rows of a task; fixed, so that sums over rows do not depend on the threads.
const ROWS_OF_A_TASK: usize = 16;

/// Normed rows, and the mean and 1/√(variance + ε) of each.
pub(in super::super) fn forward(
    values: &[f32],
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let width = weight.len();
    let rows = values.len() / width;
    let (mut normed, mut means, mut scales) = (unwritten(values.len()), unwritten(rows), unwritten(rows));
    normed
        .par_chunks_mut(ROWS_OF_A_TASK * width)
        .zip(values.par_chunks(ROWS_OF_A_TASK * width))
        .zip(means.par_chunks_mut(ROWS_OF_A_TASK))
        .zip(scales.par_chunks_mut(ROWS_OF_A_TASK))
        .for_each(|(((normed, values), means), scales)| {
            let rows = normed.chunks_exact_mut(width).zip(values.chunks_exact(width));
            for ((normed, values), (mean, scale)) in rows.zip(means.iter_mut().zip(scales)) {
                (*mean, *scale) = forward_of(normed, values, weight, bias, epsilon);
            }
        });
    (normed, means, scales)
}

/// The normed rows again.
pub(in super::super) fn again(
    values: &[f32],
    weight: &[f32],
    bias: &[f32],
    means: &[f32],
    scales: &[f32],
) -> Vec<f32> {
    let width = weight.len();
    let mut normed = unwritten(values.len());
    normed
        .par_chunks_mut(ROWS_OF_A_TASK * width)
        .zip(values.par_chunks(ROWS_OF_A_TASK * width))
        .zip(means.par_chunks(ROWS_OF_A_TASK).zip(scales.par_chunks(ROWS_OF_A_TASK)))
        .for_each(|((normed, values), (means, scales))| {
            let rows = normed.chunks_exact_mut(width).zip(values.chunks_exact(width));
            for ((normed, values), (mean, scale)) in rows.zip(means.iter().zip(scales)) {
                normed_of(normed, values, weight, bias, *mean, *scale);
            }
        });
    normed
}

/// Adds the gradient of the values to `result`; returns those of weight and bias.
pub(in super::super) fn backward(
    result: &mut [f32],
    gradient: &[f32],
    values: &[f32],
    weight: &[f32],
    means: &[f32],
    scales: &[f32],
) -> [Vec<f32>; 2] {
    let width = weight.len();
    let parts: Vec<[Vec<f32>; 2]> = result
        .par_chunks_mut(ROWS_OF_A_TASK * width)
        .zip(gradient.par_chunks(ROWS_OF_A_TASK * width))
        .zip(values.par_chunks(ROWS_OF_A_TASK * width))
        .zip(means.par_chunks(ROWS_OF_A_TASK).zip(scales.par_chunks(ROWS_OF_A_TASK)))
        .map(|(((result, gradient), values), (means, scales))| {
            let mut sums = [vec![0.0; width], vec![0.0; width]];
            let rows = result
                .chunks_exact_mut(width)
                .zip(gradient.chunks_exact(width))
                .zip(values.chunks_exact(width))
                .zip(means.iter().zip(scales));
            for (((result, gradient), values), (mean, scale)) in rows {
                backward_of(result, gradient, values, weight, *mean, *scale, &mut sums);
            }
            sums
        })
        .collect();
    let mut sums = [vec![0.0; width], vec![0.0; width]];
    for part in &parts {
        for (sums, part) in sums.iter_mut().zip(part) {
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
    }
    sums
}

vectorised! {
    /// One row; its mean and scale.
    fn forward_of(normed: &mut [f32], values: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) -> (f32, f32) {
        let count = values.len() as f32;
        let (lanes, rest) = values.as_chunks::<LANES>();
        let mean = sum(lanes.iter().copied(), rest.iter().copied()) / count;
        let square = |value: f32| (value - mean) * (value - mean);
        let mut squares = [0f32; LANES];
        for lanes in lanes {
            for (sum, value) in squares.iter_mut().zip(lanes) {
                *sum += square(*value);
            }
        }
        let variance = sum(std::iter::once(squares), rest.iter().map(|value| square(*value))) / count;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for (((normed, value), weight), bias) in normed.iter_mut().zip(values).zip(weight).zip(bias) {
            *normed = (value - mean) * scale * weight + bias;
        }
        (mean, scale)
    }
}

vectorised! {
    /// One row, from its mean and scale; the same bits as the first time.
    fn normed_of(normed: &mut [f32], values: &[f32], weight: &[f32], bias: &[f32], mean: f32, scale: f32) {
        for (((normed, value), weight), bias) in normed.iter_mut().zip(values).zip(weight).zip(bias) {
            *normed = (value - mean) * scale * weight + bias;
        }
    }
}

vectorised! {
    /// One row: with h = (x − mean)·scale and g = gradient·weight, `scale·(g − mean(g) − h·mean(g·h))`.
    fn backward_of(
        result: &mut [f32],
        gradient: &[f32],
        values: &[f32],
        weight: &[f32],
        mean: f32,
        scale: f32,
        sums: &mut [Vec<f32>; 2],
    ) {
        let width = values.len();
        let (gradient, weight) = (&gradient[..width], &weight[..width]);
        let [of_weight, of_bias] = sums;
        let (of_weight, of_bias) = (&mut of_weight[..width], &mut of_bias[..width]);
        let mut plain = [0f32; LANES];
        let mut along = [0f32; LANES];
        let mut at = 0;
        while at + LANES <= width {
            for lane in 0..LANES {
                let h = (values[at + lane] - mean) * scale;
                let g = gradient[at + lane] * weight[at + lane];
                plain[lane] += g;
                along[lane] += g * h;
                of_weight[at + lane] += gradient[at + lane] * h;
                of_bias[at + lane] += gradient[at + lane];
            }
            at += LANES;
        }
        let mut rest = [0f32; 2];
        for at in at..width {
            let h = (values[at] - mean) * scale;
            let g = gradient[at] * weight[at];
            rest[0] += g;
            rest[1] += g * h;
            of_weight[at] += gradient[at] * h;
            of_bias[at] += gradient[at];
        }
        let plain = sum(std::iter::once(plain), std::iter::once(rest[0])) / width as f32;
        let along = sum(std::iter::once(along), std::iter::once(rest[1])) / width as f32;
        for at in 0..width {
            let h = (values[at] - mean) * scale;
            result[at] += scale * (gradient[at] * weight[at] - plain - h * along);
        }
    }
}
