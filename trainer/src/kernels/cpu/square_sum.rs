//! The sum of squares, on all threads.

use rayon::prelude::*;

use super::vector::{LANES, sum, vectorised};

/// Values of a task; fixed, so that the sum does not depend on the threads.
const VALUES_OF_A_TASK: usize = 16 * 1024;

/// The sum of all squares.
pub(in super::super) fn square_sum(values: &[f32]) -> f32 {
    let parts: Vec<f32> = values.par_chunks(VALUES_OF_A_TASK).map(squares_of).collect();
    // Few enough numbers to add them exactly.
    let total: f64 = parts.into_iter().map(f64::from).sum();
    total as f32
}

vectorised! {
    fn squares_of(values: &[f32]) -> f32 {
        let (lanes, rest) = values.as_chunks::<LANES>();
        let mut squares = [0f32; LANES];
        for lanes in lanes {
            for (sum, value) in squares.iter_mut().zip(lanes) {
                *sum += value * value;
            }
        }
        sum(std::iter::once(squares), rest.iter().map(|value| value * value))
    }
}
