//! Factors in the order in which the inner loop reads them.
//!
//! A panel holds some rows of the left factor, or columns of the right one (*lines*), side by side for one place
//! along the inner length after the other.
//!
//! ```text
//! lines 0 1 2 3 …     k ─▶     0 0 0 0 … │ 1 1 1 1 … │ 2 2 2 2 …
//! ```
//!
//! Lines that are not there are zeros.

use std::arch::x86_64::{_mm512_mask_storeu_epi32, _mm512_maskz_loadu_epi32, _mm512_setzero_si512};

use super::super::{
    product::Matrix,
    registers::{LANES, mask, turn},
};

/// Fills the panel of `WIDTH` lines that begins at line `first` of `lines`, for `length` inner places from
/// `from` on. `matrix` has its lines as rows.
///
/// # Safety
/// The processor has AVX-512 F; the matrix reaches `lines` by `from + length`.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn fill<const WIDTH: usize>(
    panel: &mut [f32],
    matrix: Matrix,
    [first, lines]: [usize; 2],
    [from, length]: [usize; 2],
) {
    assert_eq!(panel.len(), WIDTH * length);
    let Matrix { values, row_stride, column_stride } = matrix;
    for begin in (0..WIDTH).step_by(LANES) {
        let width = LANES.min(WIDTH - begin);
        let present = (lines - first).saturating_sub(begin).min(width);
        let target = panel.as_mut_ptr().wrapping_add(begin);
        let source = values.as_ptr().wrapping_add((first + begin) * row_stride + from * column_stride);
        let part = Part { source, target, width, present, length };
        // SAFETY: the panel has `WIDTH` values a place, and the matrix reaches the present lines.
        unsafe {
            if row_stride == 1 {
                part.copy::<WIDTH>(column_stride);
            } else if column_stride == 1 {
                part.transpose::<WIDTH>(row_stride);
            } else {
                part.gather::<WIDTH>(row_stride, column_stride);
            }
        }
    }
}

/// At most [`LANES`] lines of a panel, of which the matrix has those that are present.
struct Part {
    source: *const f32,
    target: *mut f32,
    width: usize,
    present: usize,
    length: usize,
}

impl Part {
    /// Lines lie side by side in memory, places `stride` apart.
    ///
    /// # Safety
    /// As for [`fill`].
    #[target_feature(enable = "avx512f")]
    unsafe fn copy<const WIDTH: usize>(&self, stride: usize) {
        let (there, kept) = (mask(self.present), mask(self.width));
        for place in 0..self.length {
            let (source, target) =
                (self.source.wrapping_add(place * stride), self.target.wrapping_add(place * WIDTH));
            // SAFETY: the masked load touches present lines at a place that there is, the store this part's.
            unsafe {
                let lines = _mm512_maskz_loadu_epi32(there, source.cast());
                _mm512_mask_storeu_epi32(target.cast(), kept, lines);
            }
        }
    }

    /// Each line is contiguous, lines `stride` apart: blocks of 16 lines by 16 places are turned in registers.
    ///
    /// # Safety
    /// As for [`fill`].
    #[target_feature(enable = "avx512f")]
    unsafe fn transpose<const WIDTH: usize>(&self, stride: usize) {
        let kept = mask(self.width);
        for first in (0..self.length).step_by(LANES) {
            let there = mask(self.length - first);
            let mut block = [_mm512_setzero_si512(); LANES];
            for (line, values) in block.iter_mut().enumerate().take(self.present) {
                let source = self.source.wrapping_add(line * stride + first);
                // SAFETY: the masked load touches a present line at places that there are.
                *values = unsafe { _mm512_maskz_loadu_epi32(there, source.cast()) };
            }
            for (place, lines) in turn(block).iter().enumerate().take(self.length - first) {
                let target = self.target.wrapping_add((first + place) * WIDTH);
                // SAFETY: this part's values at a place that there is.
                unsafe { _mm512_mask_storeu_epi32(target.cast(), kept, *lines) };
            }
        }
    }

    /// Neither lines nor places lie side by side.
    ///
    /// # Safety
    /// As for [`fill`].
    unsafe fn gather<const WIDTH: usize>(&self, row_stride: usize, column_stride: usize) {
        for place in 0..self.length {
            for line in 0..self.width {
                let source = self.source.wrapping_add(line * row_stride + place * column_stride);
                let target = self.target.wrapping_add(place * WIDTH + line);
                // SAFETY: only a present line is read; the target is this part's.
                unsafe { *target = if line < self.present { *source } else { 0.0 } };
            }
        }
    }
}
