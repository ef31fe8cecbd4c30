//! Our own kernels for NVIDIA GPUs (`cuda.cu`), on LibTorch's memory and in line with its work.
//!
//! They are compiled while running, by the NVRTC that comes with LibTorch's CUDA libraries; where there is none,
//! or a row is of a width that they do not take, LibTorch's single operations do the same.
//!
//! Shapes: R rows of D values.

#![allow(unsafe_code)] // kernels are launched

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use cudarc::{
    driver::{CudaContext, CudaFunction, CudaModule, CudaStream, LaunchConfig, PushKernelArg as _},
    nvrtc::{CompileOptions, compile_ptx_with_opts},
};
use tch::{Device, Kind, Tensor};

use crate::kernels::{
    backend::{Measure, Target},
    precision::Precision,
};

const SOURCE: &str = include_str!("cuda.cu");

/// Threads of a block, and rows that it works on at once; as in the source.
const THREADS: u32 = 256;
const ROWS: u32 = 8;

/// Blocks that fill a large GPU: several for each of its multiprocessors, and few enough for their sums to be added
/// up quickly.
const BLOCKS: u32 = 528;

/// A width to compile for where the kernel has none.
pub(super) const ANY_WIDTH: i64 = 4;

/// The widest row: what a block shares is limited, and so are its registers.
const WIDEST: i64 = 1536;

/// The kernels for one width on one GPU.
pub(super) struct Kernels {
    pub(super) stream: Arc<CudaStream>,
    module: Arc<CudaModule>,
    generation: i32,
}

type Compiled = HashMap<(usize, i64), Option<Arc<Kernels>>>;

static COMPILED: Mutex<Option<Compiled>> = Mutex::new(None);

/// Whether a GPU is of the generation that LibTorch's attention by cuDNN is made for (Hopper, 9.0) or newer.
pub(super) fn prefers_cudnn(tensor: &Tensor) -> bool {
    any(tensor).is_some_and(|kernels| kernels.generation >= 9)
}

/// Whether there are kernels for rows of this width on a GPU.
pub(super) fn takes(card: usize, width: i64) -> bool {
    on_card(card, width).is_some()
}

/// The kernels for rows of this width where the tensor is.
fn kernels(tensor: &Tensor, width: i64) -> Option<Arc<Kernels>> {
    let Device::Cuda(card) = tensor.device() else { return None };
    on_card(card, width)
}

/// The kernels for rows of this width; compiled at the first call.
pub(super) fn on_card(card: usize, width: i64) -> Option<Arc<Kernels>> {
    if width % 4 != 0 || width > WIDEST {
        return None;
    }
    let mut compiled = COMPILED.lock().unwrap_or_else(|broken| broken.into_inner());
    let compiled = compiled.get_or_insert_default();
    compiled.entry((card, width)).or_insert_with(|| compile(card, width).map(Arc::new)).clone()
}

fn compile(card: usize, width: i64) -> Option<Kernels> {
    // SAFETY: the two only look for libraries by their names.
    if !unsafe { cudarc::driver::sys::is_culib_present() && cudarc::nvrtc::sys::is_culib_present() } {
        return None;
    }
    let context = CudaContext::new(card).ok()?;
    let (major, minor) = context.compute_capability().ok()?;
    let options = [format!("--gpu-architecture=compute_{major}{minor}"), format!("-DWIDTH={width}")];
    let options = CompileOptions { options: options.to_vec(), ..CompileOptions::default() };
    let module = context.load_module(compile_ptx_with_opts(SOURCE, options).ok()?).ok()?;
    // LibTorch's work is on the GPU's default stream, unless somebody changes that; nobody does here.
    Some(Kernels { stream: context.default_stream(), module, generation: major })
}

impl Kernels {
    pub(super) fn function(&self, name: &str, halves: bool) -> CudaFunction {
        let name = format!("{name}_{}", if halves { "bf16" } else { "f32" });
        self.module.load_function(&name).expect("because the source has a kernel of this name")
    }
}

/// Where a tensor's elements are; it is contiguous, and on the GPU.
pub(super) fn address(tensor: &Tensor) -> u64 {
    assert!(
        tensor.is_contiguous() && tensor.device().is_cuda(),
        "kernels take contiguous tensors of the card"
    );
    tensor.data_ptr() as u64
}

pub(super) fn grid(blocks: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 }
}

/// A grid for so many threads, or as many as fill the GPU.
fn over(count: i64) -> LaunchConfig {
    grid((count as u64).div_ceil(u64::from(THREADS)).clamp(1, 4 * u64::from(BLOCKS)) as u32)
}

/// The kernels that do not depend on a width.
fn any(tensor: &Tensor) -> Option<Arc<Kernels>> {
    kernels(tensor, ANY_WIDTH)
}

fn kind(precision: Precision) -> Kind {
    match precision {
        Precision::F32 => Kind::Float,
        Precision::Bf16 => Kind::BFloat16,
    }
}

/// Normed rows in `precision`, with the mean and scale of each: those given, or computed.
pub(super) fn norm(
    [rows, weight, bias]: [&Tensor; 3],
    known: Option<[&Tensor; 2]>,
    epsilon: f64,
    precision: Precision,
) -> Option<[Tensor; 3]> {
    let [count, width] = [rows.size()[0], rows.size()[1]];
    let kernels = kernels(rows, width)?;
    let normed = Tensor::empty([count, width], (kind(precision), rows.device()));
    let statistic = |which: usize| match known {
        Some(known) => known[which].shallow_clone(),
        None => Tensor::empty([count, 1], (Kind::Float, rows.device())),
    };
    let [means, scales] = [0, 1].map(statistic);
    let (epsilon, known, rows_given) = (epsilon as f32, i32::from(known.is_some()), count as i32);
    let function = kernels.function("norm", precision == Precision::Bf16);
    let given = [rows, weight, bias, &normed, &means, &scales].map(address);
    let mut launch = kernels.stream.launch_builder(&function);
    for address in &given {
        launch.arg(address);
    }
    launch.arg(&epsilon).arg(&known).arg(&rows_given);
    // SAFETY: the arguments are those of `norm_*`; rows [R, D], weight and bias [D] and the results are as long
    // as the kernel takes them to be, and nobody else has the results.
    unsafe { launch.launch(grid((count as u32).div_ceil(ROWS))) }.expect(LAUNCHED);
    Some([normed, means, scales])
}

/// LayerNorm's gradients of rows (added to `onto`), weight and bias, from a gradient in f32 or bf16.
pub(super) fn norm_backward(
    gradient: &Tensor,
    [rows, weight, means, scales]: [&Tensor; 4],
    onto: Option<&Tensor>,
) -> Option<[Tensor; 3]> {
    let [count, width] = [rows.size()[0], rows.size()[1]];
    let kernels = kernels(rows, width)?;
    let blocks = (count as u32).div_ceil(ROWS).min(BLOCKS);
    let result = Tensor::empty([count, width], (Kind::Float, rows.device()));
    let sums = Tensor::empty([i64::from(blocks), 2, width], (Kind::Float, rows.device()));
    let function = kernels.function("norm_backward", gradient.kind() == Kind::BFloat16);
    let given = [gradient, rows, weight, means, scales].map(address);
    let (onto, results) = (onto.map_or(0, address), [&result, &sums].map(address));
    let rows_given = count as i32;
    let mut launch = kernels.stream.launch_builder(&function);
    for address in given.iter().chain([&onto]).chain(&results) {
        launch.arg(address);
    }
    launch.arg(&rows_given);
    // SAFETY: the arguments are those of `norm_backward_*`; gradient, rows and `onto` are [R, D], weight is [D],
    // means and scales are [R], the results are as long as the kernel takes them to be, and ours.
    unsafe { launch.launch(grid(blocks)) }.expect(LAUNCHED);
    let sums = column_sums(&sums.view([i64::from(blocks), 2 * width]))?.view([2, width]);
    Some([result, sums.get(0), sums.get(1)])
}

/// The sums of the columns of rows `[R, C]` in f32 or bf16: `[C]`.
pub(super) fn column_sums(rows: &Tensor) -> Option<Tensor> {
    let [count, columns] = [rows.size()[0], rows.size()[1]];
    let kernels = any(rows).filter(|_| columns % 4 == 0)?;
    let across = (columns as u32).div_ceil(128);
    // Enough blocks to fill the GPU; what they found is added up in the same way.
    let down = match count as u32 {
        few if few <= 16 * ROWS => 1,
        many => (many / (8 * ROWS)).min(BLOCKS.div_ceil(across)),
    };
    let sums = Tensor::empty([i64::from(down), columns], (Kind::Float, rows.device()));
    let (given, lengths) = ([rows, &sums].map(address), [count as i32, columns as i32]);
    let function = kernels.function("column_sums", rows.kind() == Kind::BFloat16);
    let mut launch = kernels.stream.launch_builder(&function);
    launch.arg(&given[0]).arg(&given[1]).arg(&lengths[0]).arg(&lengths[1]);
    let config = LaunchConfig { grid_dim: (across, down, 1), ..grid(1) };
    // SAFETY: the arguments are those of `column_sums_*`; the sums are as many as the grid has rows, and ours.
    unsafe { launch.launch(config) }.expect(LAUNCHED);
    if down == 1 { Some(sums.view([columns])) } else { column_sums(&sums) }
}

/// Values times `factor` `[1]`, in place.
pub(super) fn scale(values: &mut Tensor, factor: &Tensor) -> Option<()> {
    let kernels = any(values)?;
    let function = kernels.function("scaled", values.kind() == Kind::BFloat16);
    let (given, count) = ([&*values, factor].map(address), values.numel() as i64);
    let mut launch = kernels.stream.launch_builder(&function);
    launch.arg(&given[0]).arg(&given[1]).arg(&count);
    // SAFETY: the arguments are those of `scaled_*`, and nobody else has the values.
    unsafe { launch.launch(over(count)) }.expect(LAUNCHED);
    Some(())
}

/// `onto` in f32 and a product in bf16 of the same shape, added in f32.
pub(super) fn added(onto: &Tensor, product: &Tensor) -> Option<Tensor> {
    let count = onto.numel() as i64;
    let kernels = any(onto).filter(|_| count % 4 == 0 && product.kind() == Kind::BFloat16)?;
    let result = onto.empty_like();
    let given = [onto, product, &result].map(address);
    let function = kernels.function("added", true);
    let mut launch = kernels.stream.launch_builder(&function);
    launch.arg(&given[0]).arg(&given[1]).arg(&given[2]).arg(&count);
    // SAFETY: the arguments are those of `added_bf16`, all three as long, and the result is ours.
    unsafe { launch.launch(over(count / 4)) }.expect(LAUNCHED);
    Some(result)
}

/// The loss of predicted cubes `[B, T, C]`, and its gradient in `precision`.
pub(super) fn masked_loss(
    predicted: &Tensor,
    weights: &Tensor,
    cubes: &Tensor,
    measure: Measure,
    precision: Precision,
) -> Option<[Tensor; 2]> {
    let width = *predicted.size().last()?;
    let kernels = kernels(predicted, width)?;
    let count = (predicted.numel() as i64 / width) as u32;
    let gradient = Tensor::empty(predicted.size(), (kind(precision), predicted.device()));
    let losses = Tensor::empty([i64::from(count)], (Kind::Float, predicted.device()));
    let function = kernels.function("masked_loss", precision == Precision::Bf16);
    let given = [predicted, cubes, weights, &gradient, &losses].map(address);
    let (normalised, share) = (i32::from(measure.target == Target::Normalised), measure.share as f32);
    let mut launch = kernels.stream.launch_builder(&function);
    for address in &given {
        launch.arg(address);
    }
    launch.arg(&normalised).arg(&share);
    // SAFETY: the arguments are those of `masked_loss_*`; predicted and cubes (bytes) are [B, T, C] with one weight a
    // cube, the results are as long as the kernel takes them to be, and ours.
    unsafe { launch.launch(grid(count)) }.expect(LAUNCHED);
    let loss = losses.sum_dim_intlist([0i64].as_slice(), true, Kind::Float) * measure.share;
    Some([loss, gradient])
}

pub(super) const LAUNCHED: &str = "because the card takes a grid of this size";
