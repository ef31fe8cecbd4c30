//! Linear layers: products on all threads, the bias preset in the output.
//!
//! Shapes: R rows, I values in, O values out; weight `[O, I]`.

use gemm::Parallelism;
use rayon::prelude::*;

use super::product::{Matrix, Output, multiply};

const ALL_THREADS: Parallelism = Parallelism::Rayon(0);

/// Rows of which a task sums the columns; fixed, so that the sums do not depend on the threads.
const ROWS_OF_A_TASK: usize = 64;

/// `[R, I]` to `[R, O]`.
pub(super) fn forward(values: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let outputs = bias.len();
    let inputs = weight.len() / outputs;
    let rows = values.len() / inputs;
    // The product is added to the bias: one pass over the output instead of two.
    let mut result = bias.repeat(rows);
    let (values, weight) = (Matrix::rows(values, inputs), Matrix::rows(weight, inputs).transposed());
    multiply(
        [rows, outputs, inputs],
        values,
        weight,
        1.0,
        &mut result,
        outputs,
        Output::AddedTo,
        ALL_THREADS,
    );
    result
}

/// Gradient of the values: `[R, O] · [O, I]`.
pub(super) fn values_backward(gradient: &[f32], weight: &[f32], rows: usize) -> Vec<f32> {
    let outputs = gradient.len() / rows;
    let inputs = weight.len() / outputs;
    let mut result = vec![0.0; rows * inputs];
    let (left, right) = (Matrix::rows(gradient, outputs), Matrix::rows(weight, inputs));
    multiply(
        [rows, inputs, outputs],
        left,
        right,
        1.0,
        &mut result,
        inputs,
        Output::Overwritten,
        ALL_THREADS,
    );
    result
}

/// Gradient of the weight: `[O, R] · [R, I]`.
pub(super) fn weight_backward(gradient: &[f32], values: &[f32], rows: usize) -> Vec<f32> {
    let (outputs, inputs) = (gradient.len() / rows, values.len() / rows);
    let mut result = vec![0.0; outputs * inputs];
    let (left, right) = (Matrix::rows(gradient, outputs).transposed(), Matrix::rows(values, inputs));
    multiply(
        [outputs, inputs, rows],
        left,
        right,
        1.0,
        &mut result,
        inputs,
        Output::Overwritten,
        ALL_THREADS,
    );
    result
}

/// Gradient of the bias: the sum of the rows.
pub(super) fn bias_backward(gradient: &[f32], outputs: usize) -> Vec<f32> {
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

fn add(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}
