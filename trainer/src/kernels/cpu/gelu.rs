//! GELU by a rational approximation of the error function, on all threads.
//!
//! `erf(x) ≈ 1 − (a₁t + … + a₅t⁵)·e^(−x²)` with `t = 1/(1 + p·x)` for x ≥ 0: within 1.5e-7 everywhere
//! (Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26).

use rayon::prelude::*;

use super::{
    buffer::unwritten,
    vector::{exp, vectorised},
};

/// Values of a task: large enough to be worth one, small enough for the first cache.
const VALUES_OF_A_TASK: usize = 4096;

pub(in super::super) fn forward(values: &[f32]) -> Vec<f32> {
    let mut result = unwritten(values.len());
    let tasks = result.par_chunks_mut(VALUES_OF_A_TASK).zip(values.par_chunks(VALUES_OF_A_TASK));
    tasks.for_each(|(result, values)| forward_of(result, values));
    result
}

/// Turns the output's gradient into the input's, in place.
pub(in super::super) fn backward(gradient: &mut [f32], values: &[f32]) {
    let tasks = gradient.par_chunks_mut(VALUES_OF_A_TASK).zip(values.par_chunks(VALUES_OF_A_TASK));
    tasks.for_each(|(gradient, values)| backward_of(gradient, values));
}

vectorised! {
    fn forward_of(result: &mut [f32], values: &[f32]) {
        for (result, x) in result.iter_mut().zip(values) {
            *result = x * below(*x).0;
        }
    }
}

vectorised! {
    fn backward_of(gradient: &mut [f32], values: &[f32]) {
        /// 1/√2π
        const PEAK: f32 = 0.398_942_3;
        for (gradient, x) in gradient.iter_mut().zip(values) {
            let (share, bell) = below(*x);
            *gradient *= share + x * (PEAK * bell);
        }
    }
}

/// The share of a normal distribution that lies below x, and e^(−x²/2).
#[inline(always)]
fn below(x: f32) -> (f32, f32) {
    let y = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / 0.327_591_1f32.mul_add(y, 1.0);
    let series = 1.061_405_4f32;
    let series = series.mul_add(t, -1.453_152_1);
    let series = series.mul_add(t, 1.421_413_8);
    let series = series.mul_add(t, -0.284_496_72);
    let series = series.mul_add(t, 0.254_829_6);
    let bell = exp(-y * y);
    // Half of 1 − erf(|x|/√2): what lies beyond |x|.
    let beyond = 0.5 * (series * t * bell);
    (if x < 0.0 { beyond } else { 1.0 - beyond }, bell)
}
