//! The inner loop: a tile of the output, summed in registers.

use std::arch::x86_64::{__m512, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps};

use super::super::{
    product::Matrix,
    registers::{COLUMNS, LANES, ROWS, Tile},
};

/// `output (+)= left · right` for the first rows of `left`, which is read where it stands, and a panel.
///
/// # Safety
/// The processor has AVX-512 F; `left` has the rows of the tile, and as many columns as the panel has places;
/// nobody else uses the tile, which lies within the output.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn tile(left: Matrix, right: &[f32], output: Tile) {
    output.fetch();
    // Rows that are not there are the last one again; what they give is not kept.
    let last = output.size[0] - 1;
    let rows: [*const f32; ROWS] =
        std::array::from_fn(|row| left.values.as_ptr().wrapping_add(row.min(last) * left.row_stride));
    // SAFETY: the rows are rows of `left`, and the tile lies within the output, as the caller promises.
    unsafe { output.take(sums(rows, left.column_stride, right)) };
}

/// Sums over the places of a panel, of which each row has a value, `stride` apart.
///
/// # Safety
/// The processor has AVX-512 F; the rows have these values.
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
