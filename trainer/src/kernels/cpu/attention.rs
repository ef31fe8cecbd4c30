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

use rayon::prelude::*;

use super::{
    buffer::unwritten,
    matrix::{Matrix, Output, Target},
    product::{Right, multiply_alone},
    vector::{LANES, exp, sum, vectorised},
};
use crate::kernels::{backend::Queries, precision::Precision};

/// Queries of a block.
const QUERIES: usize = 64;

/// Lengths of an attention.
#[derive(Clone, Copy)]
pub(in super::super) struct Sizes {
    clips: usize,
    tokens: usize,
    heads: usize,
    width: usize,
    queries: Queries,
    precision: Precision,
}

impl Sizes {
    pub(in super::super) fn new(
        [clips, tokens, dim]: [usize; 3],
        heads: usize,
        queries: Queries,
        precision: Precision,
    ) -> Self {
        assert!(queries.first + queries.count <= tokens, "queries are tokens");
        Self { clips, tokens, heads, width: dim / heads, queries, precision }
    }

    fn dim(self) -> usize {
        self.heads * self.width
    }

    fn scale(self) -> f32 {
        (self.width as f32).powf(-0.5)
    }

    /// Blocks of queries: the first of each, and how many, counted among the queries.
    fn blocks(self) -> impl Iterator<Item = (usize, usize)> {
        let count = self.queries.count;
        (0..count).step_by(QUERIES).map(move |first| (first, QUERIES.min(count - first)))
    }

    /// Values of a block's scores to all keys.
    fn block(self) -> usize {
        QUERIES.min(self.queries.count) * self.tokens
    }
}

/// What the backward pass works from.
#[derive(Clone, Copy)]
pub(in super::super) struct Given<'a> {
    pub(in super::super) qkv: &'a [f32],
    pub(in super::super) gathered: &'a [f32],
    pub(in super::super) logs: &'a [f32],
    pub(in super::super) gradient: &'a [f32],
}

/// Queries, keys and values of one head of one clip; rows lie 3·D apart. The first query is the first that
/// asks.
#[derive(Clone, Copy)]
struct Head<'a> {
    queries: &'a [f32],
    keys: Matrix<'a>,
    values: Matrix<'a>,
}

impl<'a> Head<'a> {
    fn of(qkv: &'a [f32], sizes: Sizes, clip: usize, head: usize) -> Self {
        let (dim, row) = (sizes.dim(), 3 * sizes.dim());
        let part = |number: usize, token: usize| {
            &qkv[(clip * sizes.tokens + token) * row + number * dim + head * sizes.width..]
        };
        let [keys, values] = [1, 2].map(|number| Matrix::rows(part(number, 0), row));
        Self { queries: part(0, sizes.queries.first), keys, values }
    }
}

/// What each query gathers, `[B, count, D]`, and the logarithms `[B, H, count]`; all of both is overwritten.
pub(in super::super) fn forward(qkv: &[f32], sizes: Sizes, gathered: &mut [f32], logs: &mut [f32]) {
    let Sizes { clips, tokens, heads, width, queries, precision } = sizes;
    let (dim, row, count) = (sizes.dim(), 3 * sizes.dim(), queries.count);
    assert_eq!([gathered.len(), logs.len()], [clips * count * dim, clips * heads * count]);
    let targets = gathered.chunks_exact_mut(count * dim).flat_map(|clip| Target::columns(clip, dim, width));
    let tasks: Vec<_> = targets.zip(logs.chunks_exact_mut(count)).collect();
    tasks.into_par_iter().enumerate().for_each(|(task, (mut gathered, logs))| {
        let Head { queries, keys, values } = Head::of(qkv, sizes, task / heads, task % heads);
        let keys = Right::new(keys.transposed(), [width, tokens], precision);
        let values = Right::new(values, [tokens, width], precision);
        let mut shares = unwritten(sizes.block());
        for (first, block) in sizes.blocks() {
            let shares = &mut shares[..block * tokens];
            let queries = Matrix::rows(&queries[first * row..], row);
            multiply_alone(block, queries, &keys, Target::new(shares, tokens), Output::Overwritten);
            let mut factors = [0.0; QUERIES];
            for (query, scores) in shares.chunks_exact_mut(tokens).enumerate() {
                (logs[first + query], factors[query]) = soften(scores, sizes.scale());
            }
            let mut gathered = gathered.from_row(first);
            let shares = Matrix::rows(shares, tokens);
            multiply_alone(block, shares, &values, gathered.from_row(0), Output::Overwritten);
            gathered.scale_rows(&factors[..block]);
        }
    });
}

/// The gradient of queries, keys and values, `[B, N, 3, H, W]`; all of `result` is overwritten.
pub(in super::super) fn backward(given: Given, sizes: Sizes, result: &mut [f32]) {
    let Sizes { clips, tokens, heads, width, .. } = sizes;
    let row = 3 * sizes.dim();
    assert_eq!(result.len(), clips * tokens * row);
    let mut tasks = Vec::with_capacity(clips * heads);
    for clip in result.chunks_exact_mut(tokens * row) {
        let mut of_queries = Target::columns(clip, row, width);
        let mut of_keys = of_queries.split_off(heads);
        let of_values = of_keys.split_off(heads);
        let targets = of_queries.into_iter().zip(of_keys).zip(of_values);
        tasks.extend(targets.map(|((queries, keys), values)| [queries, keys, values]));
    }
    tasks.into_par_iter().enumerate().for_each(|(task, targets)| {
        head_backward(given, sizes, task / heads, task % heads, targets);
    });
}

/// Gradients of one head's queries, keys and values, each `[N, W]`.
fn head_backward(given: Given, sizes: Sizes, clip: usize, head: usize, targets: [Target; 3]) {
    let Sizes { tokens, heads, width, queries: Queries { first: first_query, count }, precision, .. } = sizes;
    let (dim, row) = (sizes.dim(), 3 * sizes.dim());
    let Head { queries, keys, values } = Head::of(given.qkv, sizes, clip, head);
    let beginning = clip * count * dim + head * width;
    let (gathered, gradient) = (&given.gathered[beginning..], &given.gradient[beginning..]);
    let logs = &given.logs[(clip * heads + head) * count..][..count];
    let [mut of_queries, mut of_keys, mut of_values] = targets;
    if count < tokens {
        of_queries.clear();
    }
    let keys_across = Right::new(keys.transposed(), [width, tokens], precision);
    let values_across = Right::new(values.transposed(), [width, tokens], precision);
    let keys = Right::new(keys, [tokens, width], precision);

    let [mut shares, mut slopes] = [(); 2].map(|()| unwritten(sizes.block()));
    for (first, block) in sizes.blocks() {
        let (shares, slopes) = (&mut shares[..block * tokens], &mut slopes[..block * tokens]);
        let queries = Matrix::rows(&queries[first * row..], row);
        let downhill = Matrix::rows(&gradient[first * dim..], dim);
        let kind = if first == 0 { Output::Overwritten } else { Output::AddedTo };
        multiply_alone(block, queries, &keys_across, Target::new(shares, tokens), Output::Overwritten);
        multiply_alone(block, downhill, &values_across, Target::new(slopes, tokens), Output::Overwritten);
        for query in 0..block {
            let place = (first + query) * dim;
            let inner = dot(&gradient[place..][..width], &gathered[place..][..width]);
            let rows = (&mut shares[query * tokens..][..tokens], &mut slopes[query * tokens..][..tokens]);
            share_and_slope(rows.0, rows.1, logs[first + query], inner, sizes.scale());
        }
        let [shares, slopes] = [&*shares, &*slopes].map(|rows| Matrix::rows(rows, tokens));
        let of_block = of_queries.from_row(first_query + first);
        multiply_alone(block, slopes, &keys, of_block, Output::Overwritten);
        let [queries, downhill] = [queries, downhill].map(|rows| Right::new(rows, [block, width], precision));
        multiply_alone(tokens, slopes.transposed(), &queries, of_keys.from_row(0), kind);
        multiply_alone(tokens, shares.transposed(), &downhill, of_values.from_row(0), kind);
    }
}

vectorised! {
    /// Scores to the exponentials of what they are below the largest. The logarithm of the sum of the scores'
    /// exponentials, and what makes shares of what is left in `scores`.
    fn soften(scores: &mut [f32], scale: f32) -> (f32, f32) {
        let (lanes, rest) = scores.as_chunks::<LANES>();
        let mut largest = [f32::NEG_INFINITY; LANES];
        for lanes in lanes {
            for (largest, score) in largest.iter_mut().zip(lanes) {
                *largest = if *score > *largest { *score } else { *largest };
            }
        }
        let largest = scale * largest.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
        let (lanes, rest) = scores.as_chunks_mut::<LANES>();
        let mut sums = [0f32; LANES];
        for lanes in lanes {
            for (score, sum) in lanes.iter_mut().zip(&mut sums) {
                *score = exp(score.mul_add(scale, -largest));
                *sum += *score;
            }
        }
        for score in rest.iter_mut() {
            *score = exp(score.mul_add(scale, -largest));
        }
        let total = sum(std::iter::once(sums), rest.iter().copied());
        (largest + total.ln(), 1.0 / total)
    }
}

vectorised! {
    /// Scores to shares, and gradients of shares to gradients of scores before scaling.
    fn share_and_slope(scores: &mut [f32], slopes: &mut [f32], log: f32, inner: f32, scale: f32) {
        for (score, slope) in scores.iter_mut().zip(slopes) {
            let share = exp(score.mul_add(scale, -log));
            *score = share;
            *slope = share * (*slope - inner) * scale;
        }
    }
}

vectorised! {
    fn dot(left: &[f32], right: &[f32]) -> f32 {
        let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
        let mut sums = [0f32; LANES];
        for (left, right) in left.iter().zip(right) {
            for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
                *sum = left.mul_add(*right, *sum);
            }
        }
        sum(std::iter::once(sums), left_rest.iter().zip(right_rest).map(|(left, right)| left * right))
    }
}
