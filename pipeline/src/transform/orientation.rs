//! Turning pictures upright: windows from upright coordinates to coded ones, pixels the other way.
//!
//! An [`Orientation`] first mirrors the coded picture left to right, then turns it clockwise.

use super::{crop::Window, lines::Lines};
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

/// Turns a coded window upright; `spare` lends its memory.
pub fn upright(orientation: Orientation, frame: &mut Lines, spare: &mut Lines) {
    if orientation.mirrored {
        frame.mirror();
    }
    let (columns, rows) = (frame.width(), frame.height());
    let turns = orientation.quarter_turns % 4;
    if turns == 0 {
        return;
    }
    let (width, height) = if turns == 2 { (columns, rows) } else { (rows, columns) };
    spare.reshape(width, height);
    let samples = frame.samples();
    for (line, out) in spare.samples_mut().chunks_exact_mut(width.max(1)).enumerate() {
        let (y, colour) = (line / 3, line % 3);
        for (x, out) in out.iter_mut().enumerate() {
            let (column, row) = match turns {
                1 => (y, rows - 1 - x),
                2 => (columns - 1 - x, rows - 1 - y),
                _ => (columns - 1 - y, x),
            };
            *out = samples[(row * 3 + colour) * columns + column];
        }
    }
    std::mem::swap(frame, spare);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(pixels: &[u8], size: (u32, u32), window: Window) -> Lines {
        assert_eq!(pixels.len() as u32, size.0 * size.1 * 3);
        let mut lines = Lines::default();
        lines.cut_from(pixels, size.0, window);
        lines
    }

    fn turned_upright(orientation: Orientation, mut frame: Lines) -> Lines {
        upright(orientation, &mut frame, &mut Lines::default());
        frame
    }

    #[test]
    fn turns_are_clockwise_and_come_after_mirroring() {
        let turned = |quarter_turns, mirrored| {
            let pixels: Vec<u8> = b"abcdef".iter().flat_map(|&letter| [letter; 3]).collect();
            let frame = frame(&pixels, (3, 2), Window { x: 0, y: 0, width: 3, height: 2 });
            let found = turned_upright(Orientation { quarter_turns, mirrored }, frame).to_rgb();
            let text: Vec<u8> = found.pixels.iter().step_by(3).copied().collect();
            (found.width, String::from_utf8(text).unwrap())
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
            let pixels: Vec<u8> = (0..width * height * 3).map(|v| v as u8).collect();
            let whole = frame(&pixels, (width, height), Window { x: 0, y: 0, width, height });
            let (columns, rows) = upright_size(orientation, (width, height));
            let (x, y) = (x % columns, y % rows);
            let window = Window { x, y, width: w.min(columns - x), height: h.min(rows - y) };
            let coded = to_coded(orientation, (width, height), window);
            let turned = turned_upright(orientation, whole).to_rgb().pixels;
            let expected = frame(&turned, (columns, rows), window).to_rgb();
            let found = turned_upright(orientation, frame(&pixels, (width, height), coded)).to_rgb();
            prop_assert_eq!(found, expected);
        }
    }
}
