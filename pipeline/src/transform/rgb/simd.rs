//! The passes over a clip's pixels, compiled for AVX2 where the processor has it.
//!
//! Each pass is written once, as an always-inlined function of safe Rust; here it is compiled a second
//! time with wider registers. Only the pass over columns has a way of its own, written with intrinsics. On aarch64 every
//! processor has NEON, so the plain passes are compiled for it without being asked. Which version runs decides the time,
//! never a byte.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod steps;

use super::{columns, fixed_point, rows, taps::Taps};
use crate::{
    picture::Picture,
    transform::{crop::Window, lines::Lines},
};

/// What the pass over columns needs on this processor.
pub(super) enum Columns {
    /// Taps alone.
    Plain,
    /// Steps for AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(steps::Steps),
}

impl Columns {
    /// The widest way that the processor has and the taps allow.
    pub fn of(taps: &[Taps]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && let Some(steps) = steps::Steps::of(taps)
        {
            return Self::Avx2(steps);
        }
        let _ = taps;
        Self::Plain
    }
}

/// Calls the pass of this name: the one for AVX2 if the processor has it, otherwise the plain one.
macro_rules! widest {
    ($wide:expr, $plain:expr) => {{
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the function needs nothing but AVX2, which the line above found.
            return unsafe { $wide };
        }
        $plain
    }};
}

/// See [`fixed_point::convert_lines`].
pub(super) fn convert(picture: &Picture, window: Window, to: &mut Lines) {
    widest!(avx2::convert(picture, window, to), fixed_point::convert_lines(picture, window, to))
}

/// See [`rows::resize_rows`].
pub(super) fn resize_rows(taps: &[Taps], from: &Lines, to: &mut Lines) {
    widest!(avx2::resize_rows(taps, from, to), rows::resize_rows(taps, from, to))
}

/// See [`columns`]; `way` was made of `taps`.
pub(super) fn resize_columns(taps: &[Taps], way: &Columns, from: &Lines, to: &mut Lines) {
    match way {
        // SAFETY: steps are made only where the processor has AVX2.
        #[cfg(target_arch = "x86_64")]
        Columns::Avx2(steps) => unsafe { avx2::resize_columns_by_steps(taps.len(), steps, from, to) },
        Columns::Plain => {
            widest!(avx2::resize_columns(taps, from, to), columns::resize_columns(taps, from, to))
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_set_epi64x, _mm256_add_epi32, _mm256_extract_epi64, _mm256_madd_epi16,
        _mm256_packs_epi32, _mm256_packus_epi16, _mm256_permutevar8x32_epi32, _mm256_set_epi64x,
        _mm256_set_m128i, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setzero_si256, _mm256_shuffle_epi8,
        _mm256_slli_epi32, _mm256_srai_epi32,
    };

    use super::{
        Lines, Picture, Taps, Window, columns, fixed_point, rows,
        steps::{LOW_BITS, Steps},
    };
    use crate::transform::rgb::taps::BITS;

    #[target_feature(enable = "avx2")]
    pub fn convert(picture: &Picture, window: Window, to: &mut Lines) {
        fixed_point::convert_lines(picture, window, to);
    }

    #[target_feature(enable = "avx2")]
    pub fn resize_rows(taps: &[Taps], from: &Lines, to: &mut Lines) {
        rows::resize_rows(taps, from, to);
    }

    #[target_feature(enable = "avx2")]
    pub fn resize_columns(taps: &[Taps], from: &Lines, to: &mut Lines) {
        columns::resize_columns(taps, from, to);
    }

    /// A [`Step`](super::steps::Step) in registers.
    struct WideStep {
        first: [u32; 2],
        shuffle: __m256i,
        high: __m256i,
        low: __m256i,
    }

    /// Eight outputs of the three lines of a row at a time.
    #[target_feature(enable = "avx2")]
    pub fn resize_columns_by_steps(wanted: usize, steps: &Steps, from: &Lines, to: &mut Lines) {
        to.reshape(wanted, from.height());
        let mut wide = Vec::with_capacity(steps.steps.len());
        for step in &steps.steps {
            wide.push(WideStep {
                first: step.first,
                shuffle: register(step.shuffle),
                high: register(bytes(&step.high)),
                low: register(bytes(&step.low)),
            });
        }
        // Packing works within halves of a register; this brings the eight bytes of a colour together.
        let in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        for (y, row) in to.samples_mut().chunks_exact_mut(wanted * 3).enumerate() {
            let lines = from.lines_with_slack(y);
            let (red, rest) = row.split_at_mut(wanted);
            let (green, blue) = rest.split_at_mut(wanted);
            for (group, steps) in wide.chunks_exact(steps.of_group).enumerate() {
                let mut high = [_mm256_setzero_si256(); 3];
                let mut low = [_mm256_set1_epi32(1 << (BITS - 1)); 3];
                for step in steps {
                    for (colour, line) in lines.iter().enumerate() {
                        let [lower, upper] = step.first.map(|first| first as usize);
                        let halves = _mm256_set_m128i(half_register(line, upper), half_register(line, lower));
                        let taps = _mm256_shuffle_epi8(halves, step.shuffle);
                        high[colour] = _mm256_add_epi32(high[colour], _mm256_madd_epi16(taps, step.high));
                        low[colour] = _mm256_add_epi32(low[colour], _mm256_madd_epi16(taps, step.low));
                    }
                }
                let mut levels = [_mm256_setzero_si256(); 3];
                for colour in 0..3 {
                    let shifted = _mm256_slli_epi32::<{ LOW_BITS as i32 }>(high[colour]);
                    levels[colour] =
                        _mm256_srai_epi32::<{ BITS as i32 }>(_mm256_add_epi32(shifted, low[colour]));
                }
                let red_green = _mm256_packs_epi32(levels[0], levels[1]);
                let blue_twice = _mm256_packs_epi32(levels[2], levels[2]);
                let packed = _mm256_packus_epi16(red_green, blue_twice);
                let packed = _mm256_permutevar8x32_epi32(packed, in_order);
                put(red, group, _mm256_extract_epi64::<0>(packed));
                put(green, group, _mm256_extract_epi64::<1>(packed));
                put(blue, group, _mm256_extract_epi64::<2>(packed));
            }
        }
    }

    /// Writes eight samples, or as many as are left of the line.
    #[inline(always)]
    fn put(line: &mut [u8], group: usize, samples: i64) {
        let left = &mut line[group * 8..];
        match left.first_chunk_mut::<8>() {
            Some(whole) => *whole = samples.to_le_bytes(),
            None => left.copy_from_slice(&samples.to_le_bytes()[..left.len()]),
        }
    }

    /// 16 bytes of `line` from `at` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn half_register(line: &[u8], at: usize) -> __m128i {
        let bytes = line[at..at + 16].as_chunks::<8>().0;
        _mm_set_epi64x(i64::from_le_bytes(bytes[1]), i64::from_le_bytes(bytes[0]))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn register(bytes: [u8; 32]) -> __m256i {
        let quarters = bytes.as_chunks::<8>().0;
        let quarter = |at: usize| i64::from_le_bytes(quarters[at]);
        _mm256_set_epi64x(quarter(3), quarter(2), quarter(1), quarter(0))
    }

    fn bytes(lanes: &[i16; 16]) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (bytes, lane) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(lanes) {
            *bytes = lane.to_le_bytes();
        }
        bytes
    }
}
