//! Matrix products of strided blocks of larger buffers: in f32 by [`blocked`] or, on other
//! processors, the crate `gemm`; in bf16 by [`bf16`].

#![allow(unsafe_code)] // products write through pointers; bounds are checked here

use std::marker::PhantomData;

use gemm::Parallelism;

#[cfg(target_arch = "x86_64")]
use super::{
    bf16,
    blocked::{self, Instructions},
};
use crate::kernels::precision::Precision;

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
    #[cfg(target_arch = "x86_64")]
    pub(super) fn from(self, [row, column]: [usize; 2]) -> Self {
        Self { values: &self.values[row * self.row_stride + column * self.column_stride..], ..self }
    }

    /// Where `ROWS` rows begin, of which `there` are there; for each other one it is the last again.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(super) fn beginnings<const ROWS: usize>(self, there: usize) -> [*const f32; ROWS] {
        std::array::from_fn(|row| self.values.as_ptr().wrapping_add(row.min(there - 1) * self.row_stride))
    }

    /// Panics when the buffer ends before the last of so many rows and columns.
    pub(super) fn check(self, [rows, columns]: [usize; 2]) {
        let last = (rows - 1) * self.row_stride + (columns - 1) * self.column_stride;
        assert!(last < self.values.len(), "a factor is shorter than its lengths say");
    }
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

/// Whether products in bf16 gain anything here; elsewhere they are computed in f32.
pub(in super::super) fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return bf16::is_possible();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Whether products in f32 are faster here than those of MKL, which LibTorch multiplies with: it leaves the
/// processors of other makers at AVX2.
#[cfg(feature = "tch")]
pub(in super::super) fn outdoes_mkl() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f") && !is_intels();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Whether the processor says that it is Intel's.
#[cfg(all(feature = "tch", target_arch = "x86_64"))]
fn is_intels() -> bool {
    use std::arch::x86_64::__cpuid;
    // SAFETY: every processor of 64 bits answers question 0.
    #[allow(unused_unsafe)]
    let answer = unsafe { __cpuid(0) };
    let name = [answer.ebx, answer.edx, answer.ecx].map(u32::to_le_bytes);
    name.as_flattened() == b"GenuineIntel"
}

/// `output (+)= left · right` for `[m, k]` and `[k, n]`, on all threads.
pub(super) fn multiply(
    lengths: [usize; 3],
    left: Matrix,
    right: Matrix,
    mut output: Target,
    kind: Output,
    precision: Precision,
) {
    if lengths.contains(&0) {
        assert!(lengths[0] == 0 || lengths[1] == 0, "a product of nothing has no values");
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if precision == Precision::Bf16 && bf16::is_possible() {
        return bf16::multiply(lengths, left, right, &mut output, kind);
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(instructions) = Instructions::found() {
        return blocked::multiply(lengths, left, right, &mut output, kind, instructions);
    }
    let _ = precision;
    // Short products cost less than asking other threads for help.
    let work = lengths.iter().product::<usize>();
    let threads = if work < 1 << 16 { Parallelism::None } else { Parallelism::Rayon(0) };
    multiply_f32(lengths, left, right, &mut output, kind, threads);
}

/// A right factor that several products on one thread have in common.
pub(super) enum Right<'a> {
    /// As it stands.
    Matrix(Matrix<'a>, [usize; 2]),
    /// In the order of the inner loop.
    #[cfg(target_arch = "x86_64")]
    Panels(blocked::Panels),
    /// The same, rounded.
    #[cfg(target_arch = "x86_64")]
    RoundedPanels(bf16::Panels),
}

impl<'a> Right<'a> {
    /// `right` of `[k, n]` for products in `precision`.
    pub(super) fn new(right: Matrix<'a>, lengths: [usize; 2], precision: Precision) -> Self {
        #[cfg(target_arch = "x86_64")]
        if precision == Precision::Bf16 && bf16::is_possible() {
            return Self::RoundedPanels(bf16::Panels::new(right, lengths));
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(instructions) = Instructions::found() {
            return Self::Panels(blocked::Panels::new(right, lengths, instructions));
        }
        let _ = precision;
        Self::Matrix(right, lengths)
    }
}

/// `output (+)= left · right` on this thread, for `left` of `rows` rows: tasks are parallel already.
pub(super) fn multiply_alone(rows: usize, left: Matrix, right: &Right, mut output: Target, kind: Output) {
    match right {
        Right::Matrix(right, [k, n]) => {
            multiply_f32([rows, *n, *k], left, *right, &mut output, kind, Parallelism::None);
        }
        #[cfg(target_arch = "x86_64")]
        Right::Panels(right) => blocked::multiply_alone(rows, left, right, &mut output, kind),
        #[cfg(target_arch = "x86_64")]
        Right::RoundedPanels(right) => bf16::multiply_alone(rows, left, right, &mut output, kind),
    }
}

fn multiply_f32(
    [m, n, k]: [usize; 3],
    left: Matrix,
    right: Matrix,
    output: &mut Target,
    kind: Output,
    parallelism: Parallelism,
) {
    left.check([m, k]);
    right.check([k, n]);
    output.check([m, n]);
    // SAFETY: every element that lengths and strides reach lies within its buffer, as checked, and no two
    // elements of the output share a place because its rows are not longer than their distance.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            output.first,
            1,
            output.stride as isize,
            kind == Output::AddedTo,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
