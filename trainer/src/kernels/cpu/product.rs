//! Matrix products of strided blocks of larger buffers: in f32 by [`blocked`] or, on other
//! CPUs, the crate `gemm`; in bf16 by [`bf16`].

#![allow(unsafe_code)] // products write through pointers; bounds are checked here

use gemm::Parallelism;

use super::matrix::{Matrix, Output, Target};
#[cfg(target_arch = "x86_64")]
use super::{
    bf16,
    blocked::{self, Instructions},
};
use crate::kernels::precision::Precision;

/// Whether products in bf16 gain anything here; elsewhere they are computed in f32.
pub(in super::super) fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return bf16::is_possible();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Whether products in f32 are faster here than those of MKL, which LibTorch multiplies with: it leaves the
/// CPUs of other makers at AVX2.
#[cfg(feature = "tch")]
pub(in super::super) fn outdoes_mkl() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f") && !is_intels();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Whether the CPU says that it is Intel's.
#[cfg(all(feature = "tch", target_arch = "x86_64"))]
fn is_intels() -> bool {
    use std::arch::x86_64::__cpuid;
    // SAFETY: every CPU of 64 bits answers question 0.
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
