//! Matrix products in f32 by AVX-512 or AVX2.
//!
//! ```text
//! for each stretch of the inner length:
//!     left factor ─▶ panels of a tile's rows, unless its rows are contiguous     on all threads
//!     for each block of the output:                                              on all threads
//!         right factor ─▶ panels of a tile's columns that fit in the second cache
//!         tiles: sums in registers, added to the output                          (avx512.rs, avx2.rs)
//! ```
//!
//! A panel holds some rows of the left factor, or columns of the right one (*lines*), side by side for one place
//! along the inner length after the other; lines that are not there are zeros.
//!
//! ```text
//! lines 0 1 2 3 …     k ─▶     0 0 0 0 … │ 1 1 1 1 … │ 2 2 2 2 …
//! ```
//!
//! What a general product does not do: a left factor of contiguous rows is read where it stands, a right one of
//! contiguous columns (weights of a linear layer, keys) is turned in registers, the output is fetched ahead, and
//! the blocks of an attention share panels. The order in which a sum is formed depends on the inner length alone,
//! so any number of threads gives the same bits.

#![allow(unsafe_code)] // instructions that the CPU was found to have; tiles write through a pointer

mod avx2;
mod avx512;
mod instructions;

use rayon::prelude::*;

use super::{
    buffer::unwritten,
    matrix::{Matrix, Output, Target},
    registers::Shared,
};

pub(super) use self::instructions::Instructions;

/// Least columns of a block: whole tiles of either kind.
const COLUMNS_AT_LEAST: usize = 32;
/// Longest stretch of the inner length: the panels of a block then take at most 512 KiB, half of a second cache.
const STRETCH: usize = 512;
/// Columns of a block, at most.
const COLUMNS_OF_A_BLOCK: usize = 256;
/// Rows that go through all panels of a block before the next ones do, so that the second cache holds them.
///
/// Whole tiles of either kind.
const ROWS_AT_A_TIME: usize = 96;
/// Blocks for each thread, if the output is large enough: threads then end together.
const BLOCKS_OF_A_THREAD: usize = 8;

/// A right factor in panels, to be used again and again.
pub(super) struct Panels {
    values: Vec<f32>,
    columns: usize,
    inner: usize,
    instructions: Instructions,
}

impl Panels {
    /// The panels of `right`, `[inner, columns]`, for instructions that this CPU has.
    pub(super) fn new(right: Matrix, [inner, columns]: [usize; 2], instructions: Instructions) -> Self {
        right.check([inner, columns]);
        let values = right_panels(right, [0, columns], [0, inner], instructions);
        Self { values, columns, inner, instructions }
    }
}

/// `output (+)= left · right` on this thread, for `left` of `rows` rows.
pub(super) fn multiply_alone(rows: usize, left: Matrix, right: &Panels, output: &mut Target, kind: Output) {
    let &Panels { ref values, columns, inner, instructions } = right;
    left.check([rows, inner]);
    output.check([rows, columns]);
    let block = Block { rows: [0, rows], columns: [0, columns], length: inner, instructions };
    // SAFETY: the CPU has the instructions that panels were made for; the lengths were checked.
    unsafe { block.compute(&Left::Matrix(left), values, Shared::new(output), kind) };
}

/// `output (+)= left · right` for `[m, k]` and `[k, n]`, on all threads, by instructions that this CPU has.
pub(super) fn multiply(
    [m, n, k]: [usize; 3],
    left: Matrix,
    right: Matrix,
    output: &mut Target,
    kind: Output,
    instructions: Instructions,
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
        let left = Left::new(left, m, [from, length], instructions);
        let kind = if from == 0 { kind } else { Output::AddedTo };
        let output = Shared::new(output);
        (0..blocks).into_par_iter().for_each(|number| {
            let (row, column) = (number / across * block_rows, number % across * block_columns);
            let (rows, columns) = ([row, m.min(row + block_rows)], [column, n.min(column + block_columns)]);
            let right = right_panels(right, columns, [from, length], instructions);
            let block = Block { rows, columns, length, instructions };
            // SAFETY: the CPU has the instructions, as the caller says; the lengths were checked, and no two
            // blocks have an element in common.
            unsafe { block.compute(&left, &right, output, kind) };
        });
    }
}

/// Rows and columns of the blocks that an output is cut into: at least `wanted` of them, if it is large enough.
///
/// Halves columns first, since a block's columns are put into panels for its rows alone.
fn block_size([m, n]: [usize; 2], wanted: usize) -> [usize; 2] {
    let [mut rows, mut columns] = [m.next_multiple_of(ROWS_AT_A_TIME), COLUMNS_OF_A_BLOCK];
    while m.div_ceil(rows) * n.div_ceil(columns) < wanted {
        if columns > COLUMNS_AT_LEAST && rows <= 8 * columns {
            columns /= 2;
        } else if rows > ROWS_AT_A_TIME {
            rows = (rows / 2).next_multiple_of(ROWS_AT_A_TIME);
        } else if columns > COLUMNS_AT_LEAST {
            columns /= 2;
        } else {
            break;
        }
    }
    [rows, columns]
}

/// The left factor's part of a stretch.
enum Left<'a> {
    /// As it stands.
    Matrix(Matrix<'a>),
    /// Panels of so many rows, for so many places.
    Panels(Vec<f32>, [usize; 2]),
}

impl<'a> Left<'a> {
    /// Of a matrix that was checked.
    fn new(left: Matrix<'a>, rows: usize, [from, length]: [usize; 2], instructions: Instructions) -> Self {
        if left.column_stride == 1 {
            return Self::Matrix(left.from([0, from]));
        }
        let width = instructions.rows();
        let mut panels = unwritten(rows.next_multiple_of(width) * length);
        panels.par_chunks_exact_mut(width * length).with_min_len(8).enumerate().for_each(
            |(number, panel)| {
                // SAFETY: the CPU has the instructions; the matrix was checked.
                unsafe { instructions.fill_left(panel, left, [number * width, rows], [from, length]) };
            },
        );
        Self::Panels(panels, [width, length])
    }

    /// The rows from `row` on, which is a tile's first: at least those of the tile.
    fn from_row(&self, row: usize) -> Matrix<'_> {
        match self {
            Self::Matrix(matrix) => matrix.from([row, 0]),
            Self::Panels(panels, [width, length]) => {
                Matrix { values: &panels[row * length..], row_stride: 1, column_stride: *width }
            }
        }
    }
}

/// The panels of some columns of a matrix that was checked, for `length` places from `from` on.
fn right_panels(
    right: Matrix,
    [first, last]: [usize; 2],
    [from, length]: [usize; 2],
    instructions: Instructions,
) -> Vec<f32> {
    let width = instructions.columns();
    let mut panels = unwritten((last - first).next_multiple_of(width) * length);
    for (number, panel) in panels.chunks_exact_mut(width * length).enumerate() {
        let columns = [first + number * width, last];
        // SAFETY: the CPU has the instructions; the matrix was checked.
        unsafe { instructions.fill_right(panel, right.transposed(), columns, [from, length]) };
    }
    panels
}

/// A block of the output: its rows and columns, from and to, and how many products each sum has.
struct Block {
    rows: [usize; 2],
    columns: [usize; 2],
    length: usize,
    instructions: Instructions,
}

impl Block {
    /// # Safety
    /// The CPU has the instructions; `left` has these rows, `right` the panels of these columns; the output
    /// has the block, and nobody else uses it.
    unsafe fn compute(&self, left: &Left, right: &[f32], output: Shared, kind: Output) {
        let &Self { rows: [first_row, last_row], columns: [first_column, last_column], length, instructions } =
            self;
        let (height, width) = (instructions.rows(), instructions.columns());
        for begin in (first_row..last_row).step_by(ROWS_AT_A_TIME) {
            let end = last_row.min(begin + ROWS_AT_A_TIME);
            for (number, panel) in right.chunks_exact(width * length).enumerate() {
                let column = first_column + number * width;
                for row in (begin..end).step_by(height) {
                    let size = [height.min(end - row), width.min(last_column - column)];
                    let tile = output.tile([row, column], size, kind);
                    // SAFETY: the tile lies within the block; the rest is as the caller promises.
                    unsafe { instructions.tile(left.from_row(row), panel, tile) };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::matrix::tests::check_products, *};

    fn check(lengths: [usize; 3], instructions: Instructions) {
        let [m, n, k] = lengths;
        check_products(lengths, 2.0, &format!("{instructions:?}"), |left, right, output| {
            multiply([m, n, k], left, right, output, Output::Overwritten, instructions);
            multiply_alone(m, left, &Panels::new(right, [k, n], instructions), output, Output::AddedTo);
        });
    }

    #[test]
    fn whole_numbers_give_exact_products_from_any_order_in_memory() {
        for instructions in [Instructions::Avx512, Instructions::Avx2] {
            if !instructions.are_possible() {
                eprintln!("this processor has no {instructions:?}: not looked at");
                continue;
            }
            for lengths in [[1, 1, 1], [8, 32, 5], [67, 45, 33], [300, 100, 1100], [9, 600, 513]] {
                check(lengths, instructions);
            }
        }
    }

    #[test]
    fn blocks_are_whole_tiles_and_as_many_as_wanted_where_they_can_be() {
        for (size, wanted) in [([320, 768], 16), ([3136, 384], 16), ([3136, 1536], 256), ([1, 1], 16)] {
            let [rows, columns] = block_size(size, wanted);
            for instructions in [Instructions::Avx512, Instructions::Avx2] {
                assert_eq!(
                    [rows % instructions.rows(), columns % instructions.columns()],
                    [0, 0],
                    "{size:?}"
                );
            }
            let blocks = size[0].div_ceil(rows) * size[1].div_ceil(columns);
            assert!(blocks >= wanted || [rows, columns] == [ROWS_AT_A_TIME, COLUMNS_AT_LEAST], "{size:?}");
        }
    }
}
