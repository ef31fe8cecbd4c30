//! Every kernel against its plain twin, values and gradients, on random shapes and every device.

use burn::tensor::{Device as TensorDevice, Tensor, TensorData};
use proptest::prelude::*;

use super::{
    AdamwStep, AttentionTensors, Kernels, Learning, MlpTensors, Precision, Target, adamw, adamw_of_all,
    attention, attention_branch, gelu, in_precision, layer_norm, linear, masked_loss, mlp_branch, square_sum,
    with_kernels,
};
use crate::{batch::masked::upload_cubes, device::Device, random::Draws, weights::floats};

/// Every CPU's device of this build, and what `TUBELET_TEST_DEVICES` names beside them, such as a GPU:
/// `tch:cuda:0,cuda:0`.
fn devices() -> Vec<TensorDevice> {
    named_devices().into_iter().map(|device| device.tensors().clone()).collect()
}

fn named_devices() -> Vec<Device> {
    let more = std::env::var("TUBELET_TEST_DEVICES").unwrap_or_default();
    let built_in = ["flex"].into_iter().chain(cfg!(feature = "tch").then_some("tch"));
    let names = built_in.chain(more.split(',').filter(|name| !name.is_empty()));
    names.map(|name| Device::parse(name).unwrap()).collect()
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

/// A branch's output and the gradients of what it was computed from, in order.
type Branch = (Tensor<3>, Vec<Tensor<1>>);

/// Makes leaves, computes with them, and goes back for a drawn gradient of the output.
fn branch(
    shapes: &[(&'static str, Vec<usize>)],
    device: &TensorDevice,
    compute: impl Fn(&mut dyn FnMut() -> Tensor<1>) -> Tensor<3>,
) -> Branch {
    let leaf = |(name, shape): &(&'static str, Vec<usize>)| {
        drawn(name, [shape.iter().product()], device).autodiff().require_grad()
    };
    let leaves: Vec<Tensor<1>> = shapes.iter().map(leaf).collect();
    let mut next = leaves.iter().cloned();
    let output = compute(&mut || next.next().expect("because there is a leaf for each tensor"));
    let downhill = drawn("downhill", output.dims(), device);
    let mut gradients = (output.clone() * downhill).sum().backward();
    let of_leaves = leaves.iter().map(|leaf| leaf.grad_remove(&mut gradients).unwrap()).collect();
    (output.inner(), of_leaves)
}

fn attention_branch_of(
    shape: [usize; 3],
    heads: usize,
    kept: std::ops::Range<usize>,
    device: &TensorDevice,
) -> Branch {
    let dim = shape[2];
    let shapes = [
        ("tokens", shape.to_vec()),
        ("norm weight", vec![dim]),
        ("norm bias", vec![dim]),
        ("qkv", vec![3 * dim, dim]),
        ("q bias", vec![dim]),
        ("v bias", vec![dim]),
        ("proj", vec![dim, dim]),
        ("proj bias", vec![dim]),
    ];
    branch(&shapes, device, |next| {
        let small = 1.0 / (dim as f64).sqrt();
        let tokens = next().reshape(shape);
        let tensors = AttentionTensors {
            norm_weight: next(),
            norm_bias: next(),
            qkv: next().reshape([3 * dim, dim]) * small,
            q_bias: next(),
            v_bias: next(),
            proj: next().reshape([dim, dim]) * small,
            proj_bias: next(),
            heads,
            epsilon: 1e-6,
        };
        attention_branch(tokens, &tensors, kept.clone())
    })
}

fn mlp_branch_of(shape: [usize; 3], hidden: usize, device: &TensorDevice) -> Branch {
    let dim = shape[2];
    let shapes = [
        ("tokens", shape.to_vec()),
        ("norm weight", vec![dim]),
        ("norm bias", vec![dim]),
        ("fc1", vec![hidden, dim]),
        ("fc1 bias", vec![hidden]),
        ("fc2", vec![dim, hidden]),
        ("fc2 bias", vec![dim]),
    ];
    branch(&shapes, device, |next| {
        let tokens = next().reshape(shape);
        let tensors = MlpTensors {
            norm_weight: next(),
            norm_bias: next(),
            fc1: next().reshape([hidden, dim]) * (1.0 / (dim as f64).sqrt()),
            fc1_bias: next(),
            fc2: next().reshape([dim, hidden]) * (1.0 / (hidden as f64).sqrt()),
            fc2_bias: next(),
            epsilon: 1e-6,
        };
        mlp_branch(tokens, &tensors)
    })
}

/// The largest difference: of the output as a share of its largest value, of the gradients as a share of the
/// largest of them all. A bias's gradient is a sum over all tokens that may all but cancel (that of q is 0 for a
/// single token), and its rounding is that of what is summed, not of what remains.
fn branches_apart(found: Branch, wanted: Branch) -> f32 {
    let joined = |gradients: Vec<Tensor<1>>| Tensor::cat(gradients, 0);
    apart(found.0, wanted.0).max(apart(joined(found.1), joined(wanted.1)))
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
    fn an_attention_branch_is_its_plain_twin(
        clips in 1usize..3, tokens in 1usize..90, heads in 1usize..4, width in 4usize..20, first in 0usize..90,
    ) {
        for device in devices() {
            let shape = [clips, tokens, heads * width];
            let kept = first.min(tokens - 1)..tokens;
            let compute = || attention_branch_of(shape, heads, kept.clone(), &device);
            let (own, plain) = (compute(), with_kernels(Kernels::Plain, compute));
            prop_assert!(branches_apart(own, plain.clone()) < 5e-5);
            // Eight bits of mantissa: factors are off by up to 2⁻⁹ each, and softmax enlarges that. Measured over 700
            // shapes: median .008, 95 % .016, largest .044 (flex) and .066 (LibTorch, whose products are its own).
            let rounded = in_precision(Precision::Bf16, compute);
            prop_assert!(branches_apart(rounded, plain) < 0.1);
        }
    }

    #[test]
    fn an_mlp_branch_is_its_plain_twin(
        clips in 1usize..3, tokens in 1usize..90, dim in 8usize..60, hidden in 1usize..130,
    ) {
        for device in devices() {
            let compute = || mlp_branch_of([clips, tokens, dim], hidden, &device);
            let (own, plain) = (compute(), with_kernels(Kernels::Plain, compute));
            prop_assert!(branches_apart(own, plain.clone()) < 5e-5);
            let rounded = in_precision(Precision::Bf16, compute);
            prop_assert!(branches_apart(rounded, plain) < 0.1);
        }
    }

    #[test]
    fn a_product_of_rounded_factors_is_exact_but_for_the_rounding(
        rows in 1usize..70, inputs in 1usize..400, outputs in 1usize..80,
    ) {
        let device = Device::flex().tensors().clone();
        // Whole numbers up to 16 are bf16, and their sums are exact.
        let whole = |name, shape: [usize; 2]| drawn(name, shape, &device).mul_scalar(4.0).round().clamp(-16.0, 16.0);
        let inputs_of = || {
            let bias = drawn("bias", [outputs], &device).round();
            (whole("values", [rows, inputs]), whole("weight", [outputs, inputs]), bias)
        };
        let compute = || {
            let (values, weight, bias) = inputs_of();
            let (values, weight) = (values.autodiff().require_grad(), weight.autodiff().require_grad());
            let output = linear(values.clone(), weight.clone(), Some(bias.autodiff()));
            let downhill = whole("downhill", [rows, outputs]);
            let mut gradients = (output.clone() * downhill).sum().backward();
            let of_values = floats(values.grad_remove(&mut gradients).unwrap());
            let of_weight = floats(weight.grad_remove(&mut gradients).unwrap());
            [floats(output.inner()), of_values, of_weight]
        };
        prop_assert_eq!(in_precision(Precision::Bf16, compute), compute());
    }

    #[test]
    fn a_masked_loss_is_its_plain_twin(
        clips in 1usize..3, targets in 1usize..5, pixels in 2usize..70, normalised: bool, weighted: bool,
    ) {
        for named in named_devices() {
            let device = named.tensors().clone();
            let shape = [clips, targets, 3 * pixels];
            let bytes: Vec<u8> = floats(drawn("bytes", [shape.iter().product()], &device))
                .iter().map(|value| (value * 31.0 + 128.0) as u8).collect();
            let cubes = upload_cubes(&bytes, shape, &named);
            let target = if normalised { Target::Normalised } else { Target::Raw };
            let weights = weighted.then(|| drawn("weights", [clips, targets, 1], &device).abs().round().clamp(0.0, 1.0));
            let both = [masked_loss, masked_loss::composed].map(|loss| {
                let predicted = drawn("predicted", shape, &device).autodiff().require_grad();
                let loss = loss(predicted.clone(), cubes.clone(), weights.clone(), clips * targets, target) * 3.0;
                let gradient = predicted.grad_remove(&mut loss.backward()).unwrap();
                (loss.inner(), gradient)
            });
            let [(loss, gradient), (plain_loss, plain_gradient)] = both;
            prop_assert!(apart(loss, plain_loss) < 1e-5);
            prop_assert!(apart(gradient * 1e3, plain_gradient * 1e3) < 1e-4);
        }
    }

    #[test]
    fn a_square_sum_is_its_plain_twin(length in 1usize..60_000) {
        for device in devices() {
            let values = drawn("values", [length], &device);
            prop_assert!(apart(square_sum(values.clone()), square_sum::composed(values.clone())) < 1e-5);
            let both = [values, drawn("other", [length / 3 + 1], &device)];
            let wanted = both.each_ref().map(|values| square_sum::composed(values.clone()));
            let found = square_sum::square_sums(&both).sum();
            prop_assert!(apart(found, Tensor::cat(wanted.to_vec(), 0).sum()) < 1e-5);
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

    #[test]
    fn adamw_of_all_tensors_is_its_plain_twin(
        lengths in prop::collection::vec(1usize..80_000, 1..5), time in 1u64..200,
    ) {
        for device in devices() {
            let learning = |(number, length): (usize, &usize)| {
                let tensor = |name| drawn(name, [*length], &device);
                let (rate, decay) = (1e-3 / (1 + number) as f64, if number % 2 == 0 { 0.05 } else { 0.0 });
                let step = AdamwStep { rate, decay, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, time };
                let moments = [tensor("first"), tensor("second").square()];
                Learning { value: tensor("value"), gradient: tensor("gradient"), moments, step }
            };
            let tensors: Vec<Learning> = lengths.iter().enumerate().map(learning).collect();
            let kept = floats(tensors[0].value.clone());
            let found = adamw_of_all(tensors.clone());
            for (Learning { value, gradient, moments, step }, found) in tensors.iter().cloned().zip(found) {
                let plain = adamw::composed(value, gradient, moments, step);
                prop_assert!(apart(found.0, plain.0) < 1e-6);
                for (found, plain) in found.1.into_iter().zip(plain.1) {
                    prop_assert!(apart(found, plain) < 1e-6);
                }
            }
            // Somebody else held them: they are as they were.
            prop_assert_eq!(floats(tensors[0].value.clone()), kept);
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
