//! OpenCV's bilinear resize of u8 frames, without antialias: what the official tests look at.
//!
//! Weights have 11 bits of fraction; sums across keep them, sums down drop bits in two steps as OpenCV does.

use crate::transform::RgbFrame;

/// One in weights (INTER_RESIZE_COEF_SCALE).
const ONE: f32 = 2048.0;

/// Two neighbours and their weights.
struct Pair {
    places: [usize; 2],
    weights: [i32; 2],
}

fn pairs(from: u32, to: u32) -> Vec<Pair> {
    // OpenCV inverts the inverse scale, and keeps places in f32.
    let scale = 1.0 / (f64::from(to) / f64::from(from));
    let last = from.saturating_sub(1) as usize;
    let pair = |at: u32| {
        let exact = ((f64::from(at) + 0.5) * scale - 0.5) as f32;
        let first = exact.floor();
        let (place, share) = match first as i64 {
            ..0 => (0, 0.0),
            place if place as usize >= last => (last, 0.0),
            place => (place as usize, exact - first),
        };
        let weight = |share: f32| (share * ONE).round_ties_even() as i32;
        Pair { places: [place, (place + 1).min(last)], weights: [weight(1.0 - share), weight(share)] }
    };
    (0..to).map(pair).collect()
}

/// `frame` resized to `to` columns and rows.
pub fn resize(frame: &RgbFrame, to: (u32, u32)) -> RgbFrame {
    if (frame.width, frame.height) == to {
        return frame.clone();
    }
    let columns = pairs(frame.width, to.0);
    let line = frame.width as usize * 3;
    let across = |row: usize| -> Vec<i32> {
        let from = &frame.pixels[row * line..][..line];
        columns
            .iter()
            .flat_map(|Pair { places: [a, b], weights: [k, l] }| {
                [0, 1, 2].map(|c| i32::from(from[a * 3 + c]) * k + i32::from(from[b * 3 + c]) * l)
            })
            .collect()
    };
    let mut pixels = Vec::with_capacity(to.0 as usize * to.1 as usize * 3);
    // Neighbouring rows share their inputs, so the two last ones are kept.
    let mut kept: [(usize, Vec<i32>); 2] = [(usize::MAX, Vec::new()), (usize::MAX, Vec::new())];
    for Pair { places, weights: [k, l] } in pairs(frame.height, to.1) {
        for (at, place) in places.into_iter().enumerate() {
            if kept[at].0 != place {
                if kept[1 - at].0 == place && at == 0 {
                    kept.swap(0, 1);
                } else {
                    kept[at] = (place, across(place));
                }
            }
        }
        let sums = kept[0].1.iter().zip(&kept[1].1);
        pixels.extend(sums.map(|(upper, lower)| {
            let sum = ((k * (upper >> 4)) >> 16) + ((l * (lower >> 4)) >> 16);
            ((sum + 2) >> 2).clamp(0, 255) as u8
        }));
    }
    RgbFrame { width: to.0, height: to.1, pixels }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule in f64, rounded.
    fn plain(frame: &RgbFrame, to: (u32, u32)) -> Vec<u8> {
        let place = |at: u32, from: u32, to: u32| {
            let exact = (f64::from(at) + 0.5) * f64::from(from) / f64::from(to) - 0.5;
            let exact = exact.clamp(0.0, f64::from(from - 1));
            (exact as usize, (exact as usize + 1).min(from as usize - 1), exact.fract())
        };
        let mut out = Vec::new();
        for y in 0..to.1 {
            let (above, below, dy) = place(y, frame.height, to.1);
            for x in 0..to.0 {
                let (left, right, dx) = place(x, frame.width, to.0);
                for colour in 0..3 {
                    let value = |row: usize, column: usize| {
                        f64::from(frame.pixels[(row * frame.width as usize + column) * 3 + colour])
                    };
                    let across = |row| value(row, left) * (1.0 - dx) + value(row, right) * dx;
                    out.push((across(above) * (1.0 - dy) + across(below) * dy).round() as u8);
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn it_is_the_bilinear_rule_but_for_one_level(
            width in 1u32..40, height in 1u32..40, to_width in 1u32..40, to_height in 1u32..40, salt: u32,
        ) {
            let noise = |at: u32| (at.wrapping_add(salt).wrapping_mul(2_654_435_761) >> 24) as u8;
            let pixels = (0..width * height * 3).map(noise).collect();
            let frame = RgbFrame { width, height, pixels };
            let found = resize(&frame, (to_width, to_height));
            for (found, plain) in found.pixels.iter().zip(plain(&frame, (to_width, to_height))) {
                prop_assert!(found.abs_diff(plain) <= 1, "{found} for {plain}");
            }
        }
    }
}
