//! The operations through LibTorch: its own fused forward and backward pairs, where it exports both.
//!
//! LayerNorm's backward pass is not exported; it is composed from the means and scales that the forward
//! pass returns.

#![allow(deprecated)] // Burn has announced that this backend will go

use burn::backend::{LibTorch, tensor::FloatTensor};
use tch::{Kind, Tensor};

use super::fused::{Kernels, LinearGradients};

type Floats = FloatTensor<LibTorch>;

const NO_DROPOUT: f64 = 0.0;

impl Kernels for LibTorch {
    fn attention_forward(qkv: Floats, heads: usize) -> [Floats; 2] {
        let [queries, keys, values] = parts(&qkv.tensor, heads);
        let (gathered, logs) = if qkv.tensor.device().is_cuda() {
            composed(&queries, &keys, &values)
        } else {
            Tensor::internal_scaled_dot_product_flash_attention_for_cpu(
                &queries,
                &keys,
                &values,
                NO_DROPOUT,
                false,
                None::<Tensor>,
                None,
            )
        };
        // B H N W to B N D
        [Floats::new(gathered.transpose(1, 2).flatten(2, 3)), Floats::new(logs)]
    }

    fn attention_gradient(gradient: Floats, saved: [Floats; 3], heads: usize) -> Floats {
        let [qkv, gathered, logs] = saved;
        let [queries, keys, values] = parts(&qkv.tensor, heads);
        let by_head = |tensor: &Tensor| tensor.unflatten(2, [heads as i64, -1]).transpose(1, 2);
        let (gradient, gathered) = (by_head(&gradient.tensor), by_head(&gathered.tensor));
        let (of_queries, of_keys, of_values) = if qkv.tensor.device().is_cuda() {
            composed_backward(&gradient, [&queries, &keys, &values], &gathered, &logs.tensor)
        } else {
            Tensor::internal_scaled_dot_product_flash_attention_for_cpu_backward(
                &gradient,
                &queries,
                &keys,
                &values,
                &gathered,
                &logs.tensor,
                NO_DROPOUT,
                false,
                None::<Tensor>,
                None,
            )
        };
        // B H N W, three times, to B N 3D
        let together = Tensor::stack(&[of_queries, of_keys, of_values], 0);
        Floats::new(together.permute([1, 3, 0, 2, 4]).flatten(2, 4))
    }

    fn gelu_forward(values: Floats) -> Floats {
        Floats::new(values.tensor.gelu("none"))
    }

    fn gelu_gradient(gradient: Floats, values: Floats) -> Floats {
        Floats::new(values.tensor.gelu_backward(&gradient.tensor, "none"))
    }

    fn norm_forward(values: Floats, weight: Floats, bias: Floats, epsilon: f64) -> [Floats; 3] {
        let width = weight.tensor.size();
        let (weight, bias) = (Some(&weight.tensor), Some(&bias.tensor));
        let (normed, means, scales) =
            values.tensor.native_layer_norm(width.as_slice(), weight, bias, epsilon);
        [normed, means, scales].map(Floats::new)
    }

    fn norm_gradient(gradient: Floats, saved: [Floats; 4]) -> [Floats; 3] {
        let [values, weight, means, scales] = saved;
        let gradient = gradient.tensor;
        let normed = (values.tensor - means.tensor) * &scales.tensor;
        let of_bias = gradient.sum_dim_intlist([0i64].as_slice(), false, None::<Kind>);
        let along = &gradient * &normed;
        let of_weight = along.sum_dim_intlist([0i64].as_slice(), false, None::<Kind>);
        let mean = |tensor: &Tensor| tensor.mean_dim([1i64].as_slice(), true, None::<Kind>);
        let weighted = gradient * &weight.tensor;
        let (plain, along) = (mean(&weighted), mean(&(along * &weight.tensor)));
        let of_values = (weighted - plain - normed * along) * scales.tensor;
        [of_values, of_weight, of_bias].map(Floats::new)
    }

    fn linear_forward(values: Floats, weight: Floats, bias: Floats) -> Floats {
        Floats::new(values.tensor.linear(&weight.tensor, Some(&bias.tensor)))
    }

    fn linear_gradient(
        gradient: Floats,
        values: Floats,
        weight: Floats,
        wanted: [bool; 3],
    ) -> LinearGradients<Self> {
        let [for_values, for_weight, for_bias] = wanted;
        let gradient = gradient.tensor;
        [
            for_values.then(|| Floats::new(gradient.matmul(&weight.tensor))),
            for_weight.then(|| Floats::new(gradient.tr().matmul(&values.tensor))),
            for_bias.then(|| Floats::new(gradient.sum_dim_intlist([0i64].as_slice(), false, None::<Kind>))),
        ]
    }
}

/// Views of queries, keys and values, `[B, H, N, W]`, in `[B, N, 3D]`.
fn parts(qkv: &Tensor, heads: usize) -> [Tensor; 3] {
    let parts = qkv.unflatten(2, [3, heads as i64, -1]).permute([2, 0, 3, 1, 4]);
    [0, 1, 2].map(|number| parts.get(number))
}

/// On cards: what is gathered and the logarithms, with a matrix of scores that is dropped at once.
fn composed(queries: &Tensor, keys: &Tensor, values: &Tensor) -> (Tensor, Tensor) {
    let scores = queries.matmul(&keys.transpose(-2, -1)) * scale(queries);
    let logs = scores.logsumexp([-1i64].as_slice(), false);
    (scores.softmax(-1, None::<Kind>).matmul(values), logs)
}

/// The gradients, with the shares computed again.
fn composed_backward(
    gradient: &Tensor,
    [queries, keys, values]: [&Tensor; 3],
    gathered: &Tensor,
    logs: &Tensor,
) -> (Tensor, Tensor, Tensor) {
    let scale = scale(queries);
    let shares = (queries.matmul(&keys.transpose(-2, -1)) * scale - logs.unsqueeze(-1)).exp();
    let inner = (gradient * gathered).sum_dim_intlist([-1i64].as_slice(), true, None::<Kind>);
    let slopes = &shares * (gradient.matmul(&values.transpose(-2, -1)) - inner) * scale;
    (slopes.matmul(keys), slopes.transpose(-2, -1).matmul(queries), shares.transpose(-2, -1).matmul(gradient))
}

fn scale(queries: &Tensor) -> f64 {
    (queries.size()[3] as f64).powf(-0.5)
}
