//! The inner loop: a tile of the output, summed in registers.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_set1_epi32, _mm512_setzero_ps,
};

use super::Output;

/// Rows of a tile: with two registers a row, 16 sums run side by side and hide the instruction's latency.
pub(super) const ROWS: usize = 8;
/// Columns of a tile: two registers.
pub(super) const COLUMNS: usize = 32;

const LANES: usize = 16;

/// `output (+)= left · right` for a tile of `[rows, columns]`, at most [`ROWS`] by [`COLUMNS`].
///
/// # Safety
/// The processor has AVX-512 F and BF16, and the tile lies within the output.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn tile(
    left: &[u32],
    right: &[u32],
    kind: Output,
    output: *mut f32,
    stride: usize,
    [rows, columns]: [usize; 2],
) {
    let sums = sums(left, right);
    let lanes = |count: usize| if count >= LANES { u16::MAX } else { (1 << count) - 1 };
    let masks = [lanes(columns), lanes(columns.saturating_sub(LANES))];
    for (row, sums) in sums.iter().enumerate().take(rows) {
        for (half, sum) in sums.iter().enumerate() {
            let (place, mask) = (output.wrapping_add(row * stride + LANES * half), masks[half]);
            // SAFETY: the masks leave the lanes of columns that there are, and the row is one.
            unsafe {
                let sum = match kind {
                    Output::Overwritten => *sum,
                    Output::AddedTo => _mm512_add_ps(*sum, _mm512_maskz_loadu_ps(mask, place)),
                };
                _mm512_mask_storeu_ps(place, mask, sum);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn sums(left: &[u32], right: &[u32]) -> [[__m512; 2]; ROWS] {
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    for (rows, columns) in left.as_chunks::<ROWS>().0.iter().zip(right.as_chunks::<COLUMNS>().0) {
        let halves = columns.as_ptr().cast::<__m512i>();
        // SAFETY: 32 words are two registers.
        let columns = unsafe { [_mm512_loadu_si512(halves), _mm512_loadu_si512(halves.add(1))] };
        for (row, sums) in rows.iter().zip(&mut sums) {
            let row = pairs(_mm512_set1_epi32(*row as i32));
            sums[0] = _mm512_dpbf16_ps(sums[0], row, pairs(columns[0]));
            sums[1] = _mm512_dpbf16_ps(sums[1], row, pairs(columns[1]));
        }
    }
    sums
}

#[inline]
#[target_feature(enable = "avx512f")]
fn pairs(words: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits, and any bits are pairs of bf16.
    unsafe { std::mem::transmute(words) }
}
