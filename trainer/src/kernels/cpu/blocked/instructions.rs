//! What a CPU computes tiles by.

use super::{
    super::{
        matrix::Matrix,
        registers::{self, Tile},
    },
    avx2, avx512,
};

/// Instructions of x86-64, with the tiles that fill their registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Instructions {
    /// Tiles of 8×32.
    Avx512,
    /// Tiles of 6×16.
    Avx2,
}

impl Instructions {
    /// The widest that this CPU has.
    pub(in super::super) fn found() -> Option<Self> {
        [Self::Avx512, Self::Avx2].into_iter().find(|instructions| instructions.are_possible())
    }

    /// The name in what a run records.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
        }
    }

    /// Whether this CPU has them.
    pub(super) fn are_possible(self) -> bool {
        match self {
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
        }
    }

    /// Rows of a tile, the lines of a left panel.
    pub(super) fn rows(self) -> usize {
        match self {
            Self::Avx512 => registers::ROWS,
            Self::Avx2 => avx2::ROWS,
        }
    }

    /// Columns of a tile, the lines of a right panel.
    pub(super) fn columns(self) -> usize {
        match self {
            Self::Avx512 => registers::COLUMNS,
            Self::Avx2 => avx2::COLUMNS,
        }
    }

    /// Fills the left panel that begins at row `first` of `rows`, for `length` inner places from `from` on.
    ///
    /// # Safety
    /// They are possible; the matrix reaches `rows` by `from + length`.
    pub(super) unsafe fn fill_left(
        self,
        panel: &mut [f32],
        matrix: Matrix,
        [first, rows]: [usize; 2],
        stretch: [usize; 2],
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            match self {
                Self::Avx512 => {
                    avx512::fill::<{ registers::ROWS }>(panel, matrix, [first, rows], stretch);
                }
                Self::Avx2 => avx2::fill::<{ avx2::ROWS }>(panel, matrix, [first, rows], stretch),
            }
        }
    }

    /// The same of the right factor's columns, which are the rows of `matrix`.
    ///
    /// # Safety
    /// They are possible; the matrix reaches `columns` by `from + length`.
    pub(super) unsafe fn fill_right(
        self,
        panel: &mut [f32],
        matrix: Matrix,
        [first, columns]: [usize; 2],
        stretch: [usize; 2],
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            match self {
                Self::Avx512 => {
                    avx512::fill::<{ registers::COLUMNS }>(panel, matrix, [first, columns], stretch);
                }
                Self::Avx2 => avx2::fill::<{ avx2::COLUMNS }>(panel, matrix, [first, columns], stretch),
            }
        }
    }

    /// `output (+)= left · right` for the first rows of `left` and a panel.
    ///
    /// # Safety
    /// They are possible; `left` has the rows of the tile, and as many columns as the panel has places; nobody else
    /// uses the tile, which lies within the output.
    pub(super) unsafe fn tile(self, left: Matrix, right: &[f32], output: Tile) {
        // SAFETY: as the caller promises.
        unsafe {
            match self {
                Self::Avx512 => avx512::tile(left, right, output),
                Self::Avx2 => avx2::tile(left, right, output),
            }
        }
    }
}
