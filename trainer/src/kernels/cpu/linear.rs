//! Linear layers: products on all threads, what they are added to preset in the output.
//!
//! Shapes: R rows, I values in, O values out; weight `[O, I]`.

use rayon::prelude::*;

use super::{
    matrix::{Matrix, Output, Target},
    product::multiply,
    vector::vectorised,
};
use crate::kernels::precision::Precision;

/// Rows of which a task sums the columns; fixed, so that the sums do not depend on the threads.
const ROWS_OF_A_TASK: usize = 64;

/// `[R, I]` to `[R, O]`, added to `onto` if that is given. All of `result` is overwritten.
pub(in super::super) fn forward(
    result: &mut [f32],
    values: &[f32],
    weight: &[f32],
    bias: &[f32],
    onto: Option<&[f32]>,
    precision: Precision,
) {
    let outputs = bias.len();
    let inputs = weight.len() / outputs;
    let rows = values.len() / inputs;
    // The product is added to what stands there: no further pass over the output.
    let task = ROWS_OF_A_TASK * outputs;
    match onto {
        None => result.par_chunks_mut(task).for_each(|result| {
            result.chunks_exact_mut(outputs).for_each(|row| row.copy_from_slice(bias));
        }),
        Some(onto) => result.par_chunks_mut(task).zip(onto.par_chunks(task)).for_each(|(result, onto)| {
            let rows = result.chunks_exact_mut(outputs).zip(onto.chunks_exact(outputs));
            rows.for_each(|(result, onto)| sum_of(result, onto, bias));
        }),
    }
    let (values, weight) = (Matrix::rows(values, inputs), Matrix::rows(weight, inputs).transposed());
    let target = Target::new(result, outputs);
    multiply([rows, outputs, inputs], values, weight, target, Output::AddedTo, precision);
}

/// Gradient of the values: `[R, O] · [O, I]`.
pub(in super::super) fn values_backward(
    result: &mut [f32],
    gradient: &[f32],
    weight: &[f32],
    rows: usize,
    precision: Precision,
) {
    let outputs = gradient.len() / rows;
    let inputs = weight.len() / outputs;
    let (left, right) = (Matrix::rows(gradient, outputs), Matrix::rows(weight, inputs));
    let target = Target::new(result, inputs);
    multiply([rows, inputs, outputs], left, right, target, Output::Overwritten, precision);
}

/// Gradient of the weight: `[O, R] · [R, I]`.
pub(in super::super) fn weight_backward(
    result: &mut [f32],
    gradient: &[f32],
    values: &[f32],
    rows: usize,
    precision: Precision,
) {
    let (outputs, inputs) = (gradient.len() / rows, values.len() / rows);
    let (left, right) = (Matrix::rows(gradient, outputs).transposed(), Matrix::rows(values, inputs));
    let target = Target::new(result, inputs);
    multiply([outputs, inputs, rows], left, right, target, Output::Overwritten, precision);
}

/// Gradient of the bias: the sum of the rows.
pub(in super::super) fn bias_backward(gradient: &[f32], outputs: usize) -> Vec<f32> {
    let parts: Vec<Vec<f32>> = gradient
        .par_chunks(ROWS_OF_A_TASK * outputs)
        .map(|rows| {
            let mut sums = vec![0.0; outputs];
            rows.chunks_exact(outputs).for_each(|row| add(&mut sums, row));
            sums
        })
        .collect();
    let mut sums = vec![0.0; outputs];
    parts.iter().for_each(|part| add(&mut sums, part));
    sums
}

vectorised! {
    fn add(sums: &mut [f32], values: &[f32]) {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
}

vectorised! {
    fn sum_of(result: &mut [f32], first: &[f32], second: &[f32]) {
        for ((result, first), second) in result.iter_mut().zip(first).zip(second) {
            *result = first + second;
        }
    }
}
