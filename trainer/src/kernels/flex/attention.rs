//! Attention in memory that grows with the tokens, not with their square.
//!
//! Queries are taken in blocks. For a block, the scores to all keys are computed, turned into shares and
//! used at once; what is kept is the logarithm of each row's sum. The backward pass computes the shares
//! again from it (Dao et al., FlashAttention, 2022, without the tiling over keys: a block of scores fits
//! in the second cache).
//!
//! ```text
//! forward   S = scale·Q·Kᵀ    P = exp(S − log Σ exp S)    O = P·V
//! backward  dV += Pᵀ·dO    dP = dO·Vᵀ    dS = P∘(dP − Σ dO∘O)·scale    dQ = dS·K    dK += dSᵀ·Q
//! ```
//!
//! Queries, keys and values are read where the projection left them, `[B, N, 3, H, W]`, and gradients are
//! written back in that order; nothing is copied or permuted. A task is one head of one clip.

use gemm::Parallelism;
use rayon::prelude::*;

use super::{
    product::{Matrix, Output, multiply},
    vector::{LANES, exp, sum, vectorised},
};

/// Queries of a block.
const QUERIES: usize = 64;

/// Lengths of an attention.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    clips: usize,
    tokens: usize,
    heads: usize,
    width: usize,
}

impl Sizes {
    pub(super) fn new(clips: usize, tokens: usize, dim: usize, heads: usize) -> Self {
        Self { clips, tokens, heads, width: dim / heads }
    }

    fn dim(self) -> usize {
        self.heads * self.width
    }

    fn scale(self) -> f32 {
        (self.width as f32).powf(-0.5)
    }
}

/// What the backward pass works from.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) qkv: &'a [f32],
    pub(super) gathered: &'a [f32],
    pub(super) logs: &'a [f32],
    pub(super) gradient: &'a [f32],
}

/// Queries, keys and values of one head of one clip; rows lie 3·D apart.
#[derive(Clone, Copy)]
struct Head<'a> {
    queries: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
}

impl<'a> Head<'a> {
    fn of(qkv: &'a [f32], sizes: Sizes, clip: usize, head: usize) -> Self {
        let part = |number: usize| {
            &qkv[clip * sizes.tokens * 3 * sizes.dim() + number * sizes.dim() + head * sizes.width..]
        };
        Self { queries: part(0), keys: part(1), values: part(2) }
    }
}

/// What each token gathers, `[B, N, D]`, and the logarithms `[B, H, N]`.
pub(super) fn forward(qkv: &[f32], sizes: Sizes) -> (Vec<f32>, Vec<f32>) {
    let Sizes { clips, tokens, heads, width } = sizes;
    let (dim, row) = (sizes.dim(), 3 * sizes.dim());
    let mut logs = vec![0.0; clips * heads * tokens];
    // Heads interleave in the result; each task fills a result of its own, put together below.
    let of_heads: Vec<Vec<f32>> = logs
        .par_chunks_mut(tokens)
        .enumerate()
        .map(|(task, logs)| {
            let Head { queries, keys, values } = Head::of(qkv, sizes, task / heads, task % heads);
            let mut gathered = vec![0.0; tokens * width];
            let mut shares = vec![0.0; QUERIES.min(tokens) * tokens];
            for first in (0..tokens).step_by(QUERIES) {
                let block = QUERIES.min(tokens - first);
                let queries = Matrix::rows(&queries[first * row..], row);
                let keys = Matrix::rows(keys, row).transposed();
                let scores = &mut shares[..block * tokens];
                product(
                    [block, tokens, width],
                    queries,
                    keys,
                    sizes.scale(),
                    scores,
                    tokens,
                    Output::Overwritten,
                );
                for (scores, log) in scores.chunks_exact_mut(tokens).zip(&mut logs[first..]) {
                    *log = soften(scores);
                }
                let (left, right) = (Matrix::rows(scores, tokens), Matrix::rows(values, row));
                let gathered = &mut gathered[first * width..];
                product([block, width, tokens], left, right, 1.0, gathered, width, Output::Overwritten);
            }
            gathered
        })
        .collect();
    let mut gathered = vec![0.0; clips * tokens * dim];
    gathered.par_chunks_mut(dim).enumerate().for_each(|(token, row)| {
        let (clip, token) = (token / tokens, token % tokens);
        for (head, part) in row.chunks_exact_mut(width).enumerate() {
            part.copy_from_slice(&of_heads[clip * heads + head][token * width..][..width]);
        }
    });
    (gathered, logs)
}

/// The gradient of queries, keys and values, `[B, N, 3, H, W]`.
pub(super) fn backward(given: Given, sizes: Sizes) -> Vec<f32> {
    let Sizes { clips, tokens, heads, width } = sizes;
    let (dim, row) = (sizes.dim(), 3 * sizes.dim());
    let of_heads: Vec<[Vec<f32>; 3]> = (0..clips * heads)
        .into_par_iter()
        .map(|task| head_backward(given, sizes, task / heads, task % heads))
        .collect();
    let mut result = vec![0.0; clips * tokens * row];
    result.par_chunks_mut(row).enumerate().for_each(|(token, row)| {
        let (clip, token) = (token / tokens, token % tokens);
        for (number, part) in row.chunks_exact_mut(dim).enumerate() {
            for (head, part) in part.chunks_exact_mut(width).enumerate() {
                part.copy_from_slice(&of_heads[clip * heads + head][number][token * width..][..width]);
            }
        }
    });
    result
}

/// Gradients of one head's queries, keys and values, each `[N, W]`.
fn head_backward(given: Given, sizes: Sizes, clip: usize, head: usize) -> [Vec<f32>; 3] {
    let Sizes { tokens, heads, width, .. } = sizes;
    let (dim, row) = (sizes.dim(), 3 * sizes.dim());
    let Head { queries, keys, values } = Head::of(given.qkv, sizes, clip, head);
    let beginning = clip * tokens * dim + head * width;
    let (gathered, gradient) = (&given.gathered[beginning..], &given.gradient[beginning..]);
    let logs = &given.logs[(clip * heads + head) * tokens..][..tokens];

    let [mut of_queries, mut of_keys, mut of_values] = [(); 3].map(|()| vec![0.0; tokens * width]);
    let [mut shares, mut slopes] = [(); 2].map(|()| vec![0.0; QUERIES.min(tokens) * tokens]);
    for first in (0..tokens).step_by(QUERIES) {
        let block = QUERIES.min(tokens - first);
        let (shares, slopes) = (&mut shares[..block * tokens], &mut slopes[..block * tokens]);
        let queries = Matrix::rows(&queries[first * row..], row);
        let gradient_rows = Matrix::rows(&gradient[first * dim..], dim);
        let [keys, values] = [keys, values].map(|part| Matrix::rows(part, row));
        product(
            [block, tokens, width],
            queries,
            keys.transposed(),
            sizes.scale(),
            shares,
            tokens,
            Output::Overwritten,
        );
        product(
            [block, tokens, width],
            gradient_rows,
            values.transposed(),
            1.0,
            slopes,
            tokens,
            Output::Overwritten,
        );
        for query in 0..block {
            let place = (first + query) * dim;
            let inner = dot(&gradient[place..][..width], &gathered[place..][..width]);
            let rows = (&mut shares[query * tokens..][..tokens], &mut slopes[query * tokens..][..tokens]);
            share_and_slope(rows.0, rows.1, logs[first + query], inner, sizes.scale());
        }
        let [shares, slopes] = [&*shares, &*slopes].map(|rows| Matrix::rows(rows, tokens));
        let of_block = &mut of_queries[first * width..];
        product([block, width, tokens], slopes, keys, 1.0, of_block, width, Output::Overwritten);
        product(
            [tokens, width, block],
            slopes.transposed(),
            queries,
            1.0,
            &mut of_keys,
            width,
            Output::AddedTo,
        );
        product(
            [tokens, width, block],
            shares.transposed(),
            gradient_rows,
            1.0,
            &mut of_values,
            width,
            Output::AddedTo,
        );
    }
    [of_queries, of_keys, of_values]
}

/// A product on this thread alone: tasks are parallel already.
fn product(
    lengths: [usize; 3],
    left: Matrix,
    right: Matrix,
    factor: f32,
    output: &mut [f32],
    stride: usize,
    kind: Output,
) {
    multiply(lengths, left, right, factor, output, stride, kind, Parallelism::None);
}

vectorised! {
    /// Scores to shares that sum to 1; the logarithm of the sum of their exponentials.
    fn soften(scores: &mut [f32]) -> f32 {
        let (lanes, rest) = scores.as_chunks::<LANES>();
        let mut largest = [f32::NEG_INFINITY; LANES];
        for lanes in lanes {
            for (largest, score) in largest.iter_mut().zip(lanes) {
                *largest = if *score > *largest { *score } else { *largest };
            }
        }
        let largest = largest.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
        for score in scores.iter_mut() {
            *score = exp(*score - largest);
        }
        let (lanes, rest) = scores.as_chunks::<LANES>();
        let total = sum(lanes.iter().copied(), rest.iter().copied());
        let share = 1.0 / total;
        for score in scores.iter_mut() {
            *score *= share;
        }
        largest + total.ln()
    }
}

vectorised! {
    /// Scores to shares, and gradients of shares to gradients of scores before scaling.
    fn share_and_slope(scores: &mut [f32], slopes: &mut [f32], log: f32, inner: f32, scale: f32) {
        for (score, slope) in scores.iter_mut().zip(slopes) {
            let share = exp(*score - log);
            *score = share;
            *slope = share * (*slope - inner) * scale;
        }
    }
}

vectorised! {
    fn dot(left: &[f32], right: &[f32]) -> f32 {
        let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
        let products = left.iter().zip(right).map(|(left, right)| std::array::from_fn(|lane| left[lane] * right[lane]));
        sum(products, left_rest.iter().zip(right_rest).map(|(left, right)| left * right))
    }
}
