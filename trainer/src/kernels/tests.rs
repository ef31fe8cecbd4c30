//! Every kernel against its plain twin, values and gradients, on random shapes and every device.

use burn::tensor::{Device as TensorDevice, Tensor, TensorData};
use proptest::prelude::*;

use super::{AdamwStep, adamw, attention, gelu, layer_norm, linear};
use crate::{Device, random::Draws, weights::floats};

fn devices() -> Vec<TensorDevice> {
    let mut devices = vec![Device::flex().tensors().clone()];
    if cfg!(feature = "tch") {
        devices.push(Device::parse("tch").unwrap().tensors().clone());
    }
    devices
}

fn drawn<const R: usize>(name: &str, shape: [usize; R], device: &TensorDevice) -> Tensor<R> {
    let mut draws = Draws::keyed(1, name, &[]);
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|_| draws.normal_within(1.0, 4.0) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The largest difference, as a share of the largest value.
fn apart<const R: usize>(found: Tensor<R>, wanted: Tensor<R>) -> f32 {
    assert_eq!(found.dims(), wanted.dims());
    let (found, wanted) = (floats(found), floats(wanted));
    let largest = wanted.iter().fold(1e-3f32, |largest, value| largest.max(value.abs()));
    found.iter().zip(&wanted).fold(0f32, |worst, (found, wanted)| worst.max((found - wanted).abs())) / largest
}

/// Output and gradients of an operation of three tensors, for a drawn gradient of the output.
fn passes<const P: usize, const Q: usize>(
    inputs: (Tensor<P>, Tensor<Q>, Tensor<1>),
    operation: impl Fn(Tensor<P>, Tensor<Q>, Tensor<1>) -> Tensor<P>,
) -> (Tensor<P>, Tensor<P>, Tensor<Q>, Tensor<1>) {
    let first = inputs.0.autodiff().require_grad();
    let second = inputs.1.autodiff().require_grad();
    let third = inputs.2.autodiff().require_grad();
    let output = operation(first.clone(), second.clone(), third.clone());
    let downhill = drawn("gradient", output.dims(), &output.device().inner());
    let mut gradients = (output.clone() * downhill).sum().backward();
    let zero = "because the operation depends on all three";
    (
        output.inner(),
        first.grad_remove(&mut gradients).expect(zero),
        second.grad_remove(&mut gradients).expect(zero),
        third.grad_remove(&mut gradients).expect(zero),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn attention_is_its_plain_twin(
        clips in 1usize..3, tokens in 1usize..150, heads in 1usize..4, width in 1usize..20,
    ) {
        for device in devices() {
            let shape = [clips, tokens, 3 * heads * width];
            let inputs = || drawn("qkv", shape, &device).autodiff().require_grad();
            let downhill = drawn("gradient", [clips, tokens, heads * width], &device);
            let both = [attention, attention::composed].map(|operation| {
                let qkv = inputs();
                let output = operation(qkv.clone(), heads);
                let mut gradients = (output.clone() * downhill.clone()).sum().backward();
                (output.inner(), qkv.grad_remove(&mut gradients).unwrap())
            });
            let [(output, gradient), (plain_output, plain_gradient)] = both;
            prop_assert!(apart(output, plain_output) < 1e-5);
            prop_assert!(apart(gradient, plain_gradient) < 1e-5);
        }
    }

    #[test]
    fn gelu_is_its_plain_twin(length in 1usize..9000) {
        for device in devices() {
            let both = [gelu::<1>, gelu::composed::<1>].map(|operation| {
                let values = drawn("values", [length], &device).autodiff().require_grad();
                let output = operation(values.clone() * 2.0);
                let gradient = values.grad_remove(&mut output.clone().sum().backward()).unwrap();
                (output.inner(), gradient)
            });
            let [(output, gradient), (plain_output, plain_gradient)] = both;
            prop_assert!(apart(output, plain_output) < 2e-6);
            prop_assert!(apart(gradient, plain_gradient) < 2e-6);
        }
    }

    #[test]
    fn layer_norm_is_its_plain_twin(clips in 1usize..3, tokens in 1usize..40, width in 2usize..70) {
        for device in devices() {
            let inputs = || {
                let values = drawn("values", [clips, tokens, width], &device) + 3.0;
                (values, drawn("weight", [width], &device), drawn("bias", [width], &device))
            };
            let fused = passes(inputs(), |values, weight, bias| layer_norm(values, weight, bias, 1e-6));
            let plain = passes(inputs(), |values, weight, bias| layer_norm::composed(values, weight, bias, 1e-6));
            prop_assert!(apart(fused.0, plain.0) < 1e-5);
            // A row of two values has gradients that all but cancel; they are small beside 1/scale.
            prop_assert!(width < 8 || apart(fused.1, plain.1) < 1e-4);
            prop_assert!(apart(fused.2, plain.2) < 1e-5);
            prop_assert!(apart(fused.3, plain.3) < 1e-5);
        }
    }

    #[test]
    fn linear_is_its_plain_twin(clips in 1usize..3, tokens in 1usize..150, width in 1usize..70) {
        for device in devices() {
            let inputs = || {
                let values = drawn("values", [clips, tokens, width], &device);
                (values, drawn("weight", [width, width], &device), drawn("bias", [width], &device))
            };
            let fused = passes(inputs(), |values, weight, bias| linear(values, weight, Some(bias)));
            let plain = passes(inputs(), |values, weight, bias| linear::composed(values, weight, Some(bias)));
            prop_assert!(apart(fused.0, plain.0) < 1e-5);
            prop_assert!(apart(fused.1, plain.1) < 1e-5);
            prop_assert!(apart(fused.2, plain.2) < 1e-5);
            prop_assert!(apart(fused.3, plain.3) < 1e-5);
        }
    }

    #[test]
    fn adamw_is_its_plain_twin(length in 1usize..40_000, time in 1u64..2000, rate in 0.0..1e-2f64) {
        for device in devices() {
            let tensor = |name| drawn(name, [length], &device);
            let moments = || [tensor("first"), tensor("second").square()];
            let step = AdamwStep { rate, decay: 0.05, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, time };
            let fused = adamw(tensor("value"), tensor("gradient"), moments(), step);
            let plain = adamw::composed(tensor("value"), tensor("gradient"), moments(), step);
            prop_assert!(apart(fused.0, plain.0) < 1e-6);
            for (fused, plain) in fused.1.into_iter().zip(plain.1) {
                prop_assert!(apart(fused, plain) < 1e-6);
            }
        }
    }
}

#[test]
fn a_value_that_somebody_else_holds_is_not_changed() {
    let device = Device::flex().tensors().clone();
    let value = drawn("value", [100], &device);
    let held = value.clone();
    let before = floats(held.clone());
    let step = AdamwStep { rate: 0.1, decay: 0.0, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, time: 1 };
    let moments = [value.zeros_like(), value.zeros_like()];
    let (after, _) = adamw(value.clone(), value, moments, step);
    assert_eq!(floats(held), before);
    assert_ne!(floats(after), before);
}
