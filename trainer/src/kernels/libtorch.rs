//! The operations through LibTorch: its own fused forward and backward pairs, where it exports both.
//!
//! Its bindings export neither LayerNorm's backward pass nor a fused AdamW. On the CPU the row loops of
//! [`super::cpu`] do these in LibTorch's memory; on GPUs LibTorch's own do, through a few lines of C++ ([`card`]).
//! The row loops also do f32 products, those of linear layers and of attention, where the CPU is one
//! that LibTorch's own leave half unused.
//!
//! In bf16 the tensors between the products are bf16, as under PyTorch's autocast.

#![allow(deprecated)] // Burn has announced that this backend will go

mod card;
mod cuda;
mod many;
mod memory;
mod threads;

use burn::backend::{
    LibTorch,
    tensor::{FloatTensor, IntTensor},
};
use tch::{Device, Kind, Tensor};

use self::memory::{bytes, floats, floats_mut};
use super::{
    backend::{AdamwStep, Kernels, LinearGradients, Measure, Queries},
    cpu::{self, attention, linear},
    precision::{Precision, precision},
};

pub(super) use self::{
    card::{card, is_cpu, upload},
    many::{adamw as adamw_of_all, square_sums, updates},
    memory::keep_memory,
    threads::share_threads,
};

type Floats = FloatTensor<LibTorch>;

const NO_DROPOUT: f64 = 0.0;

impl Kernels for LibTorch {
    fn lowered(factor: Floats, precision: Precision) -> Floats {
        match precision {
            Precision::F32 => factor,
            Precision::Bf16 if factor.tensor.kind() == Kind::BFloat16 => factor,
            Precision::Bf16 => Floats::new(factor.tensor.to_kind(Kind::BFloat16)),
        }
    }

    fn attention_forward(qkv: Floats, heads: usize, asking: Queries, precision: Precision) -> [Floats; 2] {
        let qkv = Self::lowered(qkv, precision);
        if is_better_in_place(&qkv.tensor) {
            return attention_in_place(&qkv.tensor.contiguous(), heads, asking).map(Floats::new);
        }
        let [queries, keys, values] = parts(&qkv.tensor, heads, asking);
        let (gathered, logs) = if qkv.tensor.device().is_cuda() {
            let [gathered, logs] = card::attention(&queries, &keys, &values);
            (gathered, logs)
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

    fn attention_gradient(
        gradient: Floats,
        saved: [Floats; 3],
        heads: usize,
        asking: Queries,
        precision: Precision,
    ) -> Floats {
        let [qkv, gathered, logs] = saved;
        let gradient = Self::lowered(gradient, precision);
        let qkv = Self::lowered(qkv, precision);
        if is_better_in_place(&qkv.tensor) {
            let saved = [qkv, gathered, logs].map(|saved| saved.tensor.contiguous());
            return Floats::new(attention_gradient_in_place(&gradient.tensor, &saved, heads, asking));
        }
        let [queries, keys, values] = parts(&qkv.tensor, heads, asking);
        let by_head = |tensor: &Tensor| tensor.unflatten(2, [heads as i64, -1]).transpose(1, 2);
        let (gradient, gathered) = (by_head(&gradient.tensor), by_head(&gathered.tensor));
        let (of_queries, of_keys, of_values) = if qkv.tensor.device().is_cuda() {
            let given = [&queries, &keys, &values];
            let [of_queries, of_keys, of_values] =
                card::attention_backward(&gradient, given, &gathered, &logs.tensor);
            (of_queries, of_keys, of_values)
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
        if asking.count == qkv.tensor.size()[1] as usize {
            let sides = [of_queries, of_keys, of_values].map(|side| side.transpose(1, 2).flatten(2, 3));
            return Floats::new(Tensor::cat(&sides, 2)); // B N 3D
        }
        // Each is copied to where it belongs in `[B, N, 3D]`.
        let result = qkv.tensor.empty_like();
        let [mut to_queries, mut to_keys, mut to_values] = parts(&result, heads, asking);
        let everybody = Queries { first: 0, count: qkv.tensor.size()[1] as usize };
        let [mut queries, _, _] = parts(&result, heads, everybody);
        let _ = queries.zero_();
        to_queries.copy_(&of_queries);
        to_keys.copy_(&of_keys);
        to_values.copy_(&of_values);
        Floats::new(result)
    }

    fn gelu_forward(values: Floats) -> Floats {
        Floats::new(values.tensor.gelu("none"))
    }

    fn gelu_gradient(gradient: Floats, values: Floats) -> Floats {
        Floats::new(values.tensor.gelu_backward(&gradient.tensor, "none"))
    }

    fn norm_forward(
        values: Floats,
        weight: Floats,
        bias: Floats,
        epsilon: f64,
        precision: Precision,
    ) -> [Floats; 3] {
        let given = [values, weight, bias].map(|given| given.tensor.contiguous());
        if let Some(found) = cuda::norm(given.each_ref(), None, epsilon, precision) {
            return found.map(Floats::new);
        }
        let [values, weight, bias] = given;
        let width = weight.size();
        let (normed, means, scales) =
            values.native_layer_norm(width.as_slice(), Some(&weight), Some(&bias), epsilon);
        let [normed, means, scales] = [normed, means, scales].map(Floats::new);
        [Self::lowered(normed, precision), means, scales]
    }

    fn norm_again(saved: [Floats; 5], epsilon: f64, precision: Precision) -> Floats {
        let [values, weight, bias, means, scales] = saved;
        let given = [&values, &weight, &bias].map(|given| given.tensor.contiguous());
        let known = Some([&means.tensor, &scales.tensor]);
        if let Some([normed, _, _]) = cuda::norm(given.each_ref(), known, epsilon, precision) {
            return Floats::new(normed);
        }
        let [normed, _, _] = Self::norm_forward(values, weight, bias, epsilon, precision);
        normed
    }

    fn norm_gradient(gradient: Floats, saved: [Floats; 4], onto: Option<Floats>) -> [Floats; 3] {
        let [values, weight, means, scales] = saved;
        if gradient.tensor.device().is_cuda() {
            let saved = [values, weight, means, scales].map(|saved| saved.tensor.contiguous());
            let onto = onto.map(|onto| onto.tensor.contiguous());
            return on_card_norm_gradient(&gradient.tensor.contiguous(), saved.each_ref(), onto.as_ref());
        }
        let gradient = gradient.tensor.to_kind(Kind::Float).contiguous();
        // Somebody else may hold what it is added to.
        let mut result =
            onto.map_or_else(|| values.tensor.zeros_like(), |onto| onto.tensor.contiguous().copy());
        let saved = [values, weight, means, scales].map(|saved| saved.tensor.contiguous());
        let [values, weight, means, scales] = saved.each_ref().map(floats);
        let sums = cpu::layer_norm::backward(
            floats_mut(&mut result),
            floats(&gradient),
            values,
            weight,
            means,
            scales,
        );
        let [of_weight, of_bias] = sums.map(|sums| Tensor::from_slice(&sums));
        [result, of_weight, of_bias].map(Floats::new)
    }

    fn linear_forward(
        values: Floats,
        weight: Floats,
        bias: Floats,
        onto: Option<Floats>,
        _: Precision,
        result: Precision,
    ) -> Floats {
        if is_better_in_place(&values.tensor) {
            let given = [values, weight, bias].map(|given| given.tensor.contiguous());
            let onto = onto.map(|onto| onto.tensor.contiguous());
            return Floats::new(linear_in_place(&given, onto.as_ref()));
        }
        let kind = values.tensor.kind();
        let bias = bias.tensor;
        let product = match onto {
            // The product is added to what stands there: no further pass over the output.
            Some(onto) if kind == Kind::Float => {
                (onto.tensor + bias).addmm_(&values.tensor, &weight.tensor.tr())
            }
            Some(onto) => {
                let product = values.tensor.linear(&weight.tensor, Some(bias.to_kind(kind)));
                let onto = onto.tensor.contiguous();
                cuda::added(&onto, &product).unwrap_or_else(|| onto + product)
            }
            None => values.tensor.linear(&weight.tensor, Some(bias.to_kind(kind))),
        };
        Floats::new(in_precision(product, result))
    }

    fn linear_gradient(
        gradient: Floats,
        values: Floats,
        weight: Floats,
        wanted: [bool; 3],
        _: Precision,
        result: Precision,
    ) -> LinearGradients<Self> {
        let [for_values, for_weight, for_bias] = wanted;
        let gradient = gradient.tensor;
        if is_better_in_place(&gradient) {
            let given = [gradient, values.tensor, weight.tensor].map(|given| given.contiguous());
            return linear_gradient_in_place(given, wanted).map(|found| found.map(Floats::new));
        }
        let of_weight = || match gradient.kind() == Kind::BFloat16 && gradient.device().is_cuda() {
            true => gradient.tr().mm_dtype(&values.tensor, Kind::Float),
            false => gradient.tr().matmul(&values.tensor).to_kind(Kind::Float),
        };
        let of_weight = for_weight.then(|| Floats::new(of_weight()));
        // The values may be the last to hold their memory, and their gradient is as large.
        drop(values);
        let of_values = || in_precision(gradient.matmul(&weight.tensor), result);
        let of_bias = || column_sums(&gradient);
        [for_values.then(|| Floats::new(of_values())), of_weight, for_bias.then(|| Floats::new(of_bias()))]
    }
}

/// Whether what comes from this tensor by products is computed by our own loops in LibTorch's memory.
fn is_better_in_place(tensor: &Tensor) -> bool {
    tensor.kind() == Kind::Float && tensor.device() == Device::Cpu && cpu::product::outdoes_mkl()
}

fn sizes(qkv: &Tensor, heads: usize, asking: Queries) -> attention::Sizes {
    let [clips, tokens, triple] = [0, 1, 2].map(|side| qkv.size()[side] as usize);
    attention::Sizes::new([clips, tokens, triple / 3], heads, asking, Precision::F32)
}

/// What the queries gather, `[B, count, D]`, and the logarithms.
fn attention_in_place(qkv: &Tensor, heads: usize, asking: Queries) -> [Tensor; 2] {
    let (clips, dim) = (qkv.size()[0], qkv.size()[2] / 3);
    let count = asking.count as i64;
    let like = (Kind::Float, Device::Cpu);
    let mut gathered = Tensor::empty([clips, count, dim], like);
    let mut logs = Tensor::empty([clips, heads as i64, count], like);
    let results = (floats_mut(&mut gathered), floats_mut(&mut logs));
    attention::forward(floats(qkv), sizes(qkv, heads, asking), results.0, results.1);
    [gathered, logs]
}

fn attention_gradient_in_place(
    gradient: &Tensor,
    saved: &[Tensor; 3],
    heads: usize,
    asking: Queries,
) -> Tensor {
    let gradient = gradient.contiguous();
    let [qkv, gathered, logs] = saved.each_ref().map(floats);
    let given = attention::Given { qkv, gathered, logs, gradient: floats(&gradient) };
    let mut result = saved[0].empty_like();
    attention::backward(given, sizes(&saved[0], heads, asking), floats_mut(&mut result));
    result
}

fn linear_in_place([values, weight, bias]: &[Tensor; 3], onto: Option<&Tensor>) -> Tensor {
    let mut result = Tensor::empty([values.size()[0], bias.size()[0]], (Kind::Float, Device::Cpu));
    let given = [values, weight, bias].map(floats);
    let onto = onto.map(floats);
    linear::forward(floats_mut(&mut result), given[0], given[1], given[2], onto, Precision::F32);
    result
}

fn linear_gradient_in_place(
    [gradient, values, weight]: [Tensor; 3],
    wanted: [bool; 3],
) -> [Option<Tensor>; 3] {
    let [for_values, for_weight, for_bias] = wanted;
    let rows = values.size()[0] as usize;
    let of_weight = for_weight.then(|| {
        let mut result = weight.empty_like();
        let (gradient, values) = (floats(&gradient), floats(&values));
        linear::weight_backward(floats_mut(&mut result), gradient, values, rows, Precision::F32);
        result
    });
    let like_values = values.size();
    drop(values);
    let of_values = for_values.then(|| {
        let mut result = Tensor::empty(like_values, (Kind::Float, Device::Cpu));
        let (gradient, weight) = (floats(&gradient), floats(&weight));
        linear::values_backward(floats_mut(&mut result), gradient, weight, rows, Precision::F32);
        result
    });
    let of_bias = for_bias.then(|| gradient.sum_dim_intlist([0i64].as_slice(), false, Kind::Float));
    [of_values, of_weight, of_bias]
}

/// A result of products as it is handed on: bf16 stays bf16 where that is asked for.
fn in_precision(product: Tensor, precision: Precision) -> Tensor {
    match precision {
        Precision::F32 => product.to_kind(Kind::Float),
        Precision::Bf16 => product,
    }
}

/// Value and moments after an update of AdamW, in place where nobody else holds them.
pub(super) fn adamw(
    value: Floats,
    gradient: Floats,
    [first, second]: [Floats; 2],
    step: AdamwStep,
) -> (Floats, Floats, Floats) {
    let own = |tensor: Floats| match tensor.can_mut() && tensor.tensor.is_contiguous() {
        true => tensor.tensor,
        false => tensor.tensor.contiguous().copy(),
    };
    let [mut value, mut first, mut second] = [value, first, second].map(own);
    let gradient = gradient.tensor.contiguous();
    if value.device().is_cuda() {
        on_card(&mut value, &gradient, [&mut first, &mut second], step);
    } else {
        let moments = [&mut first, &mut second].map(floats_mut);
        cpu::adamw::adamw(floats_mut(&mut value), floats(&gradient), moments, step);
    }
    (Floats::new(value), Floats::new(first), Floats::new(second))
}

/// A gradient times a factor `[1]`, in place: only the operation that computed it has it. Its kind stays.
pub(super) fn times(gradient: Floats, factor: Floats) -> Floats {
    let mut gradient = match gradient.can_mut() {
        true => gradient.tensor,
        false => gradient.tensor.copy(),
    };
    if cuda::scale(&mut gradient, &factor.tensor).is_none() {
        let _ = gradient.g_mul_(&factor.tensor);
    }
    Floats::new(gradient)
}

/// The update by LibTorch's operations in place.
fn on_card(value: &mut Tensor, gradient: &Tensor, [first, second]: [&mut Tensor; 2], step: AdamwStep) {
    let AdamwStep { rate, decay, beta1, beta2, epsilon, time } = step;
    let [bias1, bias2] = [beta1, beta2].map(|beta| 1.0 - beta.powf(time as f64));
    let _ = first.lerp_(gradient, 1.0 - beta1);
    let _ = second.lerp_(&gradient.square(), 1.0 - beta2);
    let spread = (second.sqrt() / bias2.sqrt()).g_add_scalar_(epsilon);
    let _ = value.g_mul_scalar_(1.0 - rate * decay);
    let _ = value.g_sub_(&(&*first / spread * (rate / bias1)));
}

/// The sums of the columns of `[R, C]`, in f32.
fn column_sums(rows: &Tensor) -> Tensor {
    let found = cuda::column_sums(&rows.contiguous());
    found.unwrap_or_else(|| rows.sum_dim_intlist([0i64].as_slice(), false, Kind::Float))
}

/// Whether [`masked_loss`] takes these cubes.
pub(super) fn takes_cubes<const R: usize>(predicted: &burn::tensor::Tensor<R>) -> bool {
    match card(&predicted.device().inner()) {
        Some(card) => cuda::takes(card, predicted.dims()[R - 1] as i64),
        None => true,
    }
}

/// The loss of predicted cubes and its gradient. On a GPU that is lowered, since it goes into a product next.
pub(super) fn masked_loss(
    predicted: Floats,
    weights: Floats,
    cubes: IntTensor<LibTorch>,
    measure: Measure,
) -> [Floats; 2] {
    if predicted.tensor.device().is_cuda() {
        let given = [&predicted, &weights].map(|given| given.tensor.contiguous());
        let cubes = cubes.tensor.to_kind(Kind::Uint8).contiguous();
        let found = cuda::masked_loss(&given[0], &given[1], &cubes, measure, precision());
        return found.expect("because it was asked whether it takes these").map(Floats::new);
    }
    let mut predicted = match predicted.can_mut() && predicted.tensor.is_contiguous() {
        true => predicted.tensor,
        false => predicted.tensor.contiguous().copy(),
    };
    let (weights, cubes) = (weights.tensor.contiguous(), cubes.tensor.to_kind(Kind::Uint8).contiguous());
    let loss =
        cpu::masked_loss::masked_loss(floats_mut(&mut predicted), floats(&weights), bytes(&cubes), measure);
    [Tensor::from_slice(&[loss]), predicted].map(Floats::new)
}

/// The gradients of a norm on a GPU: by our own kernel, or by LibTorch's and an addition.
fn on_card_norm_gradient(gradient: &Tensor, saved: [&Tensor; 4], onto: Option<&Tensor>) -> [Floats; 3] {
    let found = cuda::norm_backward(gradient, saved, onto).unwrap_or_else(|| {
        let [of_values, of_weight, of_bias] = card::norm_backward(&gradient.to_kind(Kind::Float), saved);
        let of_values = match onto {
            Some(onto) => onto + of_values,
            None => of_values,
        };
        [of_values, of_weight, of_bias]
    });
    found.map(Floats::new)
}

/// Views of queries, keys and values, `[B, H, N, W]`, in `[B, N, 3D]`; queries are those that ask.
fn parts(qkv: &Tensor, heads: usize, asking: Queries) -> [Tensor; 3] {
    let parts = qkv.unflatten(2, [3, heads as i64, -1]).permute([2, 0, 3, 1, 4]);
    let [queries, keys, values] = [0, 1, 2].map(|number| parts.get(number));
    [queries.narrow(2, asking.first as i64, asking.count as i64), keys, values]
}
