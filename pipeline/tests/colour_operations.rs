//! Operations on colours and shapes that are drawn for fine-tuning: what each leaves alone, whatever the picture.

use pipeline::{augment::operation::Operation, transform::RgbFrame};
use proptest::prelude::*;

fn frame() -> impl Strategy<Value = RgbFrame> {
    (1u32..14, 1u32..14).prop_flat_map(|(width, height)| {
        let pixels = proptest::collection::vec(any::<u8>(), (width * height * 3) as usize);
        pixels.prop_map(move |pixels| RgbFrame { width, height, pixels })
    })
}

/// The frame after an operation.
fn after(frame: &RgbFrame, operation: Operation) -> RgbFrame {
    let mut changed = frame.clone();
    operation.apply(&mut changed);
    changed
}

/// The values of one colour.
fn colour(frame: &RgbFrame, at: usize) -> impl Iterator<Item = u8> {
    frame.pixels.iter().skip(at).step_by(3).copied()
}

proptest! {
    #[test]
    fn turned_round_twice_values_are_what_they_were(frame in frame()) {
        let twice = after(&after(&frame, Operation::Invert), Operation::Invert);
        prop_assert_eq!(&twice, &frame);
        let once = after(&frame, Operation::Invert);
        prop_assert!(once.pixels.iter().zip(&frame.pixels).all(|(one, other)| one ^ other == 255));
    }

    #[test]
    fn values_keep_their_first_bits_and_no_others(frame in frame(), bits in 1u32..9) {
        let fewer = after(&frame, Operation::Posterize(bits));
        let kept = !0u8 << (8 - bits);
        prop_assert!(fewer.pixels.iter().zip(&frame.pixels).all(|(one, other)| *one == other & kept));
        prop_assert_eq!(&after(&fewer, Operation::Posterize(bits)), &fewer);
    }

    #[test]
    fn what_lies_below_the_threshold_stays(frame in frame(), threshold in 0u32..257) {
        let solar = after(&frame, Operation::Solarize(threshold));
        for (one, other) in solar.pixels.iter().zip(&frame.pixels) {
            prop_assert_eq!(*one, if u32::from(*other) < threshold { *other } else { 255 - other });
        }
        let added = after(&frame, Operation::SolarizeAdd(threshold.min(128)));
        for (one, other) in added.pixels.iter().zip(&frame.pixels) {
            let is_right = if *other < 128 { one >= other } else { one == other };
            prop_assert!(is_right);
        }
    }

    #[test]
    fn a_stretched_colour_reaches_from_one_end_to_the_other_and_keeps_its_order(frame in frame()) {
        let stretched = after(&frame, Operation::AutoContrast);
        for at in 0..3 {
            let (lowest, highest) = (colour(&frame, at).min(), colour(&frame, at).max());
            if lowest == highest {
                prop_assert!(colour(&frame, at).eq(colour(&stretched, at)));
                continue;
            }
            prop_assert_eq!(colour(&stretched, at).min(), Some(0));
            // The table is cut, not rounded: what becomes 255 may be a hair below it.
            prop_assert!(colour(&stretched, at).max() >= Some(254));
        }
        for change in [Operation::AutoContrast, Operation::Equalize] {
            let changed = after(&frame, change);
            for at in 0..3 {
                let mut pairs: Vec<(u8, u8)> = colour(&frame, at).zip(colour(&changed, at)).collect();
                pairs.sort_unstable();
                prop_assert!(pairs.is_sorted_by(|one, next| one.1 <= next.1));
            }
        }
    }

    #[test]
    fn a_factor_of_one_changes_nothing_and_of_none_takes_all(frame in frame()) {
        for change in [Operation::Color, Operation::Contrast, Operation::Brightness, Operation::Sharpness] {
            prop_assert_eq!(&after(&frame, change(1.0)), &frame);
        }
        let dark = after(&frame, Operation::Brightness(0.0));
        prop_assert!(dark.pixels.iter().all(|value| *value == 0));
        let grey = after(&frame, Operation::Color(0.0));
        prop_assert!(grey.pixels.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b));
        let flat = after(&frame, Operation::Contrast(0.0));
        prop_assert!(flat.pixels.iter().all(|value| *value == flat.pixels[0]));
    }

    #[test]
    fn a_turn_or_a_shift_by_nothing_changes_nothing(frame in frame()) {
        for change in [
            Operation::Rotate,
            Operation::ShearX,
            Operation::ShearY,
            Operation::TranslateX,
            Operation::TranslateY,
        ] {
            prop_assert_eq!(&after(&frame, change(0.0)), &frame);
        }
    }

    #[test]
    fn pixels_that_are_shifted_in_are_of_the_fill_colour_alone(frame in frame(), shift in 0u32..20) {
        let share = f64::from(shift) / f64::from(frame.width);
        let moved = after(&frame, Operation::TranslateX(share));
        let pixel = |frame: &RgbFrame, x: u32, y: u32| {
            let at = ((y * frame.width + x) * 3) as usize;
            [frame.pixels[at], frame.pixels[at + 1], frame.pixels[at + 2]]
        };
        let mut fills = std::collections::BTreeSet::new();
        for (x, y) in (0..frame.width).flat_map(|x| (0..frame.height).map(move |y| (x, y))) {
            match x + shift {
                from if from < frame.width => prop_assert_eq!(pixel(&moved, x, y), pixel(&frame, from, y)),
                _ => drop(fills.insert(pixel(&moved, x, y))),
            }
        }
        prop_assert!(fills.len() <= 1, "{fills:?}");
    }
}
