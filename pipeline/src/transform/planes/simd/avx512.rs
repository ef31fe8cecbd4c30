//! With AVX-512: sixteen outputs at a time.

use std::arch::x86_64::{
    __m128i, __m512i, _mm_storeu_si128, _mm512_add_epi32, _mm512_castsi512_si256, _mm512_cvtepu8_epi16,
    _mm512_cvtusepi32_epi8, _mm512_loadu_si512, _mm512_madd_epi16, _mm512_mask_blend_epi16,
    _mm512_mask_storeu_epi16, _mm512_maskz_loadu_epi8, _mm512_max_epi32, _mm512_packs_epi32,
    _mm512_permutexvar_epi16, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_srai_epi32,
    _mm512_unpackhi_epi16, _mm512_unpacklo_epi16,
};

use super::{
    kernel::filter_columns_with,
    steps::{self, Step},
};
use crate::transform::{
    lines::Lines,
    planes::{
        ROWS, Rows, Scratch,
        down::{BETWEEN, Part},
        mix::{FRACTION, Mix},
        taps::{BITS, Taps},
    },
};

/// Outputs of a step.
const GROUP: usize = 16;

/// Steps of sixteen outputs in one part: a permutation takes from the whole of a register.
pub type Steps = steps::Steps<GROUP, GROUP>;

type Register = __m512i;

filter_columns_with!("avx512bw");

/// The pass over rows of samples of 8 bits: pairs of rows side by side are multiplied and added at once.
#[target_feature(enable = "avx512bw")]
pub fn filter_rows(part: &Part<'_>, taps: &[Taps], to: &mut Rows) {
    to.reshape(part.width);
    for (row, tap) in taps.iter().enumerate() {
        let first = (part.top + tap.first) * part.stride + part.left;
        let inputs = &part.samples[first..];
        assert!((tap.weights.len().max(1) - 1) * part.stride + part.width <= inputs.len());
        // SAFETY: the line above: each of the rows holds as many samples as are made.
        unsafe { weigh(inputs.as_ptr(), part.stride, &tap.weights, to.row_mut(row)) }
    }
}

/// Samples of a row that are made at a time.
const WIDE: usize = 32;

/// The weighted sum of rows of bytes that lie `stride` apart, as [`down`](crate::transform::planes::down) rounds it.
///
/// # Safety
/// From `inputs` on, one row for each weight must hold as many samples as `out`.
#[inline]
#[target_feature(enable = "avx512bw")]
unsafe fn weigh(inputs: *const u8, stride: usize, weights: &[i16], out: &mut [i16]) {
    const SHIFT: u32 = BITS + 8 - BETWEEN;
    for (chunk, out) in out.chunks_mut(WIDE).enumerate() {
        let mask = u32::MAX >> (WIDE - out.len());
        let row = |number: usize| {
            // SAFETY: as the caller promises; what the mask leaves out is not read.
            let bytes = unsafe {
                let from = inputs.add(number * stride + chunk * WIDE);
                _mm512_maskz_loadu_epi8(mask.into(), from.cast())
            };
            _mm512_cvtepu8_epi16(_mm512_castsi512_si256(bytes))
        };
        let mut sums = [_mm512_set1_epi32(1 << (SHIFT - 1)); 2];
        for (pair, weights) in weights.chunks(2).enumerate() {
            let first = row(2 * pair);
            let (second, of_second) = match weights.get(1) {
                Some(&weight) => (row(2 * pair + 1), weight),
                None => (_mm512_setzero_si512(), 0),
            };
            let weights = _mm512_set1_epi32(i32::from(weights[0] as u16) | i32::from(of_second) << 16);
            let pairs = [_mm512_unpacklo_epi16(first, second), _mm512_unpackhi_epi16(first, second)];
            for (sum, samples) in sums.iter_mut().zip(pairs) {
                *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(samples, weights));
            }
        }
        // Packing undoes the order of unpacking; with weights that add up to 1 nothing saturates.
        let [low, high] = sums.map(|sum| _mm512_srai_epi32::<SHIFT>(sum));
        // SAFETY: what the mask leaves out, behind `out`, is not written.
        unsafe { _mm512_mask_storeu_epi16(out.as_mut_ptr(), mask, _mm512_packs_epi32(low, high)) }
    }
}

/// A [`Step`] in registers.
struct WideStep {
    first: usize,
    places: Register,
    weights: Register,
}

impl WideStep {
    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn of(step: &Step<GROUP>) -> Self {
        // SAFETY: the references are to 64 readable bytes, and the loads ask for no alignment.
        let (places, weights) = unsafe {
            (
                _mm512_loadu_si512((&raw const step.places).cast()),
                _mm512_loadu_si512((&raw const step.weights).cast()),
            )
        };
        Self { first: step.first[0] as usize, places, weights }
    }

    /// # Safety
    /// From the first input on, 32 samples must be readable.
    #[inline]
    #[target_feature(enable = "avx512bw")]
    unsafe fn add(&self, row: *const i16, sum: Register) -> Register {
        // SAFETY: as the caller promises.
        let samples = unsafe { _mm512_loadu_si512(row.add(self.first).cast()) };
        let taps = _mm512_permutexvar_epi16(self.places, samples);
        _mm512_add_epi32(sum, _mm512_madd_epi16(taps, self.weights))
    }
}

#[inline]
#[target_feature(enable = "avx512bw")]
fn zero() -> Register {
    _mm512_setzero_si512()
}

#[inline]
#[target_feature(enable = "avx512bw")]
fn rounding() -> Register {
    _mm512_set1_epi32(1 << (BITS - 1))
}

#[inline]
#[target_feature(enable = "avx512bw")]
fn to_samples(sum: Register) -> Register {
    _mm512_srai_epi32::<BITS>(sum)
}

/// A [`Mix`] in registers: for each colour the weights of planes 0 and 1 in pairs, that of plane 2 beside
/// a zero, and the offset.
struct WideMix([[Register; 3]; 3]);

impl WideMix {
    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn of(mix: &Mix) -> Self {
        Self(mix.in_pairs().map(|numbers| numbers.map(|number| _mm512_set1_epi32(number))))
    }

    #[inline]
    #[target_feature(enable = "avx512bw")]
    fn levels(&self, [first, second, third]: [Register; 3]) -> [Register; 3] {
        // Samples are not negative, so the upper half of each lane is free for another plane's.
        let pairs = _mm512_mask_blend_epi16(0xaaaa_aaaa, first, _mm512_slli_epi32::<16>(second));
        self.0.map(|[of_pair, of_third, offset]| {
            let sum = _mm512_add_epi32(_mm512_madd_epi16(pairs, of_pair), offset);
            let sum = _mm512_add_epi32(sum, _mm512_madd_epi16(third, of_third));
            _mm512_srai_epi32::<FRACTION>(sum)
        })
    }
}

/// Clamps the levels of a group and writes them into the three lines of a row.
#[inline]
#[target_feature(enable = "avx512bw")]
fn put(colours: [Register; 3], row: &mut [u8], width: usize, group: usize) {
    let outputs = GROUP.min(width - group * GROUP);
    for (colour, levels) in colours.into_iter().enumerate() {
        let levels = _mm512_cvtusepi32_epi8(_mm512_max_epi32(levels, _mm512_setzero_si512()));
        let line = &mut row[colour * width + group * GROUP..][..outputs];
        match line.first_chunk_mut::<GROUP>() {
            Some(whole) => store(levels, whole),
            None => {
                let mut whole = [0; GROUP];
                store(levels, &mut whole);
                line.copy_from_slice(&whole[..outputs]);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512bw")]
fn store(levels: __m128i, to: &mut [u8; GROUP]) {
    // SAFETY: the reference is to 16 writable bytes, and the store asks for no alignment.
    unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), levels) }
}
