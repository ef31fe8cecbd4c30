//! Operations that look a value up in a table, as Pillow's `ImageOps` does, colour by colour.

use crate::transform::RgbFrame;

/// Replaces each value by the table's of its colour.
fn look_up(frame: &mut RgbFrame, tables: &[[u8; 256]; 3]) {
    for pixel in frame.pixels.as_chunks_mut::<3>().0 {
        for (value, table) in pixel.iter_mut().zip(tables) {
            *value = table[usize::from(*value)];
        }
    }
}

/// Replaces each value by what `rule` makes of it, which is asked once for each of 256 values.
pub(super) fn same_for_all(frame: &mut RgbFrame, rule: impl Fn(u8) -> u8) {
    let table: [u8; 256] = std::array::from_fn(|value| rule(value as u8));
    frame.pixels.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

fn histograms(frame: &RgbFrame) -> [[u64; 256]; 3] {
    let mut counts = [[0; 256]; 3];
    for pixel in frame.pixels.as_chunks::<3>().0 {
        for (value, counts) in pixel.iter().zip(&mut counts) {
            counts[usize::from(*value)] += 1;
        }
    }
    counts
}

fn identity() -> [u8; 256] {
    std::array::from_fn(|value| value as u8)
}

/// Stretches each colour so that its values reach from 0 to 255.
pub fn auto_contrast(frame: &mut RgbFrame) {
    let tables = histograms(frame).map(|counts| {
        let lowest = counts.iter().position(|&count| count > 0).unwrap_or(0);
        let highest = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
        if highest <= lowest {
            return identity();
        }
        let scale = 255.0 / (highest - lowest) as f64;
        let offset = -(lowest as f64) * scale;
        std::array::from_fn(|value| (value as f64 * scale + offset) as u8)
    });
    look_up(frame, &tables);
}

/// Spreads the values of each colour so that they are about equally frequent.
pub fn equalize(frame: &mut RgbFrame) {
    let tables = histograms(frame).map(|counts| {
        let total: u64 = counts.iter().sum();
        let last = counts.iter().rposition(|&count| count > 0).map_or(0, |value| counts[value]);
        let step = (total - last) / 255;
        // A single value leaves `total - last` at 0, so it needs no case of its own.
        if step == 0 {
            return identity();
        }
        let mut before = step / 2;
        counts.map(|count| {
            let value = (before / step).min(255) as u8;
            before += count;
            value
        })
    });
    look_up(frame, &tables);
}

/// 255 − v.
pub fn invert(frame: &mut RgbFrame) {
    same_for_all(frame, |value| 255 - value);
}

/// Keeps the `bits` top bits; none of them gives black (Pillow refuses it, which a run must not).
pub fn posterize(frame: &mut RgbFrame, bits: u32) {
    let mask = (0xff00u32 >> bits.min(8)) as u8;
    same_for_all(frame, |value| value & mask);
}

/// Inverts values at or above `threshold`.
pub fn solarize(frame: &mut RgbFrame, threshold: u32) {
    same_for_all(frame, |value| if u32::from(value) < threshold { value } else { 255 - value });
}

/// Adds to values below 128.
pub fn solarize_add(frame: &mut RgbFrame, add: u32) {
    same_for_all(frame, |value| if value < 128 { (u32::from(value) + add).min(255) as u8 } else { value });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(values: &[u8]) -> RgbFrame {
        let pixels = values.iter().flat_map(|&value| [value; 3]).collect();
        RgbFrame { width: values.len() as u32, height: 1, pixels }
    }

    fn after(values: &[u8], change: impl Fn(&mut RgbFrame)) -> Vec<u8> {
        let mut frame = grey(values);
        change(&mut frame);
        frame.pixels.into_iter().step_by(3).collect()
    }

    #[test]
    fn values_are_looked_up_by_the_published_rules() {
        assert_eq!(after(&[50, 100, 150], auto_contrast), [0, 127, 255]);
        assert_eq!(after(&[9, 9], auto_contrast), [9, 9]);
        assert_eq!(after(&[0, 7, 255], invert), [255, 248, 0]);
        assert_eq!(after(&[0b1011_0110, 255], |frame| posterize(frame, 2)), [0b1000_0000, 192]);
        assert_eq!(after(&[200], |frame| posterize(frame, 0)), [0]);
        assert_eq!(after(&[76, 77, 255], |frame| solarize(frame, 77)), [76, 178, 0]);
        assert_eq!(after(&[255], |frame| solarize(frame, 256)), [255]);
        assert_eq!(after(&[0, 127, 128, 200], |frame| solarize_add(frame, 110)), [110, 237, 128, 200]);
    }

    #[test]
    fn equalizing_spreads_the_values_and_leaves_few_pixels_alone() {
        let values: Vec<u8> = (0..2048).map(|at| 100 + (at / 64) as u8).collect();
        let found = after(&values, equalize);
        // Seven pixels a level; the first value has none before it.
        assert_eq!((found[0], found[64], found[2047]), (0, 9, 255));
        assert_eq!(after(&[1, 2, 3], equalize), [1, 2, 3]);
    }
}
