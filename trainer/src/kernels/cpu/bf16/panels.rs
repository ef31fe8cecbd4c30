//! Factors in the order in which the inner loop reads them.
//!
//! A panel holds some rows of the left factor, or columns of the right one (*lines*), side by side for one
//! pair of places along the inner length after the other. A pair is a 32-bit word: two neighbours rounded to
//! bf16, the first in the lower half.
//!
//! ```text
//! lines 0 1 2 3 …     k ─▶     01 01 01 01 … │ 23 23 23 23 … │ 45 45 45 45 …
//! ```
//!
//! Lines and places that are not there are zeros, so the inner loop has no special cases.

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_mask_storeu_epi32, _mm512_maskz_loadu_ps,
    _mm512_permutexvar_epi16, _mm512_set_epi16, _mm512_set1_epi32,
};

use super::super::{
    matrix::Matrix,
    registers::{LANES, mask, turn},
};

/// Fills the panel of `WIDTH` lines that begins at line `first` of `lines`, for `length` inner places from
/// `from` on. `matrix` has its lines as rows.
///
/// # Safety
/// The CPU has AVX-512 F, BW and BF16; the matrix reaches `lines` by `from + length`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn fill<const WIDTH: usize>(
    panel: &mut [u32],
    matrix: Matrix,
    [first, lines]: [usize; 2],
    [from, length]: [usize; 2],
) {
    assert_eq!(panel.len(), WIDTH * length.div_ceil(2));
    let Matrix { values, row_stride, column_stride } = matrix;
    let source = &values[first * row_stride + from * column_stride..];
    for begin in (0..WIDTH).step_by(LANES) {
        // Lines of the panel that there are beyond `begin`, and that the matrix has.
        let width = LANES.min(WIDTH - begin);
        let present = (lines - first).saturating_sub(begin).min(width);
        if present == 0 || row_stride == 1 || column_stride == 1 {
            let part = Part { target: panel.as_mut_ptr().wrapping_add(begin), width, present, length };
            let source = source.as_ptr().wrapping_add(begin * row_stride);
            // SAFETY: the panel has `WIDTH` words a pair, and the matrix reaches its present lines.
            unsafe {
                if column_stride == 1 {
                    part.transpose::<WIDTH>(source, row_stride);
                } else {
                    part.interleave::<WIDTH>(source, column_stride);
                }
            }
        } else {
            let value = |line: usize, place: usize| match line < present && place < length {
                true => source[(begin + line) * row_stride + place * column_stride],
                false => 0.0,
            };
            for (pair, words) in panel.chunks_exact_mut(WIDTH).enumerate() {
                for (line, word) in words[begin..][..width].iter_mut().enumerate() {
                    let [low, high] = [0, 1].map(|half| rounded(value(line, 2 * pair + half)));
                    *word = u32::from(low) | u32::from(high) << 16;
                }
            }
        }
    }
}

/// At most [`LANES`] lines of a panel.
struct Part {
    target: *mut u32,
    width: usize,
    present: usize,
    length: usize,
}

impl Part {
    /// Lines lie side by side in memory, places `stride` apart: two rows of values become one of pairs.
    ///
    /// # Safety
    /// As for [`fill`]; `source` reaches the present lines at all places.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn interleave<const WIDTH: usize>(&self, source: *const f32, stride: usize) {
        let (there, kept) = (mask(self.present), mask(self.width));
        let in_turn = _mm512_set_epi16(
            31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3,
            18, 2, 17, 1, 16, 0,
        );
        for pair in 0..self.length.div_ceil(2) {
            let second = if 2 * pair + 1 < self.length { there } else { 0 };
            // SAFETY: masked loads touch present lines at places that there are, stores this part's words.
            unsafe {
                let low = _mm512_maskz_loadu_ps(there, source.wrapping_add(2 * pair * stride));
                let high = _mm512_maskz_loadu_ps(second, source.wrapping_add((2 * pair + 1) * stride));
                let words = _mm512_permutexvar_epi16(in_turn, rounded_pair(high, low));
                _mm512_mask_storeu_epi32(self.target.wrapping_add(pair * WIDTH).cast(), kept, words);
            }
        }
    }

    /// Each line is contiguous, lines `stride` apart: blocks of 16 lines by 16 words are turned in registers.
    ///
    /// # Safety
    /// As for [`fill`]; `source` reaches the present lines at all places.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn transpose<const WIDTH: usize>(&self, source: *const f32, stride: usize) {
        let pairs = self.length.div_ceil(2);
        let kept = mask(self.width);
        for first in (0..pairs).step_by(LANES) {
            let mut block = [_mm512_set1_epi32(0); LANES];
            let rest = self.length - 2 * first;
            let masks = [mask(rest), mask(rest.saturating_sub(LANES))];
            for (line, words) in block.iter_mut().enumerate().take(self.present) {
                let source = source.wrapping_add(line * stride + 2 * first);
                // SAFETY: loads touch a present line at places that there are.
                *words = unsafe {
                    if rest >= 2 * LANES {
                        rounded_pair(_mm512_loadu_ps(source.add(LANES)), _mm512_loadu_ps(source))
                    } else {
                        let high = _mm512_maskz_loadu_ps(masks[1], source.wrapping_add(LANES));
                        rounded_pair(high, _mm512_maskz_loadu_ps(masks[0], source))
                    }
                };
            }
            let block = turn(block);
            let target = self.target.wrapping_add(first * WIDTH);
            for (word, lines) in block.iter().enumerate().take(pairs - first) {
                // SAFETY: the words of this part at a pair that there is.
                unsafe { _mm512_mask_storeu_epi32(target.wrapping_add(word * WIDTH).cast(), kept, *lines) };
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_places_and_pairs_are_where_the_inner_loop_looks() {
        if !super::super::is_possible() {
            eprintln!("this processor has no AVX512-BF16: nothing to look at");
            return;
        }
        // 37 lines of 45 places, from each of the three orders in memory.
        let (lines, places) = (37, 45);
        let value = |line: usize, place: usize| (line * 64 + place) as f32 * 0.37;
        let orders = [(45, 1), (1, 37), (90, 2)];
        for (row_stride, column_stride) in orders {
            let mut values = vec![f32::NAN; lines * places * 2];
            for line in 0..lines {
                for place in 0..places {
                    values[line * row_stride + place * column_stride] = value(line, place);
                }
            }
            let matrix = Matrix { values: &values, row_stride, column_stride };
            let mut panel = vec![u32::MAX; 32 * 22];
            // SAFETY: the CPU has the instructions, and the matrix has 37 lines of 45 places.
            unsafe { fill::<32>(&mut panel, matrix, [32, lines], [2, 43]) };
            for (at, word) in panel.iter().enumerate() {
                let (pair, line) = (at / 32, 32 + at % 32);
                let there = |place: usize| line < lines && place < places;
                let [low, high] = [2 * pair + 2, 2 * pair + 3]
                    .map(|place| rounded(if there(place) { value(line, place) } else { 0.0 }));
                assert_eq!(*word, u32::from(low) | u32::from(high) << 16, "line {line}, pair {pair}");
            }
        }
    }
}
