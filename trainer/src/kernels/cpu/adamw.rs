//! AdamW in one pass over value, gradient and moments, in place.

use rayon::prelude::*;

use super::vector::vectorised;
use crate::kernels::backend::AdamwStep;

/// Values of a task.
const VALUES_OF_A_TASK: usize = 16 * 1024;

/// Value and moments after an update, on all threads.
pub(in super::super) fn adamw(
    value: &mut [f32],
    gradient: &[f32],
    [first, second]: [&mut [f32]; 2],
    step: AdamwStep,
) {
    let numbers = Numbers::of(step);
    value
        .par_chunks_mut(VALUES_OF_A_TASK)
        .zip(gradient.par_chunks(VALUES_OF_A_TASK))
        .zip(first.par_chunks_mut(VALUES_OF_A_TASK))
        .zip(second.par_chunks_mut(VALUES_OF_A_TASK))
        .for_each(|(((value, gradient), first), second)| update(value, gradient, first, second, numbers));
}

/// The numbers of an update in the precision of the tensors.
#[derive(Clone, Copy)]
struct Numbers {
    keep: f32,
    beta1: f32,
    other1: f32,
    beta2: f32,
    other2: f32,
    root: f32,
    epsilon: f32,
    rate: f32,
}

impl Numbers {
    fn of(step: AdamwStep) -> Self {
        let AdamwStep { rate, decay, beta1, beta2, epsilon, time } = step;
        let [bias1, bias2] = [beta1, beta2].map(|beta| 1.0 - beta.powf(time as f64));
        Self {
            keep: (1.0 - rate * decay) as f32,
            beta1: beta1 as f32,
            other1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            other2: (1.0 - beta2) as f32,
            root: bias2.sqrt() as f32,
            epsilon: epsilon as f32,
            rate: (rate / bias1) as f32,
        }
    }
}

vectorised! {
    fn update(value: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], numbers: Numbers) {
        let Numbers { keep, beta1, other1, beta2, other2, root, epsilon, rate } = numbers;
        for (((value, gradient), first), second) in value.iter_mut().zip(gradient).zip(first).zip(second) {
            *first = *first * beta1 + gradient * other1;
            *second = *second * beta2 + gradient * gradient * other2;
            *value = *value * keep - *first / (second.sqrt() / root + epsilon) * rate;
        }
    }
}
