//! What is done to all tensors of a model at once: on a GPU, one launch instead of hundreds.
//!
//! A table says which stretch of which tensor each block works on. It is made anew each time: a few thousand
//! rows, and memory moves.

#![allow(unsafe_code)] // kernels are launched

use std::sync::Arc;

use burn::{
    backend::{BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind},
    tensor,
};
use cudarc::driver::PushKernelArg as _;
use tch::{Device, Kind, Tensor};

use super::{
    Floats,
    card::{self, card},
    cuda::{self, LAUNCHED, address, grid},
};
use crate::kernels::backend::{AdamwStep, Learning, Learnt};

/// Elements of a stretch.
const STRETCH: usize = 1 << 15;

/// The kernels of the GPU that a tensor is on, if it is on one.
fn kernels(tensor: &tensor::Tensor<1>) -> Option<Arc<cuda::Kernels>> {
    cuda::on_card(card(&tensor.device())?, cuda::ANY_WIDTH)
}

/// The sums of squares of all stretches of these tensors; none where they are not on a GPU.
pub(in super::super) fn square_sums(tensors: &[tensor::Tensor<1>]) -> Option<tensor::Tensor<1>> {
    let kernels = kernels(tensors.first()?)?;
    let tensors: Vec<Tensor> =
        tensors.iter().map(|tensor| primitive(tensor.clone()).tensor.contiguous()).collect();
    let rows = |tensor: &Tensor| {
        stretches(tensor).map(|(start, count)| [place(tensor, start), count as i64]).collect::<Vec<_>>()
    };
    let table: Vec<[i64; 2]> = tensors.iter().flat_map(rows).collect();
    let there = sent(table.as_flattened(), tensors[0].device());
    let sums = Tensor::empty([table.len() as i64], (Kind::Float, tensors[0].device()));
    let function = kernels.function("squares", false);
    let given = [&there, &sums].map(address);
    let mut launch = kernels.stream.launch_builder(&function);
    launch.arg(&given[0]).arg(&given[1]);
    // SAFETY: the table has a row for each block, laid out as `Stretch`, of elements of a live tensor, and there
    // is a sum for each.
    unsafe { launch.launch(grid(table.len() as u32)) }.expect(LAUNCHED);
    Some(wrapped(Floats::new(sums)))
}

/// Whether [`adamw`] updates these: they are on a GPU, and their steps differ in rate and decay alone.
pub(in super::super) fn updates(tensors: &[Learning]) -> bool {
    let Some(first) = tensors.first() else { return false };
    let alike = |step| AdamwStep { rate: first.step.rate, decay: first.step.decay, ..step };
    kernels(&first.value).is_some() && tensors.iter().all(|tensor| alike(tensor.step) == first.step)
}

/// An update of all tensors, in place where nobody else holds them.
pub(in super::super) fn adamw(tensors: Vec<Learning>) -> Vec<Learnt> {
    let step = tensors[0].step;
    let kernels = kernels(&tensors[0].value).expect("because it was asked whether it updates these");
    let [bias1, bias2] = [step.beta1, step.beta2].map(|beta| 1.0 - beta.powf(step.time as f64));
    let numbers = [step.beta1, step.beta2, bias2.powf(-0.5), step.epsilon].map(|number| number as f32);
    let mut table: Vec<[i64; 6]> = Vec::new();
    let mut held = Vec::with_capacity(tensors.len());
    for Learning { value, gradient, moments: [first, second], step } in tensors {
        let [value, first, second] = [value, first, second].map(|tensor| own(primitive(tensor)));
        let gradient = primitive(gradient).tensor.contiguous();
        let factors = [1.0 - step.rate * step.decay, step.rate / bias1].map(|factor| factor as f32);
        for (start, count) in stretches(&value) {
            let [value, gradient, first, second] =
                [&value, &gradient, &first, &second].map(|tensor| place(tensor, start));
            let [keep, slope] = factors.map(|factor| i64::from(factor.to_bits()));
            table.push([value, gradient, first, second, count as i64, keep | slope << 32]);
        }
        held.push((value, gradient, [first, second]));
    }
    let there = sent(table.as_flattened(), held[0].0.device());
    let function = kernels.function("adamw", false);
    let place = address(&there);
    let mut launch = kernels.stream.launch_builder(&function);
    launch.arg(&place);
    for number in &numbers {
        launch.arg(number);
    }
    // SAFETY: the table has a row for each block, laid out as `Learning`, of the same stretch of four live tensors
    // of one length; nobody else has those that are written.
    unsafe { launch.launch(grid(table.len() as u32)) }.expect(LAUNCHED);
    let back = |tensor| wrapped(Floats::new(tensor));
    held.into_iter().map(|(value, _, moments)| (back(value), moments.map(back))).collect()
}

/// Start and length of the stretches of a tensor.
fn stretches(tensor: &Tensor) -> impl Iterator<Item = (usize, usize)> + use<> {
    let count = tensor.numel();
    (0..count).step_by(STRETCH).map(move |start| (start, STRETCH.min(count - start)))
}

/// The address of an element of a tensor of f32.
fn place(tensor: &Tensor, element: usize) -> i64 {
    assert!(tensor.kind() == Kind::Float && element < tensor.numel(), "the table names elements of f32");
    address(tensor) as i64 + (element * size_of::<f32>()) as i64
}

fn sent(table: &[i64], device: Device) -> Tensor {
    let Device::Cuda(card) = device else { unreachable!("only cards have tables") };
    card::sent(table, &[table.len()], card)
}

/// What only this one holds.
fn own(tensor: Floats) -> Tensor {
    match tensor.can_mut() && tensor.tensor.is_contiguous() {
        true => tensor.tensor,
        false => tensor.tensor.contiguous().copy(),
    }
}

fn primitive(tensor: tensor::Tensor<1>) -> Floats {
    match tensor.into_dispatch().kind {
        DispatchTensorKind::LibTorch(tensor) => tensor.float(),
        other => unreachable!("a tensor of a card that LibTorch has: {other:?}"),
    }
}

fn wrapped(tensor: Floats) -> tensor::Tensor<1> {
    tensor::Tensor::from_dispatch(DispatchTensor {
        kind: DispatchTensorKind::LibTorch(BackendTensor::Float(tensor)),
        autodiff: DispatchAutodiffContext::Disabled,
    })
}
