//! The passes compiled for the processor at hand; on x86-64 the pass over columns by intrinsics.
//!
//! On aarch64 every processor has NEON, so the plain passes are compiled for it without being asked. Which version runs decides the time, never a byte.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod kernel;
#[cfg(target_arch = "x86_64")]
mod steps;

use super::{
    Rows, Scratch, across,
    down::{self, Part},
    mix::Mix,
    taps::Taps,
};
use crate::{picture::Picture, transform::lines::Lines};

/// What the pass over columns needs on this processor.
#[derive(Debug)]
pub(super) enum Columns {
    /// Taps alone.
    Plain,
    /// Luma's and chroma's steps for AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2([avx2::Steps; 2]),
    /// The same for AVX-512.
    #[cfg(target_arch = "x86_64")]
    Avx512([avx512::Steps; 2]),
}

impl Columns {
    /// The widest way that the processor has and the taps allow.
    pub fn of(taps: [&[Taps]; 2]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512bw")
            && let [Some(luma), Some(chroma)] = taps.map(avx512::Steps::of)
        {
            return Self::Avx512([luma, chroma]);
        }
        Self::of_narrower(taps)
    }

    /// The same without AVX-512.
    pub fn of_narrower(taps: [&[Taps]; 2]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && let [Some(luma), Some(chroma)] = taps.map(avx2::Steps::of)
        {
            return Self::Avx2([luma, chroma]);
        }
        let _ = taps;
        Self::Plain
    }
}

/// See [`down::filter_rows`].
pub(super) fn filter_rows(picture: &Picture, part: &Part<'_>, taps: &[Taps], to: &mut Rows) {
    #[cfg(target_arch = "x86_64")]
    if picture.sample_bytes() == 1 && is_x86_feature_detected!("avx512bw") {
        // SAFETY: the function needs nothing but this part of AVX-512, which the line above found.
        return unsafe { avx512::filter_rows(part, taps, to) };
    }
    filter_rows_narrower(picture, part, taps, to);
}

/// The same without AVX-512.
pub(super) fn filter_rows_narrower(picture: &Picture, part: &Part<'_>, taps: &[Taps], to: &mut Rows) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the function needs nothing but AVX2, which the line above found.
        return unsafe { avx2::filter_rows(picture, part, taps, to) };
    }
    down::filter_rows(picture, part, taps, to);
}

/// See [`across::samples_across`].
pub(super) fn samples_across(
    picture: &Picture,
    taps: &[Taps],
    rows: usize,
    scratch: &mut Scratch,
    out: &mut [u8],
) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the function needs nothing but AVX2, which the line above found.
        return unsafe { avx2::samples_across(picture, taps, rows, scratch, out) };
    }
    across::samples_across(picture, taps, rows, scratch, out);
}

/// See [`across::filter_columns`]; `columns` was made of `taps`.
pub(super) fn filter_columns(
    taps: [&[Taps]; 2],
    columns: &Columns,
    mix: &Mix,
    planes: usize,
    top: usize,
    to: &mut Lines,
    scratch: &mut Scratch,
) {
    match columns {
        // SAFETY: steps are made only where the processor has what they are for.
        #[cfg(target_arch = "x86_64")]
        Columns::Avx512(steps) => unsafe { avx512::filter_columns(steps, mix, planes, top, to, scratch) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Columns::Avx2(steps) => unsafe { avx2::filter_columns(steps, mix, planes, top, to, scratch) },
        Columns::Plain => {
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the function needs nothing but AVX2, which the line above found.
                return unsafe { avx2::filter_columns_plainly(taps, mix, planes, top, to, scratch) };
            }
            across::filter_columns(taps, mix, planes, top, to, scratch);
        }
    }
}
