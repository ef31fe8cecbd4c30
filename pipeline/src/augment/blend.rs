//! Operations that go from a plainer frame through this one and beyond, as Pillow's `ImageEnhance` does:
//! `out = trunc(plain + factor · (value − plain))` in f32, cut to 0 … 255.

use super::lookup::same_for_all;
use crate::transform::RgbFrame;

fn blended(plain: u8, value: u8, factor: f32) -> u8 {
    let (plain, value) = (f32::from(plain), f32::from(value));
    // `as` cuts to 0 … 255 and truncates, as Pillow does.
    (plain + factor * (value - plain)) as u8
}

/// Pillow's luma (ITU-R BT.601 in 16 bits of fraction, rounded).
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    ((19595 * u32::from(red) + 38470 * u32::from(green) + 7471 * u32::from(blue) + 0x8000) >> 16) as u8
}

/// Away from (above 1) or towards (below 1) its luma.
pub fn color(frame: &mut RgbFrame, factor: f32) {
    for pixel in frame.pixels.as_chunks_mut::<3>().0 {
        let grey = luma(*pixel);
        *pixel = pixel.map(|value| blended(grey, value, factor));
    }
}

/// Away from or towards the frame's mean luma.
pub fn contrast(frame: &mut RgbFrame, factor: f32) {
    let pixels = frame.pixels.as_chunks::<3>().0;
    let sum: u64 = pixels.iter().map(|pixel| u64::from(luma(*pixel))).sum();
    let mean = (sum as f64 / pixels.len().max(1) as f64 + 0.5) as u8;
    same_for_all(frame, |value| blended(mean, value, factor));
}

/// Away from or towards black.
pub fn brightness(frame: &mut RgbFrame, factor: f32) {
    same_for_all(frame, |value| blended(0, value, factor));
}

/// Away from or towards the frame smoothed by weights 1 1 1 / 1 5 1 / 1 1 1 over 13; its border is not
/// smoothed and so stays.
pub fn sharpness(frame: &mut RgbFrame, factor: f32) {
    let (row, height) = (frame.width as usize * 3, frame.height as usize);
    if frame.width < 3 || height < 3 {
        return;
    }
    // Three rows of what was: the one above and this one are overwritten as the walk goes down.
    let mut above = frame.pixels[..row].to_vec();
    let mut here = frame.pixels[row..2 * row].to_vec();
    for y in 1..height - 1 {
        let (done, below) = frame.pixels.split_at_mut((y + 1) * row);
        let out = &mut done[y * row..];
        for at in 3..row - 3 {
            let three = |line: &[u8]| u32::from(line[at - 3]) + u32::from(line[at]) + u32::from(line[at + 3]);
            let sum = three(&above) + three(&here) + three(below) + 4 * u32::from(here[at]);
            // ⌊sum/13 + ½⌋: no half ever stands there, so the integer form is Pillow's f32 one.
            let smooth = ((2 * sum + 13) / 26) as u8;
            out[at] = blended(smooth, here[at], factor);
        }
        std::mem::swap(&mut above, &mut here);
        here.copy_from_slice(&below[..row]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: u32, height: u32) -> RgbFrame {
        let pixels = (0..width * height * 3).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        RgbFrame { width, height, pixels }
    }

    #[test]
    fn a_factor_of_one_changes_nothing() {
        for change in [color, contrast, brightness, sharpness] {
            let mut frame = noise(7, 5);
            change(&mut frame, 1.0);
            assert_eq!(frame, noise(7, 5));
        }
    }

    #[test]
    fn a_factor_of_zero_gives_the_plainer_frame() {
        let mut frame = RgbFrame { width: 2, height: 1, pixels: vec![10, 20, 30, 200, 100, 50] };
        color(&mut frame, 0.0);
        assert_eq!(frame.pixels, [18, 18, 18, 124, 124, 124]);
        contrast(&mut frame, 0.0);
        assert_eq!(frame.pixels, [71; 6]);
        brightness(&mut frame, 0.0);
        assert_eq!(frame.pixels, [0; 6]);
    }

    #[test]
    fn smoothing_is_the_weighted_mean_inside_and_nothing_at_the_border() {
        let before = noise(5, 4);
        let mut after = before.clone();
        sharpness(&mut after, 0.0);
        let value = |frame: &RgbFrame, x: usize, y: usize| u32::from(frame.pixels[(y * 5 + x) * 3 + 1]);
        for y in 0..4 {
            for x in 0..5 {
                let border = x == 0 || x == 4 || y == 0 || y == 3;
                let around = |x: usize, y: usize| {
                    (0..9).map(|at| value(&before, x + at % 3 - 1, y + at / 3 - 1)).sum::<u32>()
                };
                let expected = if border {
                    value(&before, x, y)
                } else {
                    (f64::from(around(x, y) + 4 * value(&before, x, y)) / 13.0 + 0.5).floor() as u32
                };
                assert_eq!(value(&after, x, y), expected, "{x} {y}");
            }
        }
    }
}
