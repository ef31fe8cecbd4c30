//! Tiles of 6×16 and their panels by AVX2, with fused multiply-adds.

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::super::{
    matrix::{Matrix, Output},
    registers::Tile,
};

/// Values of a register.
const LANES: usize = 8;
/// Rows of a tile: with two registers a row, 12 sums run side by side; two more hold columns, one a row's value.
pub(super) const ROWS: usize = 6;
/// Columns of a tile: two registers.
pub(super) const COLUMNS: usize = 2 * LANES;

/// `output (+)= left · right` for the first rows of `left`, which is read where it stands, and a panel.
///
/// # Safety
/// The CPU has AVX2 and FMA; `left` has the rows of the tile, and as many columns as the panel has places;
/// nobody else uses the tile, which lies within the output.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn tile(left: Matrix, right: &[f32], output: Tile) {
    output.fetch();
    let rows = left.beginnings::<ROWS>(output.size[0]);
    // SAFETY: the rows are rows of `left`, and the tile lies within the output, as the caller promises.
    unsafe { take(output, sums(rows, left.column_stride, right)) };
}

/// Sums over the places of a panel, of which each row has a value, `stride` apart.
///
/// # Safety
/// The CPU has AVX2 and FMA; the rows have these values.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn sums(rows: [*const f32; ROWS], stride: usize, right: &[f32]) -> [[__m256; 2]; ROWS] {
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    let mut place = 0;
    for columns in right.as_chunks::<COLUMNS>().0 {
        let halves = columns.as_ptr();
        // SAFETY: 16 values are two registers.
        let columns = unsafe { [_mm256_loadu_ps(halves), _mm256_loadu_ps(halves.add(LANES))] };
        for (row, sums) in rows.iter().zip(&mut sums) {
            // SAFETY: the row has a value for each place of the panel.
            let value = _mm256_set1_ps(unsafe { *row.wrapping_add(place) });
            sums[0] = _mm256_fmadd_ps(value, columns[0], sums[0]);
            sums[1] = _mm256_fmadd_ps(value, columns[1], sums[1]);
        }
        place += stride;
    }
    sums
}

/// Puts `sums` into the tile, or adds them.
///
/// # Safety
/// The CPU has AVX2, and nobody else uses the tile, which lies within the output.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn take(output: Tile, sums: [[__m256; 2]; ROWS]) {
    let [rows, columns] = output.size;
    for (row, sums) in sums.iter().enumerate().take(rows) {
        let place = output.first.wrapping_add(row * output.stride);
        let mut values = [0.0; COLUMNS];
        for (half, sum) in sums.iter().enumerate() {
            let (place, value) =
                (place.wrapping_add(LANES * half), values.as_mut_ptr().wrapping_add(LANES * half));
            // SAFETY: a whole tile has both halves of its row; `values` always does.
            unsafe {
                match (columns == COLUMNS, output.kind) {
                    (true, Output::Overwritten) => _mm256_storeu_ps(place, *sum),
                    (true, Output::AddedTo) => {
                        _mm256_storeu_ps(place, _mm256_add_ps(*sum, _mm256_loadu_ps(place)));
                    }
                    (false, _) => _mm256_storeu_ps(value, *sum),
                }
            }
        }
        if columns < COLUMNS {
            // SAFETY: the row's columns that there are belong to the tile.
            let place = unsafe { std::slice::from_raw_parts_mut(place, columns) };
            for (place, value) in place.iter_mut().zip(values) {
                *place = if output.kind == Output::AddedTo { value + *place } else { value };
            }
        }
    }
}

/// Fills the panel of `WIDTH` lines that begins at line `first` of `lines`, for `length` inner places from
/// `from` on. `matrix` has its lines as rows.
///
/// # Safety
/// The CPU has AVX2; the matrix reaches `lines` by `from + length`.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn fill<const WIDTH: usize>(
    panel: &mut [f32],
    matrix: Matrix,
    [first, lines]: [usize; 2],
    [from, length]: [usize; 2],
) {
    assert_eq!(panel.len(), WIDTH * length);
    let present = WIDTH.min(lines - first);
    let Matrix { values, row_stride, column_stride } = matrix.from([first, from]);
    // Of lines that are contiguous, blocks of 8 by 8 are turned in registers.
    let turned =
        if column_stride == 1 { [present, length].map(|length| length / LANES * LANES) } else { [0; 2] };
    for line in (0..turned[0]).step_by(LANES) {
        for place in (0..turned[1]).step_by(LANES) {
            let source = values.as_ptr().wrapping_add(line * row_stride + place);
            let target = panel.as_mut_ptr().wrapping_add(place * WIDTH + line);
            // SAFETY: the block lies within the lines and places that there are, of the matrix and of the panel.
            unsafe { turn(source, row_stride, target, WIDTH) };
        }
    }
    for (place, lines) in panel.chunks_exact_mut(WIDTH).enumerate() {
        let (there, missing) = lines.split_at_mut(present);
        missing.fill(0.0);
        if row_stride == 1 {
            let source = &values[place * column_stride..][..present];
            // A whole panel's length is known beforehand, which spares a call.
            match (there.as_mut_array::<WIDTH>(), source.as_array::<WIDTH>()) {
                (Some(there), Some(source)) => *there = *source,
                _ => there.copy_from_slice(source),
            }
        } else {
            let done = if place < turned[1] { turned[0] } else { 0 };
            for (line, value) in there.iter_mut().enumerate().skip(done) {
                *value = values[line * row_stride + place * column_stride];
            }
        }
    }
}

/// Eight rows of eight values, `stride` apart, to columns that are `width` apart.
///
/// # Safety
/// The CPU has AVX2; the rows are there, and the columns have room.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn turn(source: *const f32, stride: usize, target: *mut f32, width: usize) {
    // SAFETY: as the caller promises.
    let rows: [__m256; LANES] =
        std::array::from_fn(|row| unsafe { _mm256_loadu_ps(source.wrapping_add(row * stride)) });
    let mut pairs = rows;
    for at in (0..LANES).step_by(2) {
        pairs[at] = _mm256_unpacklo_ps(rows[at], rows[at + 1]);
        pairs[at + 1] = _mm256_unpackhi_ps(rows[at], rows[at + 1]);
    }
    let mut fours = pairs;
    for at in [0, 4] {
        for half in [0, 1] {
            let (low, high) = (pairs[at + half], pairs[at + half + 2]);
            fours[at + 2 * half] = _mm256_shuffle_ps::<0b01_00_01_00>(low, high);
            fours[at + 2 * half + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(low, high);
        }
    }
    for at in 0..4 {
        let low = _mm256_permute2f128_ps::<0x20>(fours[at], fours[at + 4]);
        let high = _mm256_permute2f128_ps::<0x31>(fours[at], fours[at + 4]);
        // SAFETY: as the caller promises.
        unsafe {
            _mm256_storeu_ps(target.wrapping_add(at * width), low);
            _mm256_storeu_ps(target.wrapping_add((at + 4) * width), high);
        }
    }
}
