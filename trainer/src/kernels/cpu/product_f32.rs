//! Matrix products in f32: by the crate `private-gemm-x86` where the CPU has AVX-512 or AVX2, elsewhere by `gemm`.
//!
//! `private-gemm-x86` multiplies on one thread: the output is cut into blocks, which all threads compute. It forms each
//! sum in an order that depends on the inner length alone, so any number of threads gives the same bits.

#![allow(unsafe_code)] // products write through pointers; bounds are checked here

use gemm::Parallelism;
#[cfg(target_arch = "x86_64")]
use private_gemm_x86::{Accum, DType, DstKind, IType, InstrSet};
use rayon::prelude::*;

use super::matrix::{Matrix, Output, Target, check_product};

/// Columns of a block, at least: as many are multiplied with a row at once by AVX-512, four times those of AVX2.
const COLUMNS_AT_LEAST: usize = 96;
/// Rows of a block, at least.
const ROWS_AT_LEAST: usize = 32;
/// Blocks for each thread, if the output is large enough: threads then end together.
const BLOCKS_OF_A_THREAD: usize = 8;
/// Products of fewer multiplications than this cost less than asking other threads for help.
const LEAST_WORK_TO_SHARE: usize = 1 << 16;

/// What a CPU multiplies in f32 by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instructions {
    /// Those of AVX-512 F and DQ.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Those of AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Those that the crate `gemm` finds.
    Any,
}

impl Instructions {
    /// All, the fastest first.
    const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        Self::Any,
    ];

    /// The fastest that this CPU has.
    pub(super) fn found() -> Self {
        Self::ALL.iter().copied().find(|instructions| instructions.are_possible()).unwrap_or(Self::Any)
    }

    /// The name in what a run records.
    pub(super) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "private-gemm-x86 with AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "private-gemm-x86 with AVX2",
            Self::Any => "the crate gemm",
        }
    }

    /// Whether this CPU has them.
    fn are_possible(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Self::Any => true,
        }
    }
}

/// `output (+)= left · right` for `[m, k]` and `[k, n]`, none of them 0, on all threads, by instructions that this CPU has.
pub(super) fn multiply(
    lengths: [usize; 3],
    left: Matrix,
    right: Matrix,
    output: &mut Target,
    kind: Output,
    instructions: Instructions,
) {
    let [m, n, k] = lengths;
    if lengths.iter().product::<usize>() < LEAST_WORK_TO_SHARE {
        return multiply_alone(lengths, left, right, output, kind, instructions);
    }
    if instructions == Instructions::Any {
        return by_gemm(lengths, left, right, output, kind, Parallelism::Rayon(0));
    }
    output.check([m, n]);
    let size = block_size([m, n], rayon::current_num_threads() * BLOCKS_OF_A_THREAD);
    output.blocks([m, n], size).into_par_iter().for_each(|([row, column], mut block)| {
        let [rows, columns] = block.size();
        let (left, right) = (left.from([row, 0]), right.from([0, column]));
        multiply_alone([rows, columns, k], left, right, &mut block, kind, instructions);
    });
}

/// Rows and columns of the blocks that an output is cut into: at least `wanted` of them, if it is large enough.
///
/// Halves columns first, since a block's columns of the right factor are brought into order for its rows alone.
fn block_size([m, n]: [usize; 2], wanted: usize) -> [usize; 2] {
    let [mut rows, mut columns] = [m, n];
    while m.div_ceil(rows) * n.div_ceil(columns) < wanted {
        if columns > COLUMNS_AT_LEAST {
            columns = (columns / 2).next_multiple_of(COLUMNS_AT_LEAST);
        } else if rows > ROWS_AT_LEAST {
            rows = (rows / 2).next_multiple_of(ROWS_AT_LEAST);
        } else {
            break;
        }
    }
    [rows, columns]
}

/// The same as [`multiply`] on this thread.
pub(super) fn multiply_alone(
    lengths: [usize; 3],
    left: Matrix,
    right: Matrix,
    output: &mut Target,
    kind: Output,
    instructions: Instructions,
) {
    #[cfg(target_arch = "x86_64")]
    match instructions {
        Instructions::Avx512 => return by_private_gemm(lengths, left, right, output, kind, InstrSet::Avx512),
        Instructions::Avx2 => return by_private_gemm(lengths, left, right, output, kind, InstrSet::Avx256),
        Instructions::Any => {}
    }
    let _ = instructions;
    by_gemm(lengths, left, right, output, kind, Parallelism::None);
}

#[cfg(target_arch = "x86_64")]
fn by_private_gemm(
    [m, n, k]: [usize; 3],
    left: Matrix,
    right: Matrix,
    output: &mut Target,
    kind: Output,
    instructions: InstrSet,
) {
    check_product([m, n, k], left, right, output);
    let added = match kind {
        Output::Overwritten => Accum::Replace,
        Output::AddedTo => Accum::Add,
    };
    let factor = 1f32;
    // SAFETY: every element that lengths and strides reach lies within its buffer, as checked, and no two
    // elements of the output share a place because its rows are not longer than their distance. Whoever chose the
    // instructions found that the CPU has them. No index of rows or columns and no diagonal is given.
    unsafe {
        private_gemm_x86::gemm(
            DType::F32,
            IType::U64,
            instructions,
            m,
            n,
            k,
            output.first.cast(),
            output.stride as isize,
            1,
            std::ptr::null(),
            std::ptr::null(),
            DstKind::Full,
            added,
            left.values.as_ptr().cast(),
            left.row_stride as isize,
            left.column_stride as isize,
            false,
            std::ptr::null(),
            0,
            right.values.as_ptr().cast(),
            right.row_stride as isize,
            right.column_stride as isize,
            false,
            (&raw const factor).cast(),
            1,
        );
    }
}

fn by_gemm(
    [m, n, k]: [usize; 3],
    left: Matrix,
    right: Matrix,
    output: &mut Target,
    kind: Output,
    parallelism: Parallelism,
) {
    check_product([m, n, k], left, right, output);
    // SAFETY: every element that lengths and strides reach lies within its buffer, as checked, and no two
    // elements of the output share a place because its rows are not longer than their distance.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            output.first,
            1,
            output.stride as isize,
            kind == Output::AddedTo,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{super::matrix::tests::check_products, *};

    fn possible() -> impl Iterator<Item = Instructions> {
        Instructions::ALL.iter().copied().filter(|instructions| {
            if !instructions.are_possible() {
                eprintln!("this processor has no {instructions:?}: not looked at");
            }
            instructions.are_possible()
        })
    }

    #[test]
    fn whole_numbers_give_exact_products_from_any_order_in_memory() {
        for instructions in possible() {
            for lengths in [[1, 1, 1], [8, 32, 5], [67, 45, 33], [300, 100, 1100], [9, 600, 513]] {
                check_products(lengths, 2.0, &format!("{instructions:?}"), |left, right, output| {
                    multiply(lengths, left, right, output, Output::Overwritten, instructions);
                    multiply_alone(lengths, left, right, output, Output::AddedTo, instructions);
                });
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_part_is_the_same_to_the_bit_as_in_the_whole() {
        let [m, n, k] = [131, 223, 1300];
        let wave = |at: usize| (at as f32 * 0.37).sin();
        let left: Vec<f32> = (0..m * k).map(wave).collect();
        let right: Vec<f32> = (0..k * n).map(|at| wave(at + 7)).collect();
        // Contiguous rows and contiguous columns of each factor.
        let strides = [([k, 1], [n, 1]), ([1, m], [n, 1]), ([k, 1], [1, k]), ([1, m], [1, k])];
        for instructions in possible().filter(|instructions| *instructions != Instructions::Any) {
            for (left_strides, right_strides) in strides {
                let matrix = |values, [row_stride, column_stride]: [usize; 2]| Matrix {
                    values,
                    row_stride,
                    column_stride,
                };
                let (left, right) = (matrix(&left, left_strides), matrix(&right, right_strides));
                let mut whole = vec![0.25; m * n];
                let target = &mut Target::new(&mut whole, n);
                multiply_alone([m, n, k], left, right, target, Output::AddedTo, instructions);
                for ([row, column], [rows, columns]) in
                    [([0, 0], [1, 1]), ([m - 5, n - 3], [5, 3]), ([40, 96], [67, 127])]
                {
                    let mut part = vec![0.25; rows * columns];
                    let (left, right) = (left.from([row, 0]), right.from([0, column]));
                    let target = &mut Target::new(&mut part, columns);
                    multiply_alone([rows, columns, k], left, right, target, Output::AddedTo, instructions);
                    for (at, found) in part.iter().enumerate() {
                        let wanted = whole[(row + at / columns) * n + column + at % columns];
                        assert_eq!(
                            found.to_bits(),
                            wanted.to_bits(),
                            "{instructions:?}, {rows}×{columns}, place {at}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn blocks_are_as_many_as_wanted_where_they_can_be() {
        for (size, wanted) in
            [([320, 768], 16), ([3136, 384], 16), ([3136, 1536], 256), ([1, 1], 16), ([2, 1000], 16)]
        {
            let [rows, columns] = block_size(size, wanted);
            let blocks = size[0].div_ceil(rows) * size[1].div_ceil(columns);
            assert!(blocks >= wanted || rows <= ROWS_AT_LEAST && columns <= COLUMNS_AT_LEAST, "{size:?}");
        }
    }
}
