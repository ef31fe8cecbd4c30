//! Kernels over buffers of every length, each no longer than it must be.

use proptest::prelude::*;

use super::{
    cpu::{gelu, layer_norm, linear, square_sum},
    precision::Precision,
};

/// Small whole numbers: their products and sums are exact, in bf16 too.
fn numbers(count: usize, modulus: usize) -> Vec<f32> {
    (0..count).map(|at| (at % modulus) as f32 - (modulus / 2) as f32).collect()
}

/// `[rows, columns]` turned around.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns;
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

/// `left · rightᵀ` of `[rows, inner]` and `[columns, inner]`.
fn product(left: &[f32], right: &[f32], inner: usize) -> Vec<f32> {
    let row = |left: &[f32], right: &[f32]| -> f32 { left.iter().zip(right).map(|(a, b)| a * b).sum() };
    left.chunks(inner).flat_map(|left| right.chunks(inner).map(move |right| row(left, right))).collect()
}

/// Few and short under Miri, which takes thousands of times as long.
fn cases() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 400 })
    }
}

const MOST: usize = if cfg!(miri) { 20 } else { 150 };

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_linear_layer_and_its_gradients(
        rows in 1..MOST,
        inputs in 1..MOST,
        outputs in 1..MOST,
        in_bf16: bool,
    ) {
        let precision = if in_bf16 { Precision::Bf16 } else { Precision::F32 };
        let (values, weight) = (numbers(rows * inputs, 7), numbers(outputs * inputs, 5));
        let bias = numbers(outputs, 3);
        let mut found = vec![0.0; rows * outputs];
        linear::forward(&mut found, &values, &weight, &bias, None, precision);
        let wanted = product(&values, &weight, inputs);
        let wanted: Vec<f32> = wanted.iter().zip(bias.iter().cycle()).map(|(sum, bias)| sum + bias).collect();
        prop_assert_eq!(&found, &wanted);

        let gradient = numbers(rows * outputs, 5);
        let mut of_values = vec![0.0; rows * inputs];
        linear::values_backward(&mut of_values, &gradient, &weight, rows, precision);
        prop_assert_eq!(&of_values, &product(&gradient, &transposed(&weight, inputs), outputs));
        let mut of_weight = vec![0.0; outputs * inputs];
        linear::weight_backward(&mut of_weight, &gradient, &values, rows, precision);
        let wanted = product(&transposed(&gradient, outputs), &transposed(&values, inputs), rows);
        prop_assert_eq!(&of_weight, &wanted);
        prop_assert_eq!(linear::bias_backward(&gradient, outputs).len(), outputs);
    }

    #[test]
    fn loops_over_values(rows in 1..MOST, width in 1..MOST) {
        let values = numbers(rows * width, 9);
        let (weight, bias) = (vec![1.0; width], vec![0.0; width]);
        let (normed, means, scales) = layer_norm::forward(&values, &weight, &bias, 1e-6);
        prop_assert_eq!(layer_norm::again(&values, &weight, &bias, &means, &scales), normed);
        let mut result = vec![0.0; values.len()];
        layer_norm::backward(&mut result, &values, &values, &weight, &means, &scales);
        prop_assert!(result.iter().all(|value| value.is_finite()));
        let mut gradient = gelu::forward(&values);
        gelu::backward(&mut gradient, &values);
        prop_assert!(gradient.iter().all(|value| value.is_finite()));
        let squares: f32 = values.iter().map(|value| value * value).sum();
        prop_assert_eq!(square_sum::square_sum(&values), squares);
    }
}
