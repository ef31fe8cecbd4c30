//! Left factors in the order in which AMX loads them: for sixteen pairs along the inner length after the other, the
//! words of 32 rows, row by row. Each half of such a block is a tile.
//!
//! ```text
//! places ─▶     row 0: 01 23 45 … │ row 1: 01 23 45 … │ … │ row 31: 01 23 45 …
//! ```
//!
//! Rows and places that are not there are zeros.

use std::arch::x86_64::{__m512i, _mm512_set1_epi32, _mm512_storeu_si512};

use super::{
    super::matrix::Matrix,
    registers::{LANES, mask, turn},
    words,
};

/// Rows of a block.
pub(super) const ROWS: usize = 32;

/// Fills the blocks of the rows from `first` on, of `rows`, for `length` inner places from `from` on.
///
/// # Safety
/// The CPU has AVX-512 F, BW and BF16; the matrix reaches `rows` by `from + length`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn fill(
    blocks: &mut [u32],
    matrix: Matrix,
    [first, rows]: [usize; 2],
    [from, length]: [usize; 2],
) {
    assert_eq!(blocks.len(), ROWS * length.div_ceil(2).next_multiple_of(LANES));
    for (number, block) in blocks.chunks_exact_mut(ROWS * LANES).enumerate() {
        let place = 2 * LANES * number;
        for (half, tile) in block.chunks_exact_mut(LANES * LANES).enumerate() {
            let row = first + LANES * half;
            let part =
                Part { matrix, row, present: rows.saturating_sub(row).min(LANES), rest: length - place };
            // SAFETY: the matrix reaches the rows that are present and the rest of the places.
            let lines = unsafe { part.lines(from + place) };
            for (line, words) in lines.into_iter().zip(tile.chunks_exact_mut(LANES)) {
                // SAFETY: sixteen words are a register.
                unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), line) };
            }
        }
    }
}

/// Sixteen rows of a factor, of which some are there, and the places that there are from some place on.
struct Part<'a> {
    matrix: Matrix<'a>,
    row: usize,
    present: usize,
    rest: usize,
}

impl Part<'_> {
    /// The words of the rows at sixteen pairs from `place` on.
    ///
    /// # Safety
    /// As for [`fill`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn lines(&self, place: usize) -> [__m512i; LANES] {
        let &Self { matrix: Matrix { values, row_stride, column_stride }, row, present, rest } = self;
        let mut lines = [_mm512_set1_epi32(0); LANES];
        if present == 0 {
            return lines;
        }
        let source = &values[row * row_stride + place * column_stride..];
        let begin = source.as_ptr();
        if column_stride == 1 {
            for (line, words) in lines.iter_mut().enumerate().take(present) {
                // SAFETY: the row is there, with the rest of its places.
                *words = unsafe { words::of_a_line(begin.wrapping_add(line * row_stride), rest) };
            }
        } else if row_stride == 1 {
            for (pair, words) in lines.iter_mut().enumerate().take(rest.div_ceil(2)) {
                let source = begin.wrapping_add(2 * pair * column_stride);
                // SAFETY: the rows are there, and the places of the rest.
                *words = unsafe { words::of_a_pair(source, column_stride, mask(present), rest - 2 * pair) };
            }
            lines = turn(lines);
        } else {
            let value = |line: usize, place: usize| match place < rest {
                true => source[line * row_stride + place * column_stride],
                false => 0.0,
            };
            for (line, words) in lines.iter_mut().enumerate().take(present) {
                let there: [u32; LANES] =
                    std::array::from_fn(|pair| words::of([0, 1].map(|half| value(line, 2 * pair + half))));
                // SAFETY: both are sixteen words.
                *words = unsafe { std::mem::transmute::<[u32; LANES], __m512i>(there) };
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_block_are_tiles_of_pairs() {
        if !super::super::Instructions::Avx512.are_possible() {
            eprintln!("this processor has no AVX512-BF16: nothing to look at");
            return;
        }
        // 45 rows of 77 places, from each of the three orders in memory.
        let (rows, places) = (45, 77);
        let value = |row: usize, place: usize| (row * 128 + place) as f32 * 0.37;
        for (row_stride, column_stride) in [(77, 1), (1, 45), (154, 2)] {
            let mut values = vec![f32::NAN; rows * places * 2];
            for row in 0..rows {
                for place in 0..places {
                    values[row * row_stride + place * column_stride] = value(row, place);
                }
            }
            let matrix = Matrix { values: &values, row_stride, column_stride };
            let mut blocks = vec![u32::MAX; ROWS * 48];
            // SAFETY: the CPU has the instructions, and the matrix has 45 rows of 77 places.
            unsafe { fill(&mut blocks, matrix, [32, rows], [4, 73]) };
            for (at, word) in blocks.iter().enumerate() {
                let (row, pair) = (32 + at / 16 % 32, at / 512 * 16 + at % 16);
                let there = |place: usize| row < rows && place < places;
                let wanted = [2 * pair + 4, 2 * pair + 5]
                    .map(|place| if there(place) { value(row, place) } else { 0.0 });
                assert_eq!(*word, words::of(wanted), "row {row}, pair {pair}, rows {row_stride} apart");
            }
        }
    }
}
