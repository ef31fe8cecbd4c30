//! Bilinear resize of RGB u8, antialiased when it shrinks: byte for byte what Pillow's
//! `resize(BILINEAR)` gives.
//!
//! ```text
//! scale = in/out, f = max(scale, 1), centre c = (i + ½)·scale
//! inputs x0 = max(0, trunc(c − f + ½)) … min(in, trunc(c + f + ½)), weights max(0, 1 − |x − c + ½|/f)
//! normalised in f64, then k = trunc(w·2²² + ½);   value = clamp((2²¹ + Σ k·p) >> 22, 0, 255)
//! ```
//!
//! Columns first, stored as u8, then rows; a pass whose length does not change is skipped. The fast
//! version does the same sums in another order, in integers, so it gives the same bytes.

/// Fraction bits of a weight (Pillow's PRECISION_BITS, 32 − 8 − 2).
const BITS: u32 = 22;

/// Colours of a pixel.
const COLOURS: usize = 3;

/// The inputs of one output position.
struct Taps {
    /// First input.
    first: usize,
    /// Weights in units of 2⁻²².
    weights: Vec<i32>,
}

/// The weights of every output position of a pass from `from` to `to` samples.
fn taps(from: u32, to: u32) -> Vec<Taps> {
    let scale = f64::from(from) / f64::from(to);
    let reach = scale.max(1.0);
    let taps_of = |at: u32| {
        let centre = (f64::from(at) + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from as usize);
        let weight = |x: usize| (1.0 - ((x as f64 - centre + 0.5) / reach).abs()).max(0.0);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: f64| (weight / sum * f64::from(1 << BITS) + 0.5) as i32;
        Taps { first, weights: weights.into_iter().map(fixed).collect() }
    };
    (0..to).map(taps_of).collect()
}

/// A sum in units of 2⁻²² as a byte.
#[inline]
fn to_byte(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// Resizes `pixels`, `from` (columns, rows) of RGB, to `to`.
pub fn resize(pixels: &[u8], from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
    let columns;
    let wide = if from.0 == to.0 {
        pixels
    } else {
        columns = resize_columns(pixels, from.0 as usize, &taps(from.0, to.0));
        &columns
    };
    if from.1 == to.1 { wide.to_vec() } else { resize_rows(wide, to.0 as usize, &taps(from.1, to.1)) }
}

/// Rows that are filtered together: their sums fill vector registers, one weight serves them all.
const ROWS: usize = 8;

fn resize_columns(pixels: &[u8], width: usize, taps: &[Taps]) -> Vec<u8> {
    let (row_bytes, out_bytes) = (width * COLOURS, taps.len() * COLOURS);
    let rows = pixels.len() / row_bytes;
    let mut out = vec![0; rows * out_bytes];
    // Samples of eight rows side by side: what is next in memory is the same column of the next row.
    let mut together = vec![[0u8; ROWS]; row_bytes];
    for (pixels, out) in pixels.chunks(row_bytes * ROWS).zip(out.chunks_mut(out_bytes * ROWS)) {
        for (row, samples) in pixels.chunks_exact(row_bytes).enumerate() {
            for (lanes, &sample) in together.iter_mut().zip(samples) {
                lanes[row] = sample;
            }
        }
        for (at, tap) in taps.iter().enumerate() {
            let mut sums = [[1i32 << (BITS - 1); ROWS]; COLOURS];
            let inputs = together[tap.first * COLOURS..].chunks_exact(COLOURS);
            for (weight, input) in tap.weights.iter().zip(inputs) {
                for (sums, lanes) in sums.iter_mut().zip(input) {
                    for (sum, &sample) in sums.iter_mut().zip(lanes) {
                        *sum += weight * i32::from(sample);
                    }
                }
            }
            for (row, out) in out.chunks_exact_mut(out_bytes).enumerate() {
                for (colour, sums) in sums.iter().enumerate() {
                    out[at * COLOURS + colour] = to_byte(sums[row]);
                }
            }
        }
    }
    out
}

fn resize_rows(pixels: &[u8], width: usize, taps: &[Taps]) -> Vec<u8> {
    let row_bytes = width * COLOURS;
    let mut out = vec![0; taps.len() * row_bytes];
    let mut sums = vec![0i32; row_bytes];
    for (out, tap) in out.chunks_exact_mut(row_bytes).zip(taps) {
        sums.fill(1 << (BITS - 1));
        for (weight, row) in tap.weights.iter().zip(pixels[tap.first * row_bytes..].chunks_exact(row_bytes)) {
            for (sum, &sample) in sums.iter_mut().zip(row) {
                *sum += weight * i32::from(sample);
            }
        }
        for (out, &sum) in out.iter_mut().zip(&sums) {
            *out = to_byte(sum);
        }
    }
    out
}

/// The same, one sample after the other, as the formula reads.
pub fn resize_plain(pixels: &[u8], from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
    let pass = |samples: &[u8], from: u32, to: u32, stride: usize, starts: &[usize]| {
        let mut out = Vec::new();
        for &start in starts {
            for tap in taps(from, to) {
                let inputs = tap.weights.iter().enumerate();
                let sum: i32 =
                    inputs.map(|(at, k)| k * i32::from(samples[start + (tap.first + at) * stride])).sum();
                out.push(to_byte(sum + (1 << (BITS - 1))));
            }
        }
        out
    };
    let transpose = |samples: Vec<u8>, length: usize| -> Vec<u8> {
        let lines = samples.len() / length.max(1);
        (0..samples.len()).map(|at| samples[at % lines * length + at / lines]).collect()
    };
    let (mut samples, width, height) = (pixels.to_vec(), from.0 as usize, from.1 as usize);
    let mut row = width * COLOURS;
    if from.0 != to.0 {
        let starts: Vec<usize> =
            (0..height).flat_map(|y| (0..COLOURS).map(move |colour| y * row + colour)).collect();
        let lines = pass(&samples, from.0, to.0, COLOURS, &starts);
        samples = lines
            .chunks_exact(to.0 as usize * COLOURS)
            .flat_map(|line| transpose(line.to_vec(), to.0 as usize))
            .collect();
        row = to.0 as usize * COLOURS;
    }
    if from.1 != to.1 {
        let starts: Vec<usize> = (0..row).collect();
        samples = transpose(pass(&samples, from.1, to.1, row, &starts), to.1 as usize);
    }
    samples
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grey_row(samples: &[u8], to: u32) -> Vec<u8> {
        let pixels: Vec<u8> = samples.iter().flat_map(|&sample| [sample; 3]).collect();
        let out = resize(&pixels, (samples.len() as u32, 1), (to, 1));
        out.into_iter().step_by(3).collect()
    }

    #[test]
    fn a_row_becomes_what_pillow_makes_of_it() {
        let row = [0, 50, 100, 150, 200, 250, 10];
        assert_eq!(grey_row(&row, 4), [26, 104, 196, 122]);
        assert_eq!(grey_row(&row, 3), [43, 150, 154]);
        assert_eq!(grey_row(&row, 10), [0, 27, 63, 98, 133, 167, 202, 238, 142, 10]);
    }

    #[test]
    fn the_first_weights_are_the_published_ones() {
        let taps = taps(7, 4);
        let weights = |at: usize| -> Vec<f64> {
            taps[at].weights.iter().map(|&weight| f64::from(weight) / f64::from(1 << BITS)).collect()
        };
        for (at, first, expected) in [(0, 0, [0.523810, 0.428571, 0.047619]), (1, 1, [0.2, 0.52, 0.28])] {
            assert_eq!(taps[at].first, first);
            for (found, expected) in weights(at).into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
            }
        }
    }

    #[test]
    fn a_size_that_stays_leaves_the_bytes() {
        let pixels: Vec<u8> = (0..60).collect();
        assert_eq!(resize(&pixels, (5, 4), (5, 4)), pixels);
    }

    proptest! {
        #[test]
        fn fast_and_plain_give_the_same_bytes(
            width in 1u32..40, height in 1u32..40, to_width in 1u32..40, to_height in 1u32..40, salt: u64,
        ) {
            let noise = |at: u64| (at.wrapping_add(salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
            let pixels: Vec<u8> = (0..u64::from(width * height * 3)).map(noise).collect();
            let (from, to) = ((width, height), (to_width, to_height));
            prop_assert_eq!(resize(&pixels, from, to), resize_plain(&pixels, from, to));
        }
    }
}
