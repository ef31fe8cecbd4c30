//! Matrix products in f32 by AVX-512.
//!
//! ```text
//! for each stretch of the inner length:
//!     left factor ─▶ panels of 8 rows, unless its rows are contiguous           on all threads
//!     for each block of the output:                                             on all threads
//!         right factor ─▶ panels of 32 columns that fit in the second cache     (panels.rs)
//!         tiles of 8×32: sums in registers, added to the output                 (tile.rs)
//! ```
//!
//! What a general product does not do: a left factor of contiguous rows is read where it stands, a right one of
//! contiguous columns (weights of a linear layer, keys) is turned in registers, the output is fetched ahead, and
//! the blocks of an attention share panels. The order in which a sum is formed depends on the inner length alone,
//! so any number of threads gives the same bits.

#![allow(unsafe_code)] // instructions that the processor was found to have; tiles write through a pointer

mod panels;
mod tile;

use rayon::prelude::*;

use super::{
    product::{Matrix, Output, Shared, Target},
    registers::{COLUMNS, ROWS, Tile},
    unwritten,
};

/// Longest stretch of the inner length: the panels of a block then take at most 512 KiB, half of a second cache.
const STRETCH: usize = 512;
/// Columns of a block, at most.
const COLUMNS_OF_A_BLOCK: usize = 256;
/// Rows that go through all panels of a block before the next ones do, so that the second cache holds them.
const ROWS_AT_A_TIME: usize = 128;
/// Blocks for each thread, if the output is large enough: threads then end together.
const BLOCKS_OF_A_THREAD: usize = 8;

/// Whether this processor has the instructions.
pub(super) fn is_possible() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// A right factor in panels, to be used again and again.
pub(super) struct Panels {
    values: Vec<f32>,
    columns: usize,
    inner: usize,
}

impl Panels {
    /// The panels of `right`, `[inner, columns]`.
    pub(super) fn new(right: Matrix, [inner, columns]: [usize; 2]) -> Self {
        right.check([inner, columns]);
        Self { values: panels_of::<COLUMNS>(right.transposed(), [0, columns], [0, inner]), columns, inner }
    }
}

/// `output (+)= left · right` on this thread, for `left` of `rows` rows.
pub(super) fn multiply_alone(rows: usize, left: Matrix, right: &Panels, output: &mut Target, kind: Output) {
    let Panels { values, columns, inner } = right;
    left.check([rows, *inner]);
    output.check([rows, *columns]);
    let block = Block { rows: [0, rows], columns: [0, *columns], length: *inner };
    // SAFETY: panels exist only where the instructions do; the lengths were checked.
    unsafe { block.compute(&Left::Matrix(left), values, output.shared(), kind) };
}

/// `output (+)= left · right` for `[m, k]` and `[k, n]`, on all threads.
pub(super) fn multiply(
    [m, n, k]: [usize; 3],
    left: Matrix,
    right: Matrix,
    output: &mut Target,
    kind: Output,
) {
    left.check([m, k]);
    right.check([k, n]);
    output.check([m, n]);
    let [block_rows, block_columns] = block_size([m, n], rayon::current_num_threads() * BLOCKS_OF_A_THREAD);
    let across = n.div_ceil(block_columns);
    let blocks = m.div_ceil(block_rows) * across;
    let step = k.div_ceil(k.div_ceil(STRETCH));
    for from in (0..k).step_by(step) {
        let length = step.min(k - from);
        let left = Left::new(left, m, [from, length]);
        let kind = if from == 0 { kind } else { Output::AddedTo };
        let output = output.shared();
        (0..blocks).into_par_iter().for_each(|number| {
            let (row, column) = (number / across * block_rows, number % across * block_columns);
            let (rows, columns) = ([row, m.min(row + block_rows)], [column, n.min(column + block_columns)]);
            let right = panels_of::<COLUMNS>(right.transposed(), columns, [from, length]);
            // SAFETY: the caller found that the processor has the instructions; the lengths were checked, and no
            // two blocks have an element in common.
            unsafe { Block { rows, columns, length }.compute(&left, &right, output, kind) };
        });
    }
}

/// Rows and columns of the blocks that an output is cut into: at least `wanted` of them, if it is large enough.
///
/// Halves columns first, since a block's columns are put into panels for its rows alone.
fn block_size([m, n]: [usize; 2], wanted: usize) -> [usize; 2] {
    let mut size = [m.next_multiple_of(ROWS_AT_A_TIME), COLUMNS_OF_A_BLOCK];
    let least = [ROWS_AT_A_TIME, COLUMNS];
    while m.div_ceil(size[0]) * n.div_ceil(size[1]) < wanted && size != least {
        let rows = size[1] == COLUMNS || size[0] > 8 * size[1];
        size[usize::from(!rows)] /= 2;
        size[0] = size[0].next_multiple_of(ROWS_AT_A_TIME);
    }
    size
}

/// The left factor's part of a stretch.
enum Left<'a> {
    /// As it stands.
    Matrix(Matrix<'a>),
    /// Panels of [`ROWS`] rows, for so many places.
    Panels(Vec<f32>, usize),
}

impl<'a> Left<'a> {
    fn new(left: Matrix<'a>, rows: usize, [from, length]: [usize; 2]) -> Self {
        if left.column_stride == 1 {
            return Self::Matrix(left.from([0, from]));
        }
        let mut panels = unwritten(rows.next_multiple_of(ROWS) * length);
        panels.par_chunks_exact_mut(ROWS * length).with_min_len(8).enumerate().for_each(|(number, panel)| {
            // SAFETY: products come here only where the instructions were found; the matrix was checked.
            unsafe { panels::fill::<ROWS>(panel, left, [number * ROWS, rows], [from, length]) };
        });
        Self::Panels(panels, length)
    }

    /// The rows from `row` on, at least those of a tile.
    fn from_row(&self, row: usize) -> Matrix<'_> {
        match self {
            Self::Matrix(matrix) => matrix.from([row, 0]),
            Self::Panels(panels, length) => {
                Matrix { values: &panels[row * length..], row_stride: 1, column_stride: ROWS }
            }
        }
    }
}

/// The panels of some lines of a matrix, for `length` places from `from` on.
fn panels_of<const WIDTH: usize>(
    matrix: Matrix,
    [first, last]: [usize; 2],
    [from, length]: [usize; 2],
) -> Vec<f32> {
    let mut panels = unwritten((last - first).next_multiple_of(WIDTH) * length);
    for (number, panel) in panels.chunks_exact_mut(WIDTH * length).enumerate() {
        // SAFETY: products come here only where the instructions were found; callers checked the matrix.
        unsafe { panels::fill::<WIDTH>(panel, matrix, [first + number * WIDTH, last], [from, length]) };
    }
    panels
}

/// A block of the output: its rows and columns, first and last, and how many products each sum has.
struct Block {
    rows: [usize; 2],
    columns: [usize; 2],
    length: usize,
}

impl Block {
    /// # Safety
    /// The processor has the instructions; `left` has these rows, `right` the panels of these columns; the output
    /// has the block, and nobody else uses it.
    unsafe fn compute(&self, left: &Left, right: &[f32], output: Shared, kind: Output) {
        let &Self { rows: [first_row, last_row], columns: [first_column, last_column], length } = self;
        for begin in (first_row..last_row).step_by(ROWS_AT_A_TIME) {
            let end = last_row.min(begin + ROWS_AT_A_TIME);
            for (number, panel) in right.chunks_exact(COLUMNS * length).enumerate() {
                let column = first_column + number * COLUMNS;
                for row in (begin..end).step_by(ROWS) {
                    let first = output.first.wrapping_add(row * output.stride + column);
                    let size = [ROWS.min(end - row), COLUMNS.min(last_column - column)];
                    let tile = Tile { first, stride: output.stride, size, kind };
                    // SAFETY: the tile lies within the block; the rest is as the caller promises.
                    unsafe { tile::tile(left.from_row(row), panel, tile) };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first columns of rows that are longer.
    fn target(output: &mut [f32], width: usize) -> Target<'_> {
        Target::columns(output, width + 3, width).swap_remove(0)
    }

    #[test]
    fn whole_numbers_give_exact_products_from_any_order_in_memory() {
        if !is_possible() {
            eprintln!("this processor has no AVX-512: nothing to multiply");
            return;
        }
        for [m, n, k] in [[1, 1, 1], [8, 32, 5], [67, 45, 33], [300, 100, 1100], [9, 600, 513]] {
            let left: Vec<f32> = (0..2 * m * k).map(|at| (at % 13) as f32 - 6.0).collect();
            let right: Vec<f32> = (0..2 * k * n).map(|at| (at % 11) as f32 - 5.0).collect();
            let orders = |rows: usize, columns: usize| [(columns, 1), (1, rows), (2 * columns, 2)];
            for (left_strides, right_strides) in
                orders(m, k).into_iter().flat_map(|left| orders(k, n).map(|right| (left, right)))
            {
                let matrix =
                    |values, (row_stride, column_stride)| Matrix { values, row_stride, column_stride };
                let (left, right) = (matrix(&left, left_strides), matrix(&right, right_strides));
                let value = |matrix: Matrix, at: [usize; 2]| matrix.from(at).values[0];
                let sum = |row, column| -> f32 {
                    (0..k).map(|place| value(left, [row, place]) * value(right, [place, column])).sum()
                };
                // Rows of the output are longer than the product, which leaves the rest alone.
                let mut output = vec![1.0; m * (n + 3)];
                multiply([m, n, k], left, right, &mut target(&mut output, n), Output::Overwritten);
                let panels = Panels::new(right, [k, n]);
                multiply_alone(m, left, &panels, &mut target(&mut output, n), Output::AddedTo);
                for (at, found) in output.iter().enumerate() {
                    let (row, column) = (at / (n + 3), at % (n + 3));
                    let wanted = if column < n { 2.0 * sum(row, column) } else { 1.0 };
                    assert_eq!(*found, wanted, "{m}×{n}×{k}, row {row}, column {column}");
                }
            }
        }
    }
}
