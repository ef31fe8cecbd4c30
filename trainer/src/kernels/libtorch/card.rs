//! What a GPU does by LibTorch's functions that its Rust bindings leave out (`card.cpp`), and how bytes get
//! there.

#![allow(unsafe_code)] // C++ is called

use std::ffi::{CStr, c_char};

use burn::{
    backend::{
        BackendTensor, DispatchAutodiffContext, DispatchDevice, DispatchTensor, DispatchTensorKind,
        libtorch::{LibTorchDevice, TchTensor},
    },
    tensor::Device,
};
use tch::{Kind, Tensor};
use torch_sys::C_tensor;

use super::cuda;

unsafe extern "C" {
    fn tubelet_attention_forward(
        queries: *const C_tensor,
        keys: *const C_tensor,
        values: *const C_tensor,
        prefer_cudnn: bool,
        gathered: *mut *mut C_tensor,
        logarithms: *mut *mut C_tensor,
    ) -> *const c_char;
    fn tubelet_attention_backward(
        gradient: *const C_tensor,
        queries: *const C_tensor,
        keys: *const C_tensor,
        values: *const C_tensor,
        gathered: *const C_tensor,
        logarithms: *const C_tensor,
        of_queries: *mut *mut C_tensor,
        of_keys: *mut *mut C_tensor,
        of_values: *mut *mut C_tensor,
    ) -> *const c_char;
    fn tubelet_norm_backward(
        gradient: *const C_tensor,
        rows: *const C_tensor,
        means: *const C_tensor,
        scales: *const C_tensor,
        weight: *const C_tensor,
        of_rows: *mut *mut C_tensor,
        of_weight: *mut *mut C_tensor,
        of_bias: *mut *mut C_tensor,
    ) -> *const c_char;
    fn tubelet_pinned(numbers: *const C_tensor, pinned: *mut *mut C_tensor) -> *const c_char;
}

/// Runs a function of `card.cpp` that fills in `N` tensors.
fn filled<const N: usize>(call: impl FnOnce([*mut *mut C_tensor; N]) -> *const c_char) -> [Tensor; N] {
    let mut found = [std::ptr::null_mut(); N];
    let mut places = found.iter_mut();
    let why = call(std::array::from_fn(|_| std::ptr::from_mut(places.next().expect("because there are N"))));
    succeeded(why);
    // SAFETY: without an error each place holds a new tensor that is ours.
    found.map(|tensor| unsafe { Tensor::from_ptr(tensor) })
}

/// As tch does for every other function: what LibTorch refuses is a mistake of ours, or no memory.
fn succeeded(why: *const c_char) {
    if !why.is_null() {
        // SAFETY: it is the text of an exception, ended by a zero, and lives until this thread's next call.
        panic!("LibTorch: {}", unsafe { CStr::from_ptr(why) }.to_string_lossy());
    }
}

/// Whether LibTorch's fused attention takes heads as wide as these; others are composed.
fn is_fused(queries: &Tensor) -> bool {
    let width = queries.size()[3];
    width % 8 == 0 && width <= 256
}

/// What queries `[B, H, Q, W]` gather from keys and values `[B, H, N, W]`, and the logarithms of the sums, in
/// whatever shape the backward pass wants them.
pub(super) fn attention(queries: &Tensor, keys: &Tensor, values: &Tensor) -> [Tensor; 2] {
    if !is_fused(queries) {
        return composed(queries, keys, values);
    }
    // SAFETY: all pointers are those of live tensors.
    let [asked, keys, values] = [queries, keys, values].map(Tensor::as_ptr);
    let prefer_cudnn = cuda::prefers_cudnn(queries);
    filled(|[gathered, logs]| unsafe {
        tubelet_attention_forward(asked, keys, values, prefer_cudnn, gathered, logs)
    })
}

/// The gradients of queries, keys and values.
pub(super) fn attention_backward(
    gradient: &Tensor,
    [queries, keys, values]: [&Tensor; 3],
    gathered: &Tensor,
    logs: &Tensor,
) -> [Tensor; 3] {
    if !is_fused(queries) {
        return composed_backward(gradient, [queries, keys, values], gathered, logs);
    }
    // SAFETY: all pointers are those of live tensors.
    filled(|[of_queries, of_keys, of_values]| unsafe {
        tubelet_attention_backward(
            gradient.as_ptr(),
            queries.as_ptr(),
            keys.as_ptr(),
            values.as_ptr(),
            gathered.as_ptr(),
            logs.as_ptr(),
            of_queries,
            of_keys,
            of_values,
        )
    })
}

/// What is gathered and the logarithms, with a matrix of scores that is dropped at once.
fn composed(queries: &Tensor, keys: &Tensor, values: &Tensor) -> [Tensor; 2] {
    let scores = (queries.matmul(&keys.transpose(-2, -1)) * scale(queries)).to_kind(Kind::Float);
    let logs = scores.logsumexp([-1i64].as_slice(), false);
    [scores.softmax(-1, None::<Kind>).to_kind(values.kind()).matmul(values), logs]
}

/// The gradients, with the shares computed again.
fn composed_backward(
    gradient: &Tensor,
    [queries, keys, values]: [&Tensor; 3],
    gathered: &Tensor,
    logs: &Tensor,
) -> [Tensor; 3] {
    let (scale, kind) = (scale(queries), queries.kind());
    let scores = (queries.matmul(&keys.transpose(-2, -1)) * scale).to_kind(Kind::Float);
    let shares = (scores - logs.unsqueeze(-1)).exp();
    let inner = (gradient * gathered).sum_dim_intlist([-1i64].as_slice(), true, Kind::Float);
    let slopes = &shares * (gradient.matmul(&values.transpose(-2, -1)).to_kind(Kind::Float) - inner) * scale;
    let (shares, slopes) = (shares.to_kind(kind), slopes.to_kind(kind));
    [slopes.matmul(keys), slopes.transpose(-2, -1).matmul(queries), shares.transpose(-2, -1).matmul(gradient)]
}

fn scale(queries: &Tensor) -> f64 {
    (queries.size()[3] as f64).powf(-0.5)
}

/// LayerNorm's gradients of rows `[R, D]`, weight and bias.
pub(super) fn norm_backward(gradient: &Tensor, [rows, weight, means, scales]: [&Tensor; 4]) -> [Tensor; 3] {
    // SAFETY: all pointers are those of live tensors.
    filled(|[of_rows, of_weight, of_bias]| unsafe {
        tubelet_norm_backward(
            gradient.as_ptr(),
            rows.as_ptr(),
            means.as_ptr(),
            scales.as_ptr(),
            weight.as_ptr(),
            of_rows,
            of_weight,
            of_bias,
        )
    })
}

/// The GPU that a device is, if it is one.
pub(in super::super) fn card(device: &Device) -> Option<usize> {
    match device.as_dispatch() {
        DispatchDevice::LibTorch(LibTorchDevice::Cuda(card)) => Some(*card),
        _ => None,
    }
}

/// Whether a device is the CPU, as LibTorch has it.
pub(in super::super) fn is_cpu(device: &Device) -> bool {
    matches!(device.as_dispatch(), DispatchDevice::LibTorch(LibTorchDevice::Cpu))
}

/// Numbers of this shape on a GPU, by way of pinned memory, which LibTorch keeps for the next ones.
pub(in super::super) fn upload<T: tch::kind::Element>(
    values: &[T],
    shape: &[usize],
    card: usize,
) -> DispatchTensor {
    DispatchTensor {
        kind: DispatchTensorKind::LibTorch(BackendTensor::Int(TchTensor::new(sent(values, shape, card)))),
        autodiff: DispatchAutodiffContext::Disabled,
    }
}

/// The same as LibTorch has it.
pub(super) fn sent<T: tch::kind::Element>(values: &[T], shape: &[usize], card: usize) -> Tensor {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "as many numbers as the shape has");
    let shape: Vec<i64> = shape.iter().map(|side| *side as i64).collect();
    let mut strides = vec![1; shape.len()];
    for side in (1..shape.len()).rev() {
        strides[side - 1] = strides[side] * shape[side];
    }
    // SAFETY: the values outlive the tensor that looks at them: it is copied to pinned memory, and gone.
    let seen =
        unsafe { Tensor::from_blob(values.as_ptr().cast(), &shape, &strides, T::KIND, tch::Device::Cpu) };
    // SAFETY: the pointer is that of a live tensor.
    let [pinned] = filled(|[pinned]| unsafe { tubelet_pinned(seen.as_ptr(), pinned) });
    pinned.internal_to_copy((T::KIND, tch::Device::Cuda(card)), NO_WAIT)
}

const NO_WAIT: bool = true;

// What is for GPUs alone is tested where a GPU is named in `TUBELET_TEST_DEVICES` (`kernels/tests.rs`).
#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{
        cpu::layer_norm,
        libtorch::{floats, floats_mut},
    };

    fn drawn(shape: &[i64], seed: i64) -> Tensor {
        tch::manual_seed(seed);
        Tensor::randn(shape, (Kind::Float, tch::Device::Cpu))
    }

    #[test]
    fn libtorchs_norm_has_the_gradients_of_ours() {
        let (rows, gradient) = (drawn(&[37, 96], 1), drawn(&[37, 96], 2));
        let (weight, bias) = (drawn(&[96], 3), drawn(&[96], 4));
        let (_, means, scales) = rows.native_layer_norm([96].as_slice(), Some(&weight), Some(&bias), 1e-6);
        let found = norm_backward(&gradient, [&rows, &weight, &means, &scales]);
        let mut of_rows = rows.zeros_like();
        let sums = layer_norm::backward(
            floats_mut(&mut of_rows),
            floats(&gradient),
            floats(&rows),
            floats(&weight),
            floats(&means),
            floats(&scales),
        );
        let [of_weight, of_bias] = sums.map(|sums| Tensor::from_slice(&sums));
        for (found, wanted) in found.iter().zip([of_rows, of_weight, of_bias]) {
            assert!(found.allclose(&wanted, 1e-4, 1e-4, false));
        }
    }
}
