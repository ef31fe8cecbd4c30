//! Multi-scale crop: ten pairs of sides, thirteen places (GroupMultiScaleCrop of VideoMAE, V1 and V2).
//!
//! `base = min(w, h)`, sides `⌊base·{1, .875, .75, .66}⌋`; a side closer than 3 to the clip's becomes the
//! clip's. Pairs whose two sides are at most one step apart are drawn uniformly, then one of thirteen
//! places. A frame smaller than its clip by one or two pixels makes the official crop stick out of the
//! frame, where Pillow fills in black; here such a crop is cut to the frame: pixels that do not exist are
//! never delivered.

use schemas::settings::Crop;

use crate::draws::Draws;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Leftmost column.
    pub x: u32,
    /// Uppermost row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Shares of the shorter side (official `GroupMultiScaleCrop(input_size, [1, .875, .75, .66])`).
const SCALES: [f64; 4] = [1.0, 0.875, 0.75, 0.66];

/// A side that is this close to the clip's becomes the clip's.
const SNAP: i64 = 3;

/// The crop of a frame of `frame` (columns, rows) for a clip of `clip` (columns, rows).
pub fn draw(crop: Crop, frame: (u32, u32), clip: (u32, u32), draws: &mut Draws) -> Window {
    match crop {
        Crop::MultiScale => {
            let pair = pairs(frame, clip)[draws.place(10)];
            let place = places(frame, pair)[draws.place(13)];
            clamp(frame, pair, place)
        }
        Crop::Centre => {
            let (frame_width, frame_height) = (u64::from(frame.0), u64::from(frame.1));
            let (clip_width, clip_height) = (u64::from(clip.0.max(1)), u64::from(clip.1.max(1)));
            let width = frame_width.min(frame_height * clip_width / clip_height).max(1) as u32;
            let height = frame_height.min(frame_width * clip_height / clip_width).max(1) as u32;
            Window { x: (frame.0 - width) / 2, y: (frame.1 - height) / 2, width, height }
        }
    }
}

/// The ten pairs (width, height) in the official order: height outside, width inside.
pub fn pairs(frame: (u32, u32), clip: (u32, u32)) -> [(u32, u32); 10] {
    let base = f64::from(frame.0.min(frame.1));
    let side = |scale: f64, wanted: u32| {
        let side = (base * scale) as u32;
        if (i64::from(side) - i64::from(wanted)).abs() < SNAP { wanted } else { side }
    };
    let mut pairs = [(0, 0); 10];
    let near =
        (0..4usize).flat_map(|h| (0..4usize).map(move |w| (h, w))).filter(|(h, w)| h.abs_diff(*w) <= 1);
    for (pair, (h, w)) in pairs.iter_mut().zip(near) {
        *pair = (side(SCALES[w], clip.0), side(SCALES[h], clip.1));
    }
    pairs
}

/// The thirteen places (x, y) of a crop in the official order. Negative where the crop is larger than
/// the frame.
pub fn places(frame: (u32, u32), crop: (u32, u32)) -> [(i64, i64); 13] {
    let a = (i64::from(frame.0) - i64::from(crop.0)).div_euclid(4);
    let b = (i64::from(frame.1) - i64::from(crop.1)).div_euclid(4);
    [
        (0, 0),
        (4 * a, 0),
        (0, 4 * b),
        (4 * a, 4 * b),
        (2 * a, 2 * b),
        (0, 2 * b),
        (4 * a, 2 * b),
        (2 * a, 4 * b),
        (2 * a, 0),
        (a, b),
        (3 * a, b),
        (a, 3 * b),
        (3 * a, 3 * b),
    ]
}

fn clamp(frame: (u32, u32), crop: (u32, u32), place: (i64, i64)) -> Window {
    let within = |side: u32, cut: u32, from: i64| {
        let cut = cut.clamp(1, side.max(1));
        (from.clamp(0, i64::from(side.saturating_sub(cut))) as u32, cut)
    };
    let (x, width) = within(frame.0, crop.0, place.0);
    let (y, height) = within(frame.1, crop.1, place.1);
    Window { x, y, width, height }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draws::Purpose;

    #[test]
    fn the_published_pairs_come_out() {
        let sides = |sides: [u32; 4]| {
            let [a, b, c, d] = sides;
            [(a, a), (b, a), (a, b), (b, b), (c, b), (b, c), (c, c), (d, c), (c, d), (d, d)]
        };
        for (frame, expected) in [
            ((340, 256), [256, 224, 192, 168]),
            ((256, 340), [256, 224, 192, 168]),
            ((320, 240), [240, 210, 180, 158]),
            ((427, 320), [320, 280, 240, 211]),
            ((1920, 1080), [1080, 945, 810, 712]),
            ((225, 400), [224, 196, 168, 148]),
            ((222, 222), [224, 194, 166, 146]),
        ] {
            assert_eq!(pairs(frame, (224, 224)), sides(expected), "{frame:?}");
        }
        assert_eq!(pairs((320, 240), (112, 112)), pairs((320, 240), (224, 224)));
    }

    #[test]
    fn the_published_places_come_out() {
        let expected = [
            [(0, 0), (116, 0), (0, 32), (116, 32), (58, 16), (0, 16), (116, 16), (58, 32), (58, 0), (29, 8)]
                .as_slice(),
            &[(87, 8), (29, 24), (87, 24)],
        ];
        assert_eq!(places((340, 256), (224, 224)).as_slice(), expected.concat());
        let expected = [
            [(0, 0), (140, 0), (0, 80), (140, 80), (70, 40), (0, 40), (140, 40), (70, 80), (70, 0), (35, 20)]
                .as_slice(),
            &[(105, 20), (35, 60), (105, 60)],
        ];
        assert_eq!(places((320, 240), (180, 158)).as_slice(), expected.concat());
        let large = places((1920, 1080), (712, 810));
        assert_eq!(large[3], (1208, 268));
        assert_eq!(large[9..], [(302, 67), (906, 67), (302, 201), (906, 201)]);
        assert_eq!(places((222, 222), (224, 224))[3], (-4, -4));
    }

    #[test]
    fn a_crop_in_the_middle_has_the_clips_proportions() {
        let draws = &mut Draws::new(0, Purpose::Crop, 0, 0);
        let window = draw(Crop::Centre, (340, 256), (224, 224), draws);
        assert_eq!(window, Window { x: 42, y: 0, width: 256, height: 256 });
    }

    proptest! {
        #[test]
        fn a_crop_lies_in_the_frame(width in 1u32..3000, height in 1u32..3000, side in 1u32..500, number: u64) {
            for rule in [Crop::MultiScale, Crop::Centre] {
                let draws = &mut Draws::new(0, Purpose::Crop, 0, number);
                let window = draw(rule, (width, height), (side, side), draws);
                prop_assert!(window.width > 0 && window.height > 0);
                prop_assert!(window.x + window.width <= width && window.y + window.height <= height);
            }
        }
    }
}
