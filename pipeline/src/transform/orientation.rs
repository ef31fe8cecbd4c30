//! Turning pictures upright: windows from upright coordinates to coded ones, pixels the other way.
//!
//! An [`Orientation`] first mirrors the coded picture left to right, then turns it clockwise.

use super::{RgbFrame, crop::Window, mirror};
use crate::picture::Orientation;

/// Columns and rows of the upright picture.
pub fn upright_size(orientation: Orientation, coded: (u32, u32)) -> (u32, u32) {
    if orientation.quarter_turns % 2 == 1 { (coded.1, coded.0) } else { coded }
}

/// The window of the coded picture (`coded` columns and rows) that `window` shows once upright.
pub fn to_coded(orientation: Orientation, coded: (u32, u32), window: Window) -> Window {
    let Window { x, y, width, height } = window;
    let (columns, rows) = coded;
    let mut found = match orientation.quarter_turns % 4 {
        0 => window,
        1 => Window { x: y, y: rows - x - width, width: height, height: width },
        2 => Window { x: columns - x - width, y: rows - y - height, width, height },
        _ => Window { x: columns - y - height, y: x, width: height, height: width },
    };
    if orientation.mirrored {
        found.x = columns - found.x - found.width;
    }
    found
}

/// A coded window's pixels, upright.
pub fn upright(orientation: Orientation, mut frame: RgbFrame) -> RgbFrame {
    if orientation.mirrored {
        mirror(&mut frame);
    }
    let (columns, rows) = (frame.width as usize, frame.height as usize);
    let turns = orientation.quarter_turns % 4;
    if turns == 0 {
        return frame;
    }
    let (width, height) = upright_size(orientation, (frame.width, frame.height));
    let mut pixels = Vec::with_capacity(frame.pixels.len());
    for y in 0..height as usize {
        for x in 0..width as usize {
            let (column, row) = match turns {
                1 => (y, rows - 1 - x),
                2 => (columns - 1 - x, rows - 1 - y),
                _ => (columns - 1 - y, x),
            };
            pixels.extend_from_slice(&frame.pixels[(row * columns + column) * 3..][..3]);
        }
    }
    RgbFrame { width, height, pixels }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transform::cut;

    fn letters(width: u32, text: &str) -> RgbFrame {
        let pixels: Vec<u8> = text.bytes().flat_map(|letter| [letter; 3]).collect();
        RgbFrame { width, height: text.len() as u32 / width, pixels }
    }

    #[test]
    fn turns_are_clockwise_and_come_after_mirroring() {
        let turned = |quarter_turns, mirrored| {
            let frame = upright(Orientation { quarter_turns, mirrored }, letters(3, "abcdef"));
            let text: Vec<u8> = frame.pixels.iter().step_by(3).copied().collect();
            (frame.width, String::from_utf8(text).unwrap())
        };
        assert_eq!(turned(0, false), (3, "abcdef".into()));
        assert_eq!(turned(1, false), (2, "daebfc".into()));
        assert_eq!(turned(2, false), (3, "fedcba".into()));
        assert_eq!(turned(3, false), (2, "cfbead".into()));
        assert_eq!(turned(0, true), (3, "cbafed".into()));
        assert_eq!(turned(1, true), (2, "fcebda".into()));
    }

    proptest! {
        #[test]
        fn a_window_turned_is_the_window_of_the_turned_picture(
            width in 1u32..12, height in 1u32..12, quarter_turns in 0u8..4, mirrored: bool,
            x in 0u32..12, y in 0u32..12, w in 1u32..12, h in 1u32..12,
        ) {
            let orientation = Orientation { quarter_turns, mirrored };
            let frame = RgbFrame { width, height, pixels: (0..width * height * 3).map(|v| v as u8).collect() };
            let (columns, rows) = upright_size(orientation, (width, height));
            let (x, y) = (x % columns, y % rows);
            let window = Window { x, y, width: w.min(columns - x), height: h.min(rows - y) };
            let coded = to_coded(orientation, (width, height), window);
            let expected = cut(&upright(orientation, frame.clone()).pixels, columns, window);
            prop_assert_eq!(upright(orientation, cut(&frame.pixels, width, coded)), expected);
        }
    }
}
