//! Matrix products of strided blocks of larger buffers: in f32 by [`product_f32`], in bf16 by [`bf16`].

#[cfg(target_arch = "x86_64")]
use super::bf16;
use super::{
    matrix::{Matrix, Output, Target},
    product_f32::{self, Instructions},
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
    let f32_by = Instructions::found().name();
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
    let _ = precision;
    product_f32::multiply(lengths, left, right, &mut output, kind, Instructions::found());
}

/// A right factor that several products on one thread have in common.
pub(super) enum Right {
    /// Row behind row: each product brings it into the order of the inner loop again, which takes several times as long
    /// from columns.
    Rows(Vec<f32>, [usize; 2]),
    /// Rounded, in the order of the inner loop.
    #[cfg(target_arch = "x86_64")]
    RoundedPanels(bf16::Panels),
}

impl Right {
    /// `right` of `[k, n]` for products in `precision`.
    pub(super) fn new(right: Matrix, lengths: [usize; 2], precision: Precision) -> Self {
        #[cfg(target_arch = "x86_64")]
        if precision == Precision::Bf16
            && let Some(instructions) = bf16::Instructions::found()
        {
            return Self::RoundedPanels(bf16::Panels::new(right, lengths, instructions));
        }
        let _ = precision;
        Self::Rows(right.copied(lengths), lengths)
    }
}

/// `output (+)= left · right` on this thread, for `left` of `rows` rows: tasks are parallel already.
pub(super) fn multiply_alone(rows: usize, left: Matrix, right: &Right, mut output: Target, kind: Output) {
    match right {
        Right::Rows(right, [k, n]) => {
            let (lengths, right) = ([rows, *n, *k], Matrix::rows(right, *n));
            product_f32::multiply_alone(lengths, left, right, &mut output, kind, Instructions::found());
        }
        #[cfg(target_arch = "x86_64")]
        Right::RoundedPanels(right) => bf16::multiply_alone(rows, left, right, &mut output, kind),
    }
}
