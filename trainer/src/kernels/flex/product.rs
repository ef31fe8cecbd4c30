//! Matrix products of strided blocks of larger buffers, by the crate `gemm`.

#![allow(unsafe_code)] // `gemm` takes pointers; bounds are checked here

use gemm::Parallelism;

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

    fn reaches(self, rows: usize, columns: usize) -> bool {
        (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.values.len()
    }
}

/// What is done with what stands in the output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// It is overwritten.
    Overwritten,
    /// The product is added to it.
    AddedTo,
}

/// `output (+)= factor · left · right` for `[m, k]` and `[k, n]`; the output's rows lie `stride` apart.
#[allow(clippy::too_many_arguments)] // three matrices, three lengths: a struct would only rename them
pub(super) fn multiply(
    [m, n, k]: [usize; 3],
    left: Matrix,
    right: Matrix,
    factor: f32,
    output: &mut [f32],
    stride: usize,
    kind: Output,
    parallelism: Parallelism,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(k > 0 && left.reaches(m, k) && right.reaches(k, n), "a factor is shorter than its lengths say");
    assert!(
        n <= stride && (m - 1) * stride + n <= output.len(),
        "the output is shorter than its lengths say"
    );
    // SAFETY: every element that lengths and strides reach lies within its buffer, as asserted, and no two
    // elements of the output share a place because its rows are not longer than their distance.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            output.as_mut_ptr(),
            1,
            stride as isize,
            kind == Output::AddedTo,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            factor,
            false,
            false,
            false,
            parallelism,
        );
    }
}
