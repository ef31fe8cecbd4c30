//! Registers of AVX-512, and the tiles of the output that their sums go to.

#![allow(unsafe_code)] // instructions that the CPU was found to have; a tile is written through a pointer

use std::arch::x86_64::{
    __m512, __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
    _mm512_shuffle_i32x4, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64,
};

use super::super::matrix::{Output, Target};

/// Words of a register.
pub(super) const LANES: usize = 16;
/// Rows of a tile: with two registers a row, 16 sums run side by side and hide the instruction's latency.
pub(super) const ROWS: usize = 8;
/// Columns of a tile: two registers.
pub(super) const COLUMNS: usize = 2 * LANES;

/// The lowest `count` lanes.
pub(super) fn mask(count: usize) -> u16 {
    if count >= LANES { u16::MAX } else { (1 << count) - 1 }
}

/// An output that tasks write different tiles of.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    first: *mut f32,
    stride: usize,
}

// SAFETY: whoever gets the pointer writes tiles that nobody else writes or reads meanwhile.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// All of an output.
    pub(super) fn new(output: &mut Target) -> Self {
        Self { first: output.first, stride: output.stride }
    }

    /// The tile of `size` that begins with row `row` and column `column`, and what is done with what stands there.
    #[inline]
    pub(super) fn tile(self, [row, column]: [usize; 2], size: [usize; 2], kind: Output) -> Tile {
        let first = self.first.wrapping_add(row * self.stride + column);
        Tile { first, stride: self.stride, size, kind }
    }
}

/// A tile of the output: at most [`ROWS`] by [`COLUMNS`].
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub(super) first: *mut f32,
    /// Elements from one row to the next.
    pub(super) stride: usize,
    /// Rows and columns that there are.
    pub(super) size: [usize; 2],
    pub(super) kind: Output,
}

impl Tile {
    /// Fetches the tile ahead of the sums that go there.
    #[inline]
    pub(super) fn fetch(self) {
        for row in 0..self.size[0] {
            for column in (0..self.size[1]).step_by(LANES) {
                let place = self.first.wrapping_add(row * self.stride + column);
                // SAFETY: to fetch ahead reads nothing, whatever the address.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
            }
        }
    }

    /// Puts `sums` there, or adds them.
    ///
    /// # Safety
    /// The CPU has AVX-512 F, and nobody else uses the tile, which lies within the output.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn take(self, sums: [[__m512; 2]; ROWS]) {
        let [rows, columns] = self.size;
        let masks = [mask(columns), mask(columns.saturating_sub(LANES))];
        for (row, sums) in sums.iter().enumerate().take(rows) {
            for (half, sum) in sums.iter().enumerate() {
                let place = self.first.wrapping_add(row * self.stride + LANES * half);
                // SAFETY: the mask leaves the lanes of columns that there are, and the row is one.
                unsafe {
                    let sum = match self.kind {
                        Output::Overwritten => *sum,
                        Output::AddedTo => _mm512_add_ps(*sum, _mm512_maskz_loadu_ps(masks[half], place)),
                    };
                    _mm512_mask_storeu_ps(place, masks[half], sum);
                }
            }
        }
    }
}

/// Rows of 16 words to columns.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn turn(rows: [__m512i; LANES]) -> [__m512i; LANES] {
    let mut pairs = rows;
    for at in (0..LANES).step_by(2) {
        pairs[at] = _mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        pairs[at + 1] = _mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    let mut fours = pairs;
    for at in (0..LANES).step_by(4) {
        fours[at] = _mm512_unpacklo_epi64(pairs[at], pairs[at + 2]);
        fours[at + 1] = _mm512_unpackhi_epi64(pairs[at], pairs[at + 2]);
        fours[at + 2] = _mm512_unpacklo_epi64(pairs[at + 1], pairs[at + 3]);
        fours[at + 3] = _mm512_unpackhi_epi64(pairs[at + 1], pairs[at + 3]);
    }
    let mut eights = fours;
    for at in 0..4 {
        for half in [0, 8] {
            let (low, high) = (fours[half + at], fours[half + at + 4]);
            eights[half + at] = _mm512_shuffle_i32x4::<0b10_00_10_00>(low, high);
            eights[half + at + 4] = _mm512_shuffle_i32x4::<0b11_01_11_01>(low, high);
        }
    }
    let mut columns = eights;
    for at in 0..8 {
        columns[at] = _mm512_shuffle_i32x4::<0b10_00_10_00>(eights[at], eights[at + 8]);
        columns[at + 8] = _mm512_shuffle_i32x4::<0b11_01_11_01>(eights[at], eights[at + 8]);
    }
    columns
}
