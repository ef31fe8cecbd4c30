//! The operations on the processor through Burn's flex backend: own vectorised Rust on all threads.
//!
//! Work is cut into pieces that do not depend on the number of threads, and partial sums are added in the
//! order of the pieces, so one thread and many give the same bits. Sums and exponentials are written
//! without fused multiply-adds, so that they also do not depend on the processor.

mod adamw;
mod attention;
mod gelu;
mod layer_norm;
mod linear;
mod product;
mod vector;

use burn::{
    backend::{Flex, tensor::FloatTensor},
    tensor::{Shape, TensorData},
};

pub(super) use adamw::adamw;

use super::fused::{Kernels, LinearGradients};

type Floats = FloatTensor<Flex>;

impl Kernels for Flex {
    fn attention_forward(qkv: Floats, heads: usize) -> [Floats; 2] {
        let qkv = qkv.to_contiguous();
        let [clips, tokens, width] = three(&qkv);
        let sizes = attention::Sizes::new(clips, tokens, width / 3, heads);
        let (gathered, logs) = attention::forward(slice(&qkv), sizes);
        [tensor(gathered, [clips, tokens, width / 3]), tensor(logs, [clips, heads, tokens])]
    }

    fn attention_gradient(gradient: Floats, saved: [Floats; 3], heads: usize) -> Floats {
        let gradient = gradient.to_contiguous();
        let [qkv, gathered, logs] = saved.map(|tensor| tensor.to_contiguous());
        let shape = three(&qkv);
        let sizes = attention::Sizes::new(shape[0], shape[1], shape[2] / 3, heads);
        let given = attention::Given {
            qkv: slice(&qkv),
            gathered: slice(&gathered),
            logs: slice(&logs),
            gradient: slice(&gradient),
        };
        tensor(attention::backward(given, sizes), shape)
    }

    fn gelu_forward(values: Floats) -> Floats {
        let values = values.to_contiguous();
        tensor(gelu::forward(slice(&values)), values.layout().shape().clone())
    }

    fn gelu_gradient(gradient: Floats, values: Floats) -> Floats {
        let (gradient, values) = (gradient.to_contiguous(), values.to_contiguous());
        tensor(gelu::backward(slice(&gradient), slice(&values)), values.layout().shape().clone())
    }

    fn norm_forward(values: Floats, weight: Floats, bias: Floats, epsilon: f64) -> [Floats; 3] {
        let [values, weight, bias] = [values, weight, bias].map(|tensor| tensor.to_contiguous());
        let [rows, _] = two(&values);
        let (normed, means, scales) =
            layer_norm::forward(slice(&values), slice(&weight), slice(&bias), epsilon as f32);
        [tensor(normed, two(&values)), tensor(means, [rows]), tensor(scales, [rows])]
    }

    fn norm_gradient(gradient: Floats, saved: [Floats; 4]) -> [Floats; 3] {
        let gradient = gradient.to_contiguous();
        let [values, weight, means, scales] = saved.map(|tensor| tensor.to_contiguous());
        let shape = two(&values);
        let [of_values, of_weight, of_bias] = layer_norm::backward(
            slice(&gradient),
            slice(&values),
            slice(&weight),
            slice(&means),
            slice(&scales),
        );
        [tensor(of_values, shape), tensor(of_weight, [shape[1]]), tensor(of_bias, [shape[1]])]
    }

    fn linear_forward(values: Floats, weight: Floats, bias: Floats) -> Floats {
        let [values, weight, bias] = [values, weight, bias].map(|tensor| tensor.to_contiguous());
        let ([rows, _], [outputs, _]) = (two(&values), two(&weight));
        tensor(linear::forward(slice(&values), slice(&weight), slice(&bias)), [rows, outputs])
    }

    fn linear_gradient(
        gradient: Floats,
        values: Floats,
        weight: Floats,
        wanted: [bool; 3],
    ) -> LinearGradients<Self> {
        let [gradient, values, weight] = [gradient, values, weight].map(|tensor| tensor.to_contiguous());
        let (value_shape, weight_shape) = (two(&values), two(&weight));
        let (rows, outputs) = (value_shape[0], weight_shape[0]);
        let [for_values, for_weight, for_bias] = wanted;
        [
            for_values.then(|| {
                tensor(linear::values_backward(slice(&gradient), slice(&weight), rows), value_shape)
            }),
            for_weight.then(|| {
                tensor(linear::weight_backward(slice(&gradient), slice(&values), rows), weight_shape)
            }),
            for_bias.then(|| tensor(linear::bias_backward(slice(&gradient), outputs), [outputs])),
        ]
    }
}

fn slice(tensor: &Floats) -> &[f32] {
    tensor.as_slice().expect("because it was made contiguous, and the trainer's tensors hold f32")
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
