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

/// What products in bf16 are computed by here, where they gain anything; elsewhere they are computed in f32.
pub(in super::super) fn bf16_instructions() -> Option<&'static str> {
    #[cfg(target_arch = "x86_64")]
    return bf16::Instructions::found().map(bf16::Instructions::name);
    #[cfg(not(target_arch = "x86_64"))]
    return None;
}

/// What products of this precision are computed by here.
pub(in super::super) fn in_words(precision: Precision) -> String {
    #[cfg(target_arch = "x86_64")]
    let f32_by = Instructions::found().map(Instructions::name);
    #[cfg(not(target_arch = "x86_64"))]
    let f32_by = None;
    let f32_by = f32_by.unwrap_or("the crate gemm");
    match (precision, bf16_instructions()) {
        (Precision::F32, _) => format!("f32 by {f32_by}"),
        (Precision::Bf16, Some(name)) => format!("bf16 by {name}"),
        (Precision::Bf16, None) => format!("f32 by {f32_by}, since this processor gains nothing by bf16"),
    }
}

/// Whether products in f32 are faster here than those of MKL, which LibTorch multiplies with: it leaves the
/// CPUs of other makers at AVX2.
#[cfg(feature = "tch")]
pub(in super::super) fn outdoes_mkl() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f") && !super::cpu_maker::is_intel();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
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
    if precision == Precision::Bf16
        && let Some(instructions) = bf16::Instructions::found()
    {
        return bf16::multiply(lengths, left, right, &mut output, kind, instructions);
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
        if precision == Precision::Bf16
            && let Some(instructions) = bf16::Instructions::found()
        {
            return Self::RoundedPanels(bf16::Panels::new(right, lengths, instructions));
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
