//! YUV to RGB in integers, one row after the other.

use super::weights::Weights;
use crate::{
    picture::{Picture, Sampling},
    transform::{crop::Window, lines::Lines, weighted_sum::add_weighted},
};

/// Fraction bits of the weights for samples of so many bytes: the error of a weight grows with the sample.
/// The largest sum, below 600 levels, fits in 31 bits either way.
const fn fraction_bits(sample_bytes: usize) -> u32 {
    if sample_bytes == 1 { 16 } else { 20 }
}

/// The weights in integers.
struct Fixed<const BYTES: usize> {
    luma: i32,
    /// Half a level for rounding, less black.
    offset: i32,
    neutral: i32,
    highest: i32,
    red_of_cr: i32,
    green_of_cb: i32,
    green_of_cr: i32,
    blue_of_cb: i32,
}

impl<const BYTES: usize> Fixed<BYTES> {
    fn of(picture: &Picture) -> Self {
        let weights = Weights::of(picture);
        let bits = fraction_bits(BYTES);
        let fixed = |weight: f64| (weight * f64::from(1 << bits)).round() as i32;
        Self {
            luma: fixed(weights.luma),
            // Rounded once as a whole, so that luma's part of the error does not grow with the offset.
            offset: (1 << (bits - 1)) - fixed(weights.luma * weights.black),
            neutral: weights.neutral as i32,
            highest: ((1u32 << picture.layout.bits.clamp(8, 16)) - 1) as i32,
            red_of_cr: fixed(weights.red_of_cr),
            green_of_cb: fixed(weights.green_of_cb),
            green_of_cr: fixed(weights.green_of_cr),
            blue_of_cb: fixed(weights.blue_of_cb),
        }
    }

    /// A sample's value; bits above the declared depth, which only a broken stream has, saturate.
    #[inline(always)]
    fn value(&self, sample: &[u8; BYTES]) -> i32 {
        match BYTES {
            1 => i32::from(sample[0]),
            _ => i32::from(u16::from_le_bytes([sample[0], sample[BYTES - 1]])).min(self.highest),
        }
    }

    #[inline(always)]
    fn level(sum: i32) -> u8 {
        (sum >> fraction_bits(BYTES)).clamp(0, 255) as u8
    }
}

/// The fast version, one row after the other; compiled for several processors by [`simd`](super::simd).
#[inline(always)]
pub(super) fn convert_lines(picture: &Picture, window: Window, to: &mut Lines) {
    let (across, _) = picture.layout.colour.chroma_shift();
    match (picture.sample_bytes(), across) {
        (1, 0) => convert_rows::<1, 1>(picture, window, to),
        (1, 1) => convert_rows::<1, 2>(picture, window, to),
        (1, _) => convert_rows::<1, 4>(picture, window, to),
        (_, 0) => convert_rows::<2, 1>(picture, window, to),
        (_, 1) => convert_rows::<2, 2>(picture, window, to),
        (_, _) => convert_rows::<2, 4>(picture, window, to),
    }
}

/// `BYTES` a sample, `ACROSS` luma columns a chroma sample.
#[inline(always)]
fn convert_rows<const BYTES: usize, const ACROSS: usize>(picture: &Picture, window: Window, to: &mut Lines) {
    let (fixed, add) = (Fixed::<BYTES>::of(picture), add_weighted);
    let (left, width) = (window.x as usize, window.width as usize);
    to.reshape(width, window.height as usize);
    let planes: [_; 3] = std::array::from_fn(|plane| match plane < picture.layout.colour.planes() {
        true => (picture.plane(plane).as_chunks::<BYTES>().0, picture.plane_size(plane).0),
        false => (&[][..], 0),
    });
    let line = |plane: usize, y: usize| {
        let (samples, columns) = planes[plane];
        &samples[y * columns..][..columns]
    };
    let has_chroma = !matches!(picture.layout.colour, Sampling::Grey | Sampling::Gbr);
    let down = picture.layout.colour.chroma_shift().1;
    // What chroma adds to each colour of a row, reckoned once for all the rows that share it.
    let chroma = left / ACROSS..(left + width).div_ceil(ACROSS);
    let mut added = [const { Vec::new() }; 3].map(|_: Vec<i32>| vec![0; chroma.len() * ACROSS]);
    let mut added_for = None;
    for (y, row) in (window.y as usize..).zip(to.samples_mut().chunks_exact_mut((width * 3).max(1))) {
        let (red, rest) = row.split_at_mut(width);
        let (green, blue) = rest.split_at_mut(width);
        if picture.layout.colour == Sampling::Gbr {
            for (plane, out) in [green, blue, red].into_iter().enumerate() {
                for (out, sample) in out.iter_mut().zip(&line(plane, y)[left..]) {
                    *out = Fixed::<BYTES>::level(add(fixed.offset, fixed.luma, fixed.value(sample)));
                }
            }
            continue;
        }
        if has_chroma && added_for != Some(y >> down) {
            added_for = Some(y >> down);
            let (cbs, crs) = (&line(1, y >> down)[chroma.clone()], &line(2, y >> down)[chroma.clone()]);
            let [reds, greens, blues] = added.each_mut().map(|added| added.as_chunks_mut::<ACROSS>().0);
            for (((cb, cr), red), (green, blue)) in
                cbs.iter().zip(crs).zip(reds).zip(greens.iter_mut().zip(blues))
            {
                let [cb, cr] = [cb, cr].map(|chroma| fixed.value(chroma).wrapping_sub(fixed.neutral));
                *red = [add(fixed.offset, fixed.red_of_cr, cr); ACROSS];
                *green = [add(add(fixed.offset, fixed.green_of_cb, cb), fixed.green_of_cr, cr); ACROSS];
                *blue = [add(fixed.offset, fixed.blue_of_cb, cb); ACROSS];
            }
        } else if !has_chroma && added_for.is_none() {
            added_for = Some(0);
            added.iter_mut().for_each(|added| added.fill(fixed.offset));
        }
        // Zipped rather than indexed: a bounds check in the loop would leave its end unvectorised.
        let [reds, greens, blues] = added.each_ref().map(|added| &added[left % ACROSS..][..width]);
        let outs = red.iter_mut().zip(green).zip(blue);
        let adds = reds.iter().zip(greens).zip(blues);
        for ((luma, ((red, green), blue)), ((more_red, more_green), more_blue)) in
            line(0, y)[left..][..width].iter().zip(outs).zip(adds)
        {
            let luma = fixed.value(luma);
            *red = Fixed::<BYTES>::level(add(*more_red, fixed.luma, luma));
            *green = Fixed::<BYTES>::level(add(*more_green, fixed.luma, luma));
            *blue = Fixed::<BYTES>::level(add(*more_blue, fixed.luma, luma));
        }
    }
}
