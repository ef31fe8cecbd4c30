//! Words of a factor: two neighbours along the inner length, rounded to bf16, the first in the lower half.

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_permutexvar_epi16,
    _mm512_set_epi16,
};

use super::registers::{LANES, mask};

/// Sixteen words of a line that is contiguous from `source` on, of which `rest` places are there.
///
/// # Safety
/// The CPU has AVX-512 F and BF16; `source` reaches the places that are there.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn of_a_line(source: *const f32, rest: usize) -> __m512i {
    // SAFETY: loads touch places that there are.
    unsafe {
        if rest >= 2 * LANES {
            return rounded_pair(_mm512_loadu_ps(source.add(LANES)), _mm512_loadu_ps(source));
        }
        let high = _mm512_maskz_loadu_ps(mask(rest.saturating_sub(LANES)), source.wrapping_add(LANES));
        rounded_pair(high, _mm512_maskz_loadu_ps(mask(rest), source))
    }
}

/// The words of the lines that `there` has bits for, which lie side by side, at a pair of places `stride` apart; the
/// second place is there where `rest` is more than one.
///
/// # Safety
/// The CPU has AVX-512 F, BW and BF16; `source` reaches the lines at the places that are there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn of_a_pair(source: *const f32, stride: usize, there: u16, rest: usize) -> __m512i {
    let in_turn = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18,
        2, 17, 1, 16, 0,
    );
    let masks = [if rest > 0 { there } else { 0 }, if rest > 1 { there } else { 0 }];
    // SAFETY: masked loads touch lines and places that there are.
    unsafe {
        let low = _mm512_maskz_loadu_ps(masks[0], source);
        let high = _mm512_maskz_loadu_ps(masks[1], source.wrapping_add(stride));
        _mm512_permutexvar_epi16(in_turn, rounded_pair(high, low))
    }
}

/// A word of two values.
pub(super) fn of([low, high]: [f32; 2]) -> u32 {
    u32::from(rounded(low)) | u32::from(rounded(high)) << 16
}

/// 32 values as bf16: `low` in the lower half of the register.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn rounded_pair(high: __m512, low: __m512) -> __m512i {
    // SAFETY: both are 512 bits, and any bits are integers.
    unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(high, low)) }
}

/// The upper half of an f32, rounded to nearest, ties to even, as the CPU does it.
pub(super) fn rounded(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    (bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16
}
