//! The factors of a product and where it goes: strided blocks of larger buffers.

#![allow(unsafe_code)] // several targets share a buffer and no element; bounds are checked here

use std::marker::PhantomData;

use super::{buffer::unwritten, vector::vectorised};

/// A matrix somewhere in a buffer.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    /// The buffer, from the matrix's first element on.
    pub(super) values: &'a [f32],
    /// Elements from one row to the next.
    pub(super) row_stride: usize,
    /// Elements from one column to the next.
    pub(super) column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix whose rows lie `row_stride` apart.
    pub(super) fn rows(values: &'a [f32], row_stride: usize) -> Self {
        Self { values, row_stride, column_stride: 1 }
    }

    /// Rows as columns.
    pub(super) fn transposed(self) -> Self {
        Self { row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }

    /// The same from row `row` and column `column` on.
    pub(super) fn from(self, [row, column]: [usize; 2]) -> Self {
        Self { values: &self.values[row * self.row_stride + column * self.column_stride..], ..self }
    }

    /// The first so many rows and columns, row behind row, of a matrix whose rows or columns are contiguous.
    pub(super) fn copied(self, [rows, columns]: [usize; 2]) -> Vec<f32> {
        self.check([rows, columns]);
        let mut copy = unwritten(rows * columns);
        if self.column_stride == 1 {
            for (row, copy) in copy.chunks_exact_mut(columns).enumerate() {
                copy.copy_from_slice(&self.from([row, 0]).values[..columns]);
            }
        } else {
            assert_eq!(self.row_stride, 1, "neither rows nor columns are contiguous");
            let bands = copy.chunks_mut(TILE * columns).zip((0..rows).step_by(TILE));
            bands.for_each(|(band, row)| transpose(band, self.from([row, 0]), columns));
        }
        copy
    }

    /// Panics when the buffer ends before the last of so many rows and columns.
    pub(super) fn check(self, [rows, columns]: [usize; 2]) {
        let last = (rows - 1) * self.row_stride + (columns - 1) * self.column_stride;
        assert!(last < self.values.len(), "a factor is shorter than its lengths say");
    }
}

/// Rows and columns that are transposed together.
const TILE: usize = 16;

vectorised! {
    /// At most [`TILE`] rows of `columns` values each, from a matrix whose rows lie side by side.
    fn transpose(band: &mut [f32], matrix: Matrix, columns: usize) {
        let column = |at: usize| &matrix.values[at * matrix.column_stride..];
        let whole = if band.len() == TILE * columns { columns / TILE * TILE } else { 0 };
        for first in (0..whole).step_by(TILE) {
            let mut tile = [[0f32; TILE]; TILE];
            for (lane, at) in (first..first + TILE).enumerate() {
                let values: &[f32; TILE] = column(at)[..TILE].try_into().expect("because it is cut to this length");
                for (row, value) in tile.iter_mut().zip(values) {
                    row[lane] = *value;
                }
            }
            for (row, values) in band.chunks_exact_mut(columns).zip(&tile) {
                row[first..first + TILE].copy_from_slice(values);
            }
        }
        for at in whole..columns {
            for (row, value) in band.chunks_exact_mut(columns).zip(column(at)) {
                row[at] = *value;
            }
        }
    }
}

/// Panics when a buffer of a product of `[m, k]` and `[k, n]` is shorter than these lengths say.
pub(super) fn check_product([m, n, k]: [usize; 3], left: Matrix, right: Matrix, output: &Target) {
    left.check([m, k]);
    right.check([k, n]);
    output.check([m, n]);
}

/// What is done with what stands in the output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// It is overwritten, and need not have been written before.
    Overwritten,
    /// The product is added to it.
    AddedTo,
}

/// Where a product goes: some columns of some rows of a buffer, borrowed like a `&mut` to them.
pub(super) struct Target<'a> {
    pub(super) first: *mut f32,
    pub(super) stride: usize,
    size: [usize; 2],
    buffer: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is the only way to its elements while it lives, like the `&mut [f32]` that it was made of.
unsafe impl Send for Target<'_> {}

impl<'a> Target<'a> {
    /// All of a buffer, as rows of `stride` columns.
    pub(super) fn new(buffer: &'a mut [f32], stride: usize) -> Self {
        let size = [buffer.len() / stride, stride];
        Self { first: buffer.as_mut_ptr(), stride, size, buffer: PhantomData }
    }

    /// A buffer of rows of `stride` elements, cut into targets of `width` columns.
    pub(super) fn columns(buffer: &'a mut [f32], stride: usize, width: usize) -> Vec<Self> {
        let size = [buffer.len() / stride, width];
        let first = buffer.as_mut_ptr();
        // They share rows, and no element.
        let target =
            |number| Self { first: first.wrapping_add(number * width), stride, size, buffer: PhantomData };
        (0..stride / width).map(target).collect()
    }

    /// The same from row `row` on.
    pub(super) fn from_row(&mut self, row: usize) -> Target<'_> {
        let [rows, columns] = self.size;
        let first = self.first.wrapping_add(row * self.stride);
        let size = [rows.checked_sub(row).expect("because blocks begin within the rows"), columns];
        Target { first, stride: self.stride, size, buffer: PhantomData }
    }

    /// Rows and columns.
    pub(super) fn size(&self) -> [usize; 2] {
        self.size
    }

    /// The first `rows` and `columns`, cut into blocks of `height` rows and `width` columns, smaller ones at the ends:
    /// the row and column that each begins with, and the block.
    pub(super) fn blocks(
        &mut self,
        [rows, columns]: [usize; 2],
        [height, width]: [usize; 2],
    ) -> Vec<([usize; 2], Target<'_>)> {
        self.check([rows, columns]);
        let begins = (0..rows).step_by(height);
        let begins = begins.flat_map(|row| (0..columns).step_by(width).map(move |column| [row, column]));
        // They share rows, and no element.
        let block = |[row, column]: [usize; 2]| {
            let first = self.first.wrapping_add(row * self.stride + column);
            let size = [height.min(rows - row), width.min(columns - column)];
            ([row, column], Target { first, stride: self.stride, size, buffer: PhantomData })
        };
        begins.map(block).collect()
    }

    /// Sets all elements to 0.
    pub(super) fn clear(&mut self) {
        let [rows, columns] = self.size;
        for row in 0..rows {
            // SAFETY: the row's columns belong to this target.
            unsafe { self.first.add(row * self.stride).write_bytes(0, columns) };
        }
    }

    /// Multiplies each row by its factor.
    pub(super) fn scale_rows(&mut self, factors: &[f32]) {
        let [rows, columns] = self.size;
        for (row, factor) in factors.iter().enumerate().take(rows) {
            // SAFETY: the row's columns belong to this target and have been written.
            let row = unsafe { std::slice::from_raw_parts_mut(self.first.add(row * self.stride), columns) };
            row.iter_mut().for_each(|value| *value *= factor);
        }
    }

    /// Panics when so many rows and columns are more than it has.
    pub(super) fn check(&self, wanted: [usize; 2]) {
        assert!(
            wanted[0] <= self.size[0] && wanted[1] <= self.size[1],
            "the output is shorter than its lengths say"
        );
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_rows_of_a_matrix_in_either_order() {
        for [rows, columns] in [[1, 1], [16, 16], [48, 33], [67, 45], [5, 100]] {
            let apart = columns.max(rows) + 3;
            let values: Vec<f32> = (0..apart * apart).map(|at| at as f32).collect();
            let matrix = Matrix::rows(&values, apart);
            for matrix in [matrix, matrix.transposed()] {
                let copy = matrix.copied([rows, columns]);
                for (at, copied) in copy.iter().enumerate() {
                    assert_eq!(
                        *copied,
                        matrix.from([at / columns, at % columns]).values[0],
                        "{rows}×{columns}, {at}"
                    );
                }
            }
        }
    }

    /// Checks that `compute`, given two factors and an output, leaves `times` times their product there, for factors in each
    /// of three orders in memory. They are small whole numbers, which every precision holds as they are, so that every order
    /// of adding gives the same.
    pub(in super::super) fn check_products(
        [m, n, k]: [usize; 3],
        times: f32,
        what: &str,
        compute: impl Fn(Matrix, Matrix, &mut Target),
    ) {
        let left: Vec<f32> = (0..2 * m * k).map(|at| (at % 13) as f32 - 6.0).collect();
        let right: Vec<f32> = (0..2 * k * n).map(|at| (at % 11) as f32 - 5.0).collect();
        let orders = |rows: usize, columns: usize| [(columns, 1), (1, rows), (2 * columns, 2)];
        let pairs = orders(m, k).into_iter().flat_map(|left| orders(k, n).map(|right| (left, right)));
        for (left_strides, right_strides) in pairs {
            let matrix = |values, (row_stride, column_stride)| Matrix { values, row_stride, column_stride };
            let (left, right) = (matrix(&left, left_strides), matrix(&right, right_strides));
            let value = |matrix: Matrix, at: [usize; 2]| matrix.from(at).values[0];
            let sum = |row, column| -> f32 {
                (0..k).map(|place| value(left, [row, place]) * value(right, [place, column])).sum()
            };
            // Rows of the output are longer than the product, which leaves the rest alone.
            let mut output = vec![1.0; m * (n + 3)];
            compute(left, right, &mut Target::columns(&mut output, n + 3, n).swap_remove(0));
            for (at, found) in output.iter().enumerate() {
                let (row, column) = (at / (n + 3), at % (n + 3));
                let wanted = if column < n { times * sum(row, column) } else { 1.0 };
                assert_eq!(*found, wanted, "{what}, {m}×{n}×{k}, row {row}, column {column}");
            }
        }
    }
}
