//! What a CPU multiplies in bf16 by.

use super::{
    super::matrix::Matrix,
    amx, lines, panels,
    registers::{self, COLUMNS, LANES, Tile},
    tile,
};

/// Instructions of x86-64 for products in bf16, with their tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Instructions {
    /// `tdpbf16ps` on tiles of 32×32.
    Amx,
    /// `vdpbf16ps` on tiles of 8×32.
    Avx512,
}

impl Instructions {
    /// Those that gain something over products in f32 on this CPU, if any.
    ///
    /// The choice follows from the CPU alone, so that a run stays the same to the bit. Measured: a step of ViT-B by
    /// `vdpbf16ps` takes .63 of one in f32 on Zen 4 and Zen 5, and 1.4 of one on Intel's Granite Rapids, which has one port
    /// for it and two for multiply-adds in f32. On that CPU tiles reached 530 GFLOP/s on a thread, products in f32 130.
    pub(in super::super) fn found() -> Option<Self> {
        let gaining = |instructions: &Self| match instructions {
            Self::Amx => true,
            Self::Avx512 => !super::super::cpu_maker::is_intel(),
        };
        [Self::Amx, Self::Avx512].into_iter().filter(gaining).find(|instructions| instructions.are_possible())
    }

    /// The name in what a run records.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Amx => "AMX-BF16",
            Self::Avx512 => "AVX512-BF16",
        }
    }

    /// Whether this CPU has them. Factors are rounded by AVX512-BF16 for either.
    pub(super) fn are_possible(self) -> bool {
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512bf16");
        avx512 && (self == Self::Avx512 || amx::are_possible())
    }

    /// Rows of a tile.
    pub(super) fn rows(self) -> usize {
        match self {
            Self::Amx => amx::ROWS,
            Self::Avx512 => registers::ROWS,
        }
    }

    /// Panels of a task, left and right: both fit in the second cache.
    pub(super) fn panels_of_a_task(self) -> [usize; 2] {
        match self {
            Self::Amx => [4, 8],
            Self::Avx512 => [16, 8],
        }
    }

    /// Pairs of a panel for `length` inner places: AMX takes sixteen at once.
    pub(super) fn pairs(self, length: usize) -> usize {
        match self {
            Self::Amx => length.div_ceil(2).next_multiple_of(LANES),
            Self::Avx512 => length.div_ceil(2),
        }
    }

    /// Fills the left panel that begins at row `first` of `rows`, for `length` inner places from `from` on.
    ///
    /// # Safety
    /// They are possible; the matrix reaches `rows` by `from + length`.
    pub(super) unsafe fn fill_left(
        self,
        panel: &mut [u32],
        matrix: Matrix,
        [first, rows]: [usize; 2],
        stretch: [usize; 2],
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            match self {
                Self::Amx => lines::fill(panel, matrix, [first, rows], stretch),
                Self::Avx512 => {
                    panels::fill::<{ registers::ROWS }>(panel, matrix, [first, rows], stretch);
                }
            }
        }
    }

    /// The same of the right factor's columns, which are the rows of `matrix`; pairs beyond its length are zeros.
    ///
    /// # Safety
    /// They are possible; the matrix reaches `columns` by `from + length`.
    pub(super) unsafe fn fill_right(
        self,
        panel: &mut [u32],
        matrix: Matrix,
        [first, columns]: [usize; 2],
        stretch: [usize; 2],
    ) {
        let (pairs, beyond) = panel.split_at_mut(COLUMNS * stretch[1].div_ceil(2));
        beyond.fill(0);
        // SAFETY: as the caller promises.
        unsafe { panels::fill::<COLUMNS>(pairs, matrix, [first, columns], stretch) };
    }

    /// Computes the tiles that `places` names by their panels, left and right, each into its part of the output:
    /// `output (+)= left · right`.
    ///
    /// # Safety
    /// They are possible; nobody else uses the tiles, which lie within the output.
    pub(super) unsafe fn tiles<'a>(self, tiles: impl Iterator<Item = (&'a [u32], &'a [u32], Tile)>) {
        // SAFETY: as the caller promises.
        unsafe {
            match self {
                Self::Amx => {
                    let registers = amx::Tiles::configure();
                    tiles.for_each(|(left, right, output)| registers.tile(left, right, output));
                }
                Self::Avx512 => tiles.for_each(|(left, right, output)| tile::tile(left, right, output)),
            }
        }
    }
}
