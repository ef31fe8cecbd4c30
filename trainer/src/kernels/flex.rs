//! The operations through Burn's flex backend: its tensors are handed to the loops of [`super::cpu`] as slices.

use burn::{
    backend::{
        Flex,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Shape, TensorData},
};

use super::{
    backend::{AdamwStep, Kernels, LinearGradients, Measure, Queries, multiplied},
    cpu::{self, attention, buffer::unwritten, gelu, layer_norm, linear},
    precision::Precision,
};

type Floats = FloatTensor<Flex>;

/// Tensors stay f32 in every precision: factors of products are rounded on their way into the product.
impl Kernels for Flex {
    fn lowered(factor: Floats, _: Precision) -> Floats {
        factor
    }

    fn attention_forward(qkv: Floats, heads: usize, queries: Queries, precision: Precision) -> [Floats; 2] {
        let qkv = qkv.to_contiguous();
        let [clips, tokens, triple] = three(&qkv);
        let sizes = attention::Sizes::new([clips, tokens, triple / 3], heads, queries, precision);
        let mut gathered = unwritten(clips * queries.count * triple / 3);
        let mut logs = unwritten(clips * heads * queries.count);
        attention::forward(slice(&qkv), sizes, &mut gathered, &mut logs);
        let gathered = tensor(gathered, [clips, queries.count, triple / 3]);
        [gathered, tensor(logs, [clips, heads, queries.count])]
    }

    fn attention_gradient(
        gradient: Floats,
        saved: [Floats; 3],
        heads: usize,
        queries: Queries,
        precision: Precision,
    ) -> Floats {
        let gradient = gradient.to_contiguous();
        let [qkv, gathered, logs] = saved.map(|tensor| tensor.to_contiguous());
        let [clips, tokens, triple] = three(&qkv);
        let sizes = attention::Sizes::new([clips, tokens, triple / 3], heads, queries, precision);
        let given = attention::Given {
            qkv: slice(&qkv),
            gathered: slice(&gathered),
            logs: slice(&logs),
            gradient: slice(&gradient),
        };
        let mut result = unwritten(clips * tokens * triple);
        attention::backward(given, sizes, &mut result);
        tensor(result, [clips, tokens, triple])
    }

    fn gelu_forward(values: Floats) -> Floats {
        let values = values.to_contiguous();
        tensor(gelu::forward(slice(&values)), values.layout().shape().clone())
    }

    fn gelu_gradient(gradient: Floats, values: Floats) -> Floats {
        let (mut gradient, values) = (owned(gradient), values.to_contiguous());
        gelu::backward(&mut gradient, slice(&values));
        tensor(gradient, values.layout().shape().clone())
    }

    fn norm_forward(
        values: Floats,
        weight: Floats,
        bias: Floats,
        epsilon: f64,
        precision: Precision,
    ) -> [Floats; 3] {
        let [values, weight, bias] = [values, weight, bias].map(|tensor| tensor.to_contiguous());
        let [rows, _] = two(&values);
        let (normed, means, scales) =
            layer_norm::forward(slice(&values), slice(&weight), slice(&bias), epsilon as f32);
        let normed = Self::lowered(tensor(normed, two(&values)), precision);
        [normed, tensor(means, [rows]), tensor(scales, [rows])]
    }

    fn norm_again(saved: [Floats; 5], _: f64, precision: Precision) -> Floats {
        let saved = saved.map(|tensor| tensor.to_contiguous());
        let shape = two(&saved[0]);
        let [values, weight, bias, means, scales] = saved.each_ref().map(slice);
        Self::lowered(tensor(layer_norm::again(values, weight, bias, means, scales), shape), precision)
    }

    fn norm_gradient(gradient: Floats, saved: [Floats; 4], onto: Option<Floats>) -> [Floats; 3] {
        let gradient = gradient.to_contiguous();
        let saved = saved.map(|tensor| tensor.to_contiguous());
        let shape = two(&saved[0]);
        let [values, weight, means, scales] = saved.each_ref().map(slice);
        let mut of_values = onto.map_or_else(|| vec![0.0; values.len()], owned);
        let [of_weight, of_bias] =
            layer_norm::backward(&mut of_values, slice(&gradient), values, weight, means, scales);
        [tensor(of_values, shape), tensor(of_weight, [shape[1]]), tensor(of_bias, [shape[1]])]
    }

    fn linear_forward(
        values: Floats,
        weight: Floats,
        bias: Floats,
        onto: Option<Floats>,
        precision: Precision,
        _: Precision,
    ) -> Floats {
        let [values, weight, bias] = [values, weight, bias].map(|tensor| tensor.to_contiguous());
        let onto = onto.map(|onto| onto.to_contiguous());
        let ([rows, _], [outputs, _]) = (two(&values), two(&weight));
        let onto = onto.as_ref().map(slice);
        let mut result = unwritten(rows * outputs);
        linear::forward(&mut result, slice(&values), slice(&weight), slice(&bias), onto, precision);
        tensor(result, [rows, outputs])
    }

    fn linear_gradient(
        gradient: Floats,
        values: Floats,
        weight: Floats,
        wanted: [bool; 3],
        precision: Precision,
        _: Precision,
    ) -> LinearGradients<Self> {
        let [gradient, values, weight] = [gradient, values, weight].map(|tensor| tensor.to_contiguous());
        let (value_shape, weight_shape) = (two(&values), two(&weight));
        let (rows, outputs) = (value_shape[0], weight_shape[0]);
        let [for_values, for_weight, for_bias] = wanted;
        let of_weight = for_weight.then(|| {
            let mut result = unwritten(weight_shape[0] * weight_shape[1]);
            linear::weight_backward(&mut result, slice(&gradient), slice(&values), rows, precision);
            tensor(result, weight_shape)
        });
        // The values may be the last to hold their memory, and their gradient is as large.
        drop(values);
        let of_bias = || tensor(linear::bias_backward(slice(&gradient), outputs), [outputs]);
        let of_values = || {
            let mut result = unwritten(value_shape[0] * value_shape[1]);
            linear::values_backward(&mut result, slice(&gradient), slice(&weight), rows, precision);
            tensor(result, value_shape)
        };
        [for_values.then(of_values), of_weight, for_bias.then(of_bias)]
    }
}

/// Value and moments after an update. A buffer that somebody else holds is copied first.
pub(super) fn adamw(
    value: Floats,
    gradient: Floats,
    [first, second]: [Floats; 2],
    step: AdamwStep,
) -> (Floats, Floats, Floats) {
    // A view is copied out of its larger buffer, so that the storage is the tensor.
    let own = |tensor: Floats| if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() };
    let [mut value, gradient, mut first, mut second] = [value, gradient, first, second].map(own);
    let moments = [&mut first, &mut second].map(|tensor| tensor.storage_mut::<f32>());
    cpu::adamw::adamw(value.storage_mut::<f32>(), slice(&gradient), moments, step);
    (value, first, second)
}

/// The sum of all squares, `[1]`.
pub(super) fn square_sum(values: Floats) -> Floats {
    tensor(vec![cpu::square_sum::square_sum(slice(&values.to_contiguous()))], [1])
}

/// A gradient times a factor `[1]`.
pub(super) fn times(gradient: Floats, factor: Floats) -> Floats {
    multiplied::<Flex>(gradient, factor)
}

/// The loss of predicted cubes and its gradient: see [`cpu::masked_loss`].
pub(super) fn masked_loss(
    predicted: Floats,
    weights: Floats,
    cubes: IntTensor<Flex>,
    measure: Measure,
) -> [Floats; 2] {
    let shape = three(&predicted);
    let (mut predicted, weights, cubes) = (owned(predicted), weights.to_contiguous(), cubes.to_contiguous());
    let cubes = cubes.as_slice::<u8>().expect("because cubes are brought to the device as bytes");
    let loss = cpu::masked_loss::masked_loss(&mut predicted, slice(&weights), cubes, measure);
    [tensor(vec![loss], [1]), tensor(predicted, shape)]
}

fn slice(tensor: &Floats) -> &[f32] {
    tensor.as_slice().expect("because it was made contiguous, and the trainer's tensors hold f32")
}

/// The elements of a tensor, without a copy where nobody else holds them.
fn owned(tensor: Floats) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("because the trainer's tensors hold f32")
}

fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Floats {
    Floats::from_data(TensorData::new(values, shape))
}

fn two(tensor: &Floats) -> [usize; 2] {
    tensor.layout().shape().dims()
}

fn three(tensor: &Floats) -> [usize; 3] {
    tensor.layout().shape().dims()
}
