//! Matrix products of factors rounded to bf16, with sums in f32, by AMX or AVX512-BF16.
//!
//! ```text
//! for each stretch of the inner length that the first cache can hold:
//!     both factors ─▶ panels of bf16 pairs                        (panels.rs, lines.rs)   on all threads
//!     tiles: sums in registers, added to the output               (amx.rs, tile.rs)       on all threads
//! ```
//!
//! The order in which a sum is formed depends on the lengths and the instructions alone, so any number of threads gives
//! the same bits. Processors without the instructions never come here: see [`Instructions::found`].

#![allow(unsafe_code)] // instructions that the CPU was found to have; tiles write through a pointer

mod amx;
mod instructions;
mod lines;
mod panels;
mod registers;
mod tile;
mod words;

use rayon::prelude::*;

pub(super) use self::instructions::Instructions;
use self::registers::{COLUMNS, Shared};
use super::matrix::{Matrix, Output, Target, check_product};

/// Pairs of a stretch: a panel of 32 lines then takes 40 of the first cache's 48 KiB.
const PAIRS: usize = 320;

/// A right factor in panels, to be used again and again.
pub(super) struct Panels {
    pairs: Vec<u32>,
    columns: usize,
    inner: usize,
    instructions: Instructions,
}

impl Panels {
    /// The panels of `right`, `[inner, columns]`, for instructions that this CPU has.
    pub(super) fn new(right: Matrix, [inner, columns]: [usize; 2], instructions: Instructions) -> Self {
        right.check([inner, columns]);
        let panel = COLUMNS * instructions.pairs(inner);
        let mut pairs = unwritten(columns.div_ceil(COLUMNS) * panel);
        for (number, panel) in pairs.chunks_exact_mut(panel).enumerate() {
            let from = [number * COLUMNS, columns];
            // SAFETY: the CPU has the instructions; the matrix was checked.
            unsafe { instructions.fill_right(panel, right.transposed(), from, [0, inner]) };
        }
        Self { pairs, columns, inner, instructions }
    }
}

/// `output (+)= left · right` on this thread, for `left` of `rows` rows.
pub(super) fn multiply_alone(rows: usize, left: Matrix, right: &Panels, output: &mut Target, kind: Output) {
    thread_local! {
        static LEFT: std::cell::RefCell<Vec<u32>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    let &Panels { pairs: ref right, columns, inner, instructions } = right;
    left.check([rows, inner]);
    output.check([rows, columns]);
    let pairs = instructions.pairs(inner);
    let panel = instructions.rows() * pairs;
    LEFT.with_borrow_mut(|buffer| {
        let length = rows.div_ceil(instructions.rows()) * panel;
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let left_panels = &mut buffer[..length];
        for (number, panel) in left_panels.chunks_exact_mut(panel).enumerate() {
            let from = [number * instructions.rows(), rows];
            // SAFETY: the CPU has the instructions; the matrix was checked.
            unsafe { instructions.fill_left(panel, left, from, [0, inner]) };
        }
        let all = Tiles { left: left_panels, right, lengths: [rows, columns], pairs, instructions };
        // SAFETY: the CPU has the instructions (panels exist), and the output was checked.
        unsafe { all.compute([0, 0], [usize::MAX; 2], Shared::new(output), kind) };
    });
}

/// `output (+)= left · right` for `[m, k]` and `[k, n]`, on all threads, by instructions that this CPU has.
pub(super) fn multiply(
    [m, n, k]: [usize; 3],
    left: Matrix,
    right: Matrix,
    output: &mut Target,
    kind: Output,
    instructions: Instructions,
) {
    check_product([m, n, k], left, right, output);
    let (rows, right) = (instructions.rows(), right.transposed());
    let stretches = k.div_ceil(2).div_ceil(PAIRS);
    let step = 2 * instructions.pairs(2 * k.div_ceil(2).div_ceil(stretches));
    let panels = [m.div_ceil(rows), n.div_ceil(COLUMNS)];
    let mut left_panels = unwritten(panels[0] * rows * step / 2);
    let mut right_panels = unwritten(panels[1] * COLUMNS * step / 2);
    for from in (0..k).step_by(step) {
        let stretch = [from, step.min(k - from)];
        let pairs = instructions.pairs(stretch[1]);
        let left_panels = &mut left_panels[..panels[0] * rows * pairs];
        let right_panels = &mut right_panels[..panels[1] * COLUMNS * pairs];
        rayon::join(
            || {
                let filled = left_panels.par_chunks_exact_mut(rows * pairs).with_min_len(64 / rows);
                // SAFETY: the CPU has the instructions; the matrix was checked.
                filled.enumerate().for_each(|(number, panel)| unsafe {
                    instructions.fill_left(panel, left, [number * rows, m], stretch);
                });
            },
            || {
                let filled = right_panels.par_chunks_exact_mut(COLUMNS * pairs).with_min_len(64 / COLUMNS);
                // SAFETY: as above.
                filled.enumerate().for_each(|(number, panel)| unsafe {
                    instructions.fill_right(panel, right, [number * COLUMNS, n], stretch);
                });
            },
        );
        let tiles = Tiles { left: left_panels, right: right_panels, lengths: [m, n], pairs, instructions };
        let kind = if from == 0 { kind } else { Output::AddedTo };
        let of_a_task = instructions.panels_of_a_task();
        let [down, across] = [0, 1].map(|side| panels[side].div_ceil(of_a_task[side]));
        let output = Shared::new(output);
        (0..down * across).into_par_iter().for_each(|task| {
            let begin = [task / across * of_a_task[0], task % across * of_a_task[1]];
            // SAFETY: the CPU has the instructions, as the caller says; the output was checked, and no two tasks have
            // a tile in common.
            unsafe { tiles.compute(begin, of_a_task, output, kind) };
        });
    }
}

/// Factors in panels, and the lengths of the output.
struct Tiles<'a> {
    left: &'a [u32],
    right: &'a [u32],
    lengths: [usize; 2],
    pairs: usize,
    instructions: Instructions,
}

impl Tiles<'_> {
    /// Computes `count` panels from panel `begin` on, in both directions.
    ///
    /// # Safety
    /// The CPU has the instructions, the output has the rows and columns of `lengths`, and nobody else
    /// uses its tiles.
    unsafe fn compute(&self, begin: [usize; 2], count: [usize; 2], output: Shared, kind: Output) {
        let Self { left, right, lengths: [m, n], pairs, instructions } = *self;
        let height = instructions.rows();
        let range = |side: usize, length: usize, width: usize| {
            begin[side]..length.div_ceil(width).min(begin[side].saturating_add(count[side]))
        };
        let tile = |row: usize, column: usize| {
            let left = &left[row * height * pairs..][..height * pairs];
            let right = &right[column * COLUMNS * pairs..][..COLUMNS * pairs];
            let (row, column) = (row * height, column * COLUMNS);
            let size = [height.min(m - row), COLUMNS.min(n - column)];
            (left, right, output.tile([row, column], size, kind))
        };
        let (rows, columns) = (range(0, m, height), range(1, n, COLUMNS));
        // SAFETY: tiles lie within the output, as the caller promises.
        unsafe {
            match instructions {
                // A left panel stays in the first cache, and few pages of the output are written at a time.
                Instructions::Amx => instructions
                    .tiles(rows.flat_map(|row| columns.clone().map(move |column| tile(row, column)))),
                // A right panel does.
                Instructions::Avx512 => instructions
                    .tiles(columns.flat_map(|column| rows.clone().map(move |row| tile(row, column)))),
            }
        }
    }
}

/// Room for panels, each of which is filled before it is read.
fn unwritten(length: usize) -> Vec<u32> {
    let mut words = Vec::with_capacity(length);
    // SAFETY: the capacity is there, any bits are a u32, and panels are filled before they are read.
    #[allow(clippy::uninit_vec)]
    unsafe {
        words.set_len(length);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{super::matrix::tests::check_products, *};

    fn check(lengths: [usize; 3], instructions: Instructions) {
        let [m, n, k] = lengths;
        check_products(lengths, 3.0, &format!("{instructions:?}"), |left, right, output| {
            multiply([m, n, k], left, right, output, Output::Overwritten, instructions);
            multiply([m, n, k], left, right, output, Output::AddedTo, instructions);
            multiply_alone(m, left, &Panels::new(right, [k, n], instructions), output, Output::AddedTo);
        });
    }

    #[test]
    fn whole_numbers_give_exact_products_from_any_order_in_memory() {
        for instructions in [Instructions::Amx, Instructions::Avx512] {
            if !instructions.are_possible() {
                eprintln!("this processor has no {instructions:?} for bf16: not looked at");
                continue;
            }
            for lengths in
                [[1, 1, 1], [8, 32, 5], [32, 64, 32], [67, 45, 33], [300, 100, 700], [9, 300, 1300]]
            {
                check(lengths, instructions);
            }
        }
    }

    #[test]
    fn a_row_is_the_same_to_the_bit_wherever_it_stands() {
        for instructions in [Instructions::Amx, Instructions::Avx512] {
            if !instructions.are_possible() {
                eprintln!("this processor has no {instructions:?} for bf16: not looked at");
                continue;
            }
            let [m, n, k] = [45, 50, 700];
            let wave = |at: usize| (at as f32 * 0.37).sin();
            let left: Vec<f32> = (0..m * k).map(wave).collect();
            let right: Vec<f32> = (0..k * n).map(|at| wave(at + 7)).collect();
            let product = |rows: &[f32], kind| {
                let count = rows.len() / k;
                let mut output = vec![0.25; count * n];
                let (left, right) = (Matrix::rows(rows, k), Matrix::rows(&right, n));
                multiply([count, n, k], left, right, &mut Target::new(&mut output, n), kind, instructions);
                output
            };
            for kind in [Output::Overwritten, Output::AddedTo] {
                let whole = product(&left, kind);
                let last = product(&left[(m - 5) * k..], kind);
                assert_eq!(whole[(m - 5) * n..], last, "{instructions:?}");
                let exact = |row: usize, column: usize| -> f64 {
                    (0..k).map(|at| f64::from(left[row * k + at]) * f64::from(right[at * n + column])).sum()
                };
                let begun = if kind == Output::AddedTo { 0.25 } else { 0.0 };
                for (at, found) in whole.iter().enumerate() {
                    let wanted = exact(at / n, at % n) + begun;
                    assert!((f64::from(*found) - wanted).abs() < 0.5, "{found} is not {wanted}");
                }
            }
        }
    }
}
