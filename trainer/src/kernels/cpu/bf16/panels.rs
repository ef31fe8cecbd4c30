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

use std::arch::x86_64::{_mm512_mask_storeu_epi32, _mm512_set1_epi32};

use super::{
    super::matrix::Matrix,
    registers::{LANES, mask, turn},
    words,
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
                    *word = words::of([0, 1].map(|half| value(line, 2 * pair + half)));
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
        for pair in 0..self.length.div_ceil(2) {
            let (source, rest) = (source.wrapping_add(2 * pair * stride), self.length - 2 * pair);
            // SAFETY: loads touch present lines at places that there are, stores this part's words.
            unsafe {
                let words = words::of_a_pair(source, stride, there, rest);
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
            for (line, words) in block.iter_mut().enumerate().take(self.present) {
                let source = source.wrapping_add(line * stride + 2 * first);
                // SAFETY: loads touch a present line at places that there are.
                *words = unsafe { words::of_a_line(source, self.length - 2 * first) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_places_and_pairs_are_where_the_inner_loop_looks() {
        if !super::super::Instructions::Avx512.are_possible() {
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
                let wanted = [2 * pair + 2, 2 * pair + 3]
                    .map(|place| if there(place) { value(line, place) } else { 0.0 });
                assert_eq!(*word, words::of(wanted), "line {line}, pair {pair}");
            }
        }
    }
}
