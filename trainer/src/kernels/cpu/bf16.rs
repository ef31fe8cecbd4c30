//! Matrix products of factors rounded to bf16, with sums in f32 (`vdpbf16ps` of AVX512-BF16).
//!
//! ```text
//! for each stretch of the inner length that the first cache can hold:
//!     both factors ─▶ panels of bf16 pairs                        (panels.rs)   on all threads
//!     tiles of 8×32: sums in registers, added to the output       (tile.rs)     on all threads
//! ```
//!
//! The order in which a sum is formed depends on the lengths alone, so any number of threads gives the same
//! bits. Processors without the instruction never come here: see [`is_possible`].

#![allow(unsafe_code)] // instructions that the CPU was found to have; tiles write through a pointer

mod panels;
mod tile;

use rayon::prelude::*;

use super::{
    matrix::{Matrix, Output, Target},
    registers::{COLUMNS, ROWS, Shared},
};

/// Pairs of a stretch: a right panel of 32 columns then takes 40 of the first cache's 48 KiB.
const PAIRS: usize = 320;

/// Panels of a task, left and right: both fit in the second cache.
const PANELS_OF_A_TASK: [usize; 2] = [16, 8];

/// Whether this CPU has the instructions.
pub(super) fn is_possible() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16")
}

/// A right factor in panels, to be used again and again.
pub(super) struct Panels {
    pairs: Vec<u32>,
    columns: usize,
    inner: usize,
}

impl Panels {
    /// The panels of `right`, `[inner, columns]`.
    pub(super) fn new(right: Matrix, [inner, columns]: [usize; 2]) -> Self {
        let mut pairs = unwritten(columns.div_ceil(COLUMNS) * COLUMNS * inner.div_ceil(2));
        fill_panels::<COLUMNS>(&mut pairs, right.transposed(), columns, [0, inner]);
        Self { pairs, columns, inner }
    }
}

/// `output (+)= left · right` on this thread, for `left` of `rows` rows.
pub(super) fn multiply_alone(rows: usize, left: Matrix, right: &Panels, output: &mut Target, kind: Output) {
    thread_local! {
        static LEFT: std::cell::RefCell<Vec<u32>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    let Panels { pairs: right, columns, inner } = right;
    LEFT.with_borrow_mut(|buffer| {
        let length = rows.div_ceil(ROWS) * ROWS * inner.div_ceil(2);
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let left_panels = &mut buffer[..length];
        fill_panels::<ROWS>(left_panels, left, rows, [0, *inner]);
        output.check([rows, *columns]);
        let all = Tiles { left: left_panels, right, lengths: [rows, *columns], pairs: inner.div_ceil(2) };
        // SAFETY: the CPU has the instructions (panels exist), and the output was checked.
        unsafe { all.compute([0, 0], [usize::MAX; 2], Shared::new(output), kind) };
    });
}

/// `output (+)= left · right` for `[m, k]` and `[k, n]`, on all threads.
pub(super) fn multiply(
    [m, n, k]: [usize; 3],
    left: Matrix,
    right: Matrix,
    output: &mut Target,
    kind: Output,
) {
    output.check([m, n]);
    let right = right.transposed();
    let stretches = k.div_ceil(2).div_ceil(PAIRS);
    let step = 2 * k.div_ceil(2).div_ceil(stretches);
    let panels = [m.div_ceil(ROWS), n.div_ceil(COLUMNS)];
    let mut left_panels = unwritten(panels[0] * ROWS * step / 2);
    let mut right_panels = unwritten(panels[1] * COLUMNS * step / 2);
    for from in (0..k).step_by(step) {
        let stretch = [from, step.min(k - from)];
        let pairs = stretch[1].div_ceil(2);
        let left_panels = &mut left_panels[..panels[0] * ROWS * pairs];
        let right_panels = &mut right_panels[..panels[1] * COLUMNS * pairs];
        rayon::join(
            || fill_panels_on_all_threads::<ROWS>(left_panels, left, m, stretch),
            || fill_panels_on_all_threads::<COLUMNS>(right_panels, right, n, stretch),
        );
        let tiles = Tiles { left: left_panels, right: right_panels, lengths: [m, n], pairs };
        let kind = if from == 0 { kind } else { Output::AddedTo };
        let [down, across] = [0, 1].map(|side| panels[side].div_ceil(PANELS_OF_A_TASK[side]));
        let output = Shared::new(output);
        (0..down * across).into_par_iter().for_each(|task| {
            let begin = [task / across, task % across];
            let begin = [0, 1].map(|side| begin[side] * PANELS_OF_A_TASK[side]);
            // SAFETY: the caller found that the CPU has the instructions; the output was checked, and
            // no two tasks have a tile in common.
            unsafe { tiles.compute(begin, PANELS_OF_A_TASK, output, kind) };
        });
    }
}

/// Factors in panels, and the lengths of the output.
struct Tiles<'a> {
    left: &'a [u32],
    right: &'a [u32],
    lengths: [usize; 2],
    pairs: usize,
}

impl Tiles<'_> {
    /// Computes `count` panels from panel `begin` on, in both directions.
    ///
    /// # Safety
    /// The CPU has the instructions, the output has the rows and columns of `lengths`, and nobody else
    /// uses its tiles.
    unsafe fn compute(&self, begin: [usize; 2], count: [usize; 2], output: Shared, kind: Output) {
        let Self { left, right, lengths: [m, n], pairs } = *self;
        let end = |side: usize, length: usize, width: usize| {
            length.div_ceil(width).min(begin[side].saturating_add(count[side]))
        };
        for column in begin[1]..end(1, n, COLUMNS) {
            let right = &right[column * COLUMNS * pairs..][..COLUMNS * pairs];
            for row in begin[0]..end(0, m, ROWS) {
                let left = &left[row * ROWS * pairs..][..ROWS * pairs];
                let (row, column) = (row * ROWS, column * COLUMNS);
                let size = [ROWS.min(m - row), COLUMNS.min(n - column)];
                // SAFETY: the tile lies within the output, as the caller promises.
                unsafe { tile::tile(left, right, output.tile([row, column], size, kind)) };
            }
        }
    }
}

fn fill_panels<const WIDTH: usize>(panels: &mut [u32], matrix: Matrix, lines: usize, stretch: [usize; 2]) {
    matrix.check([lines, stretch[0] + stretch[1]]);
    let panel = WIDTH * stretch[1].div_ceil(2);
    for (number, panel) in panels.chunks_exact_mut(panel).enumerate() {
        // SAFETY: products in bf16 are computed only where the instructions were found; the matrix reaches.
        unsafe { panels::fill::<WIDTH>(panel, matrix, [number * WIDTH, lines], stretch) };
    }
}

fn fill_panels_on_all_threads<const WIDTH: usize>(
    panels: &mut [u32],
    matrix: Matrix,
    lines: usize,
    stretch: [usize; 2],
) {
    matrix.check([lines, stretch[0] + stretch[1]]);
    let panel = WIDTH * stretch[1].div_ceil(2);
    panels.par_chunks_exact_mut(panel).with_min_len(64 / WIDTH).enumerate().for_each(|(number, panel)| {
        // SAFETY: as in `fill_panels`.
        unsafe { panels::fill::<WIDTH>(panel, matrix, [number * WIDTH, lines], stretch) };
    });
}

/// Room for panels, each of which is filled before it is read.
fn unwritten(length: usize) -> Vec<u32> {
    let mut words = Vec::with_capacity(length);
    // SAFETY: the capacity is there, any bits are a u32, and panels are filled before they are read.
    #[allow(clippy::uninit_vec)]
    unsafe {
        words.set_len(length);
    }
    words
}
