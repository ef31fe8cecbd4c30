//! The inner loop: a tile of the output, summed in registers.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps,
};

use super::registers::{COLUMNS, ROWS, Tile};

/// `output (+)= left · right`, from a panel each.
///
/// # Safety
/// The CPU has AVX-512 F and BF16, and nobody else uses the tile, which lies within the output.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn tile(left: &[u32], right: &[u32], output: Tile) {
    output.fetch();
    let sums = sums(left, right);
    // SAFETY: as the caller promises.
    unsafe { output.take(sums) };
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
