//! What matrix products of f32 can take on this machine: `cargo bench --bench product`, on one thread.
//!
//! The limit is what the processor's fused multiply-adds reach in registers alone. Beside it the linear layers of a
//! step of ViT-B with two clips, by the kernel of `flex` and by the crate `gemm`. Prints billions of
//! multiplications and additions a second, the best of several tries.

use std::{hint::black_box, time::Instant};

use burn::tensor::{Device, Distribution, Tensor};
use gemm::Parallelism;
use trainer::{allocator, kernels};

#[global_allocator]
static MEMORY: allocator::KeptMemory = allocator::KeptMemory;

/// Rows, values in and values out.
const LAYERS: [(&str, [usize; 3]); 6] = [
    ("encoder, queries keys values", [320, 768, 2304]),
    ("encoder, first of the MLP", [320, 768, 3072]),
    ("encoder, second of the MLP", [320, 3072, 768]),
    ("decoder, queries keys values", [3136, 384, 1152]),
    ("decoder, first of the MLP", [3136, 384, 1536]),
    ("decoder, second of the MLP", [3136, 1536, 384]),
];

/// Seconds that each product is tried for.
const SECONDS: f64 = 0.7;

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("because no pool was used before");
    println!("{:45} {:>18} {:>7} {:>7}", "GFLOP/s on one thread", "", "flex", "gemm");
    for (name, size) in LAYERS {
        println!("{name:45} {:>18} {:7.1} {:7.1}", format!("{size:?}"), by_flex(size), by_gemm(size));
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has the instructions.
        #[allow(unsafe_code)]
        let limit = (0..5).map(|_| unsafe { limit() }).fold(0.0, f64::max);
        println!("{:45} {:>18} {limit:7.1}", "fused multiply-adds of AVX-512", "");
    }
}

fn by_flex([rows, inputs, outputs]: [usize; 3]) -> f64 {
    let device = Device::flex();
    let drawn = |shape| Tensor::<2>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
    let (values, weight) = (drawn([rows, inputs]), drawn([outputs, inputs]));
    rate([rows, inputs, outputs], || {
        black_box(kernels::linear(values.clone(), weight.clone(), None));
    })
}

#[allow(unsafe_code)] // the product writes through pointers
fn by_gemm([rows, inputs, outputs]: [usize; 3]) -> f64 {
    let value = |at: usize| (at % 7) as f32 - 3.0;
    let values: Vec<f32> = (0..rows * inputs).map(value).collect();
    let weight: Vec<f32> = (0..inputs * outputs).map(value).collect();
    let mut product = vec![0f32; rows * outputs];
    rate([rows, inputs, outputs], || {
        // SAFETY: the three buffers have the sizes and strides that are said of them, and do not overlap.
        unsafe {
            gemm::gemm(
                rows,
                outputs,
                inputs,
                product.as_mut_ptr(),
                1,
                outputs as isize,
                false,
                values.as_ptr(),
                1,
                inputs as isize,
                weight.as_ptr(),
                inputs as isize,
                1,
                0.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    })
}

fn rate(size: [usize; 3], mut product: impl FnMut()) -> f64 {
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while begin.elapsed().as_secs_f64() < SECONDS {
        let start = Instant::now();
        product();
        best = best.min(start.elapsed().as_secs_f64());
    }
    2.0 * size.iter().product::<usize>() as f64 / best / 1e9
}

/// What multiplications and additions of registers reach, 24 side by side.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn limit() -> f64 {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_reduce_add_ps, _mm512_set1_ps};
    const ROUNDS: usize = 10_000_000;
    let (factor, addend) = (black_box(_mm512_set1_ps(0.5)), black_box(_mm512_set1_ps(1.0)));
    let mut sums = [_mm512_set1_ps(1.0); 24];
    let start = Instant::now();
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, factor, addend);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    sums.iter().for_each(|sum| {
        black_box(_mm512_reduce_add_ps(*sum));
    });
    (2 * 16 * sums.len() * ROUNDS) as f64 / seconds / 1e9
}
