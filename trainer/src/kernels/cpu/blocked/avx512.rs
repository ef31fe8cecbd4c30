//! Tiles of 8×32 and their panels by AVX-512.

use std::arch::x86_64::{
    __m512, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_epi32, _mm512_maskz_loadu_epi32,
    _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
};

use super::super::{
    matrix::Matrix,
    registers::{COLUMNS, LANES, ROWS, Tile, mask, turn},
};

/// `output (+)= left · right` for the first rows of `left`, which is read where it stands, and a panel.
///
/// # Safety
/// The CPU has AVX-512 F; `left` has the rows of the tile, and as many columns as the panel has places;
/// nobody else uses the tile, which lies within the output.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn tile(left: Matrix, right: &[f32], output: Tile) {
    output.fetch();
    let rows = left.beginnings::<ROWS>(output.size[0]);
    // SAFETY: the rows are rows of `left`, and the tile lies within the output, as the caller promises.
    unsafe { output.take(sums(rows, left.column_stride, right)) };
}

/// Sums over the places of a panel, of which each row has a value, `stride` apart.
///
/// # Safety
/// The CPU has AVX-512 F; the rows have these values.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn sums(rows: [*const f32; ROWS], stride: usize, right: &[f32]) -> [[__m512; 2]; ROWS] {
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    let mut place = 0;
    for columns in right.as_chunks::<COLUMNS>().0 {
        let halves = columns.as_ptr();
        // SAFETY: 32 values are two registers.
        let columns = unsafe { [_mm512_loadu_ps(halves), _mm512_loadu_ps(halves.add(LANES))] };
        for (row, sums) in rows.iter().zip(&mut sums) {
            // SAFETY: the row has a value for each place of the panel.
            let value = _mm512_set1_ps(unsafe { *row.wrapping_add(place) });
            sums[0] = _mm512_fmadd_ps(value, columns[0], sums[0]);
            sums[1] = _mm512_fmadd_ps(value, columns[1], sums[1]);
        }
        place += stride;
    }
    sums
}

/// Fills the panel of `WIDTH` lines that begins at line `first` of `lines`, for `length` inner places from
/// `from` on. `matrix` has its lines as rows.
///
/// # Safety
/// The CPU has AVX-512 F; the matrix reaches `lines` by `from + length`.
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
