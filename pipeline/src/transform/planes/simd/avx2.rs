//! With AVX2: eight outputs at a time.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi16, _mm256_add_epi32, _mm256_blend_epi16, _mm256_extract_epi64,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_mullo_epi16, _mm256_packs_epi32, _mm256_packus_epi16,
    _mm256_permutevar8x32_epi32, _mm256_set_m128i, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setr_epi32,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi32, _mm256_srai_epi32,
};

use super::{
    kernel::filter_columns_with,
    steps::{self, Step},
};
use crate::{
    picture::Picture,
    transform::{
        lines::Lines,
        planes::{
            ROWS, Rows, Scratch, across,
            down::{self, Part},
            mix::{FRACTION, Mix},
            taps::{BITS, Taps},
        },
    },
};

/// Outputs of a step.
const GROUP: usize = 8;

/// Steps of eight outputs in two parts, since shuffles work within halves of a register.
pub type Steps = steps::Steps<GROUP, { GROUP / 2 }>;

type Register = __m256i;

/// See [`down::filter_rows`].
#[target_feature(enable = "avx2")]
pub fn filter_rows(picture: &Picture, part: &Part<'_>, taps: &[Taps], to: &mut Rows) {
    down::filter_rows(picture, part, taps, to);
}

/// See [`across::samples_across`].
#[target_feature(enable = "avx2")]
pub fn samples_across(picture: &Picture, taps: &[Taps], rows: usize, scratch: &mut Scratch, out: &mut [u8]) {
    across::samples_across(picture, taps, rows, scratch, out);
}

/// See [`across::filter_columns`].
#[target_feature(enable = "avx2")]
pub fn filter_columns_plainly(
    taps: [&[Taps]; 2],
    mix: &Mix,
    planes: usize,
    top: usize,
    to: &mut Lines,
    scratch: &mut Scratch,
) {
    across::filter_columns(taps, mix, planes, top, to, scratch);
}

filter_columns_with!("avx2");

/// A [`Step`] in registers.
struct WideStep {
    first: [usize; 2],
    shuffle: Register,
    weights: Register,
}

impl WideStep {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(step: &Step<GROUP>) -> Self {
        // SAFETY: the references are to 32 readable bytes, and the loads ask for no alignment.
        let (places, weights) = unsafe {
            (
                _mm256_loadu_si256((&raw const step.places).cast()),
                _mm256_loadu_si256((&raw const step.weights).cast()),
            )
        };
        // Sample p is bytes 2p and 2p + 1.
        let bytes = _mm256_mullo_epi16(places, _mm256_set1_epi16(0x0202));
        let shuffle = _mm256_add_epi16(bytes, _mm256_set1_epi16(0x0100));
        Self { first: step.first.map(|first| first as usize), shuffle, weights }
    }

    /// # Safety
    /// From each part's first input on, eight samples must be readable.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn add(&self, row: *const i16, sum: Register) -> Register {
        // SAFETY: as the caller promises.
        let [lower, upper] = self.first.map(|first| unsafe { _mm_loadu_si128(row.add(first).cast()) });
        let taps = _mm256_shuffle_epi8(_mm256_set_m128i(upper, lower), self.shuffle);
        _mm256_add_epi32(sum, _mm256_madd_epi16(taps, self.weights))
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn zero() -> Register {
    _mm256_setzero_si256()
}

#[inline]
#[target_feature(enable = "avx2")]
fn rounding() -> Register {
    _mm256_set1_epi32(1 << (BITS - 1))
}

#[inline]
#[target_feature(enable = "avx2")]
fn to_samples(sum: Register) -> Register {
    _mm256_srai_epi32::<{ BITS as i32 }>(sum)
}

/// A [`Mix`] in registers: for each colour the weights of planes 0 and 1 in pairs, that of plane 2 beside
/// a zero, and the offset.
struct WideMix([[Register; 3]; 3]);

impl WideMix {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(mix: &Mix) -> Self {
        Self(mix.in_pairs().map(|numbers| numbers.map(|number| _mm256_set1_epi32(number))))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn levels(&self, [first, second, third]: [Register; 3]) -> [Register; 3] {
        // Samples are not negative, so the upper half of each lane is free for another plane's.
        let pairs = _mm256_blend_epi16::<0xaa>(first, _mm256_slli_epi32::<16>(second));
        self.0.map(|[of_pair, of_third, offset]| {
            let sum = _mm256_add_epi32(_mm256_madd_epi16(pairs, of_pair), offset);
            let sum = _mm256_add_epi32(sum, _mm256_madd_epi16(third, of_third));
            _mm256_srai_epi32::<{ FRACTION as i32 }>(sum)
        })
    }
}

/// Clamps the levels of a group and writes them into the three lines of a row.
#[inline]
#[target_feature(enable = "avx2")]
fn put([red, green, blue]: [Register; 3], row: &mut [u8], width: usize, group: usize) {
    let packed = _mm256_packus_epi16(_mm256_packs_epi32(red, green), _mm256_packs_epi32(blue, blue));
    // Packing works within halves of a register; this brings the eight bytes of a colour together.
    let packed = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    let colours = [
        _mm256_extract_epi64::<0>(packed),
        _mm256_extract_epi64::<1>(packed),
        _mm256_extract_epi64::<2>(packed),
    ];
    let outputs = GROUP.min(width - group * GROUP);
    for (colour, levels) in colours.into_iter().enumerate() {
        let line = &mut row[colour * width + group * GROUP..][..outputs];
        match line.first_chunk_mut::<GROUP>() {
            Some(whole) => *whole = levels.to_le_bytes(),
            None => line.copy_from_slice(&levels.to_le_bytes()[..outputs]),
        }
    }
}
