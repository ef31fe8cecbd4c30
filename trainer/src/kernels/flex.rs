//! The operations on the processor through Burn's flex backend: own vectorised Rust on all threads.
//!
//! Work is cut into pieces that do not depend on the number of threads, and partial sums are added in the
//! order of the pieces, so one thread and many give the same bits. Sums and exponentials are written
//! without fused multiply-adds, so that they also do not depend on the processor.

mod adamw;
pub(super) mod attention;
#[cfg(target_arch = "x86_64")]
mod bf16;
#[cfg(target_arch = "x86_64")]
mod blocked;
mod gelu;
mod layer_norm;
mod length;
pub(super) mod linear;
mod painting;
mod product;
#[cfg(target_arch = "x86_64")]
mod registers;
mod vector;

use burn::{
    backend::{
        Flex,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Shape, TensorData},
};

pub(super) use self::{adamw::adamw, length::square_sum, product::has_bf16};
/// What the kernels of LibTorch do in its memory.
#[cfg(feature = "tch")]
pub(super) mod in_place {
    pub(in super::super) use super::{
        adamw::adamw_in_place as adamw, layer_norm::backward as norm_backward, painting::painting,
        product::outdoes_mkl,
    };
}
use super::{
    fused::{Kernels, LinearGradients, Queries},
    painting::Measure,
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

/// A gradient times a factor `[1]`.
pub(super) fn times(gradient: Floats, factor: Floats) -> Floats {
    super::painting::multiplied::<Flex>(gradient, factor)
}

/// The loss of painted cubes and its gradient: see [`painting`].
pub(super) fn painting(
    painted: Floats,
    weights: Floats,
    cubes: IntTensor<Flex>,
    measure: Measure,
) -> [Floats; 2] {
    let shape = three(&painted);
    let (mut painted, weights, cubes) = (owned(painted), weights.to_contiguous(), cubes.to_contiguous());
    let cubes = cubes.as_slice::<u8>().expect("because cubes are brought to the device as bytes");
    let loss = painting::painting(&mut painted, slice(&weights), cubes, measure);
    [tensor(vec![loss], [1]), tensor(painted, shape)]
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

/// Room for values that are all written before one is read: filling it with zeros would be a further pass
/// over the memory.
#[allow(unsafe_code)]
fn unwritten(length: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(length);
    // SAFETY: the capacity is there, any bits are an f32, and callers write every element before they read.
    #[allow(clippy::uninit_vec)]
    unsafe {
        values.set_len(length);
    }
    values
}
