//! What matrix products of f32 can take on this machine: `cargo bench --bench product -- [THREADS]`.
//!
//! A large square product is the limit that a training step is measured against; beside it the products that a
//! step of ViT-B with two clips is made of. Prints billions of multiplications and additions a second, the best of
//! several tries.

use std::time::Instant;

use gemm::Parallelism;

/// Rows, columns and what is summed over: `[m, k] × [k, n]`.
const PRODUCTS: [(&str, [usize; 3]); 7] = [
    ("2048 square", [2048, 2048, 2048]),
    ("encoder, queries keys values", [320, 2304, 768]),
    ("encoder, first of the MLP", [320, 3072, 768]),
    ("encoder, second of the MLP", [320, 768, 3072]),
    ("decoder, queries keys values", [3136, 1152, 384]),
    ("decoder, first of the MLP", [3136, 1536, 384]),
    ("decoder, gradient of the first of the MLP", [1536, 384, 3136]),
];

/// Seconds that each product is tried for.
const SECONDS: f64 = 0.7;

fn main() {
    let threads = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1);
    let parallelism = if threads == 1 { Parallelism::None } else { Parallelism::Rayon(threads) };
    println!("{threads} threads, GFLOP/s");
    for (name, size) in PRODUCTS {
        println!("{name:45} {:?} {:7.1}", size, rate(size, parallelism));
    }
}

#[allow(unsafe_code)] // the product writes through pointers
fn rate([rows, columns, inner]: [usize; 3], parallelism: Parallelism) -> f64 {
    let value = |at: usize| (at % 7) as f32 - 3.0;
    let left: Vec<f32> = (0..rows * inner).map(value).collect();
    let right: Vec<f32> = (0..inner * columns).map(value).collect();
    let mut product = vec![0f32; rows * columns];
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while begin.elapsed().as_secs_f64() < SECONDS {
        let start = Instant::now();
        // SAFETY: the three buffers have the sizes and strides that are said of them, and do not overlap.
        unsafe {
            gemm::gemm(
                rows,
                columns,
                inner,
                product.as_mut_ptr(),
                1,
                columns as isize,
                false,
                left.as_ptr(),
                1,
                inner as isize,
                right.as_ptr(),
                1,
                columns as isize,
                0.0,
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    std::hint::black_box(&product);
    2.0 * (rows * columns * inner) as f64 / best / 1e9
}
