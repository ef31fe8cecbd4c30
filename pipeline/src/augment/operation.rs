//! The fifteen operations, their arguments by magnitude, and their application to a frame.

use super::{affine, blend, lookup};
use crate::transform::RgbFrame;

/// What kinds there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Stretches each colour to 0 … 255.
    AutoContrast,
    /// Makes each colour's values equally frequent.
    Equalize,
    /// 255 − v.
    Invert,
    /// Turns about the centre.
    Rotate,
    /// Keeps the top bits.
    Posterize,
    /// Inverts bright values.
    Solarize,
    /// Adds to dark values.
    SolarizeAdd,
    /// Away from, or towards, grey.
    Color,
    /// Away from, or towards, the mean luma.
    Contrast,
    /// Away from, or towards, black.
    Brightness,
    /// Away from, or towards, a smoothed frame.
    Sharpness,
    /// Shifts rows against each other.
    ShearX,
    /// Shifts columns against each other.
    ShearY,
    /// Shifts by a share of the width.
    TranslateX,
    /// Shifts by a share of the height.
    TranslateY,
}

/// All kinds in timm's order, by which a draw chooses.
pub const KINDS: [Kind; 15] = [
    Kind::AutoContrast,
    Kind::Equalize,
    Kind::Invert,
    Kind::Rotate,
    Kind::Posterize,
    Kind::Solarize,
    Kind::SolarizeAdd,
    Kind::Color,
    Kind::Contrast,
    Kind::Brightness,
    Kind::Sharpness,
    Kind::ShearX,
    Kind::ShearY,
    Kind::TranslateX,
    Kind::TranslateY,
];

/// An operation and its argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// Stretches each colour to 0 … 255.
    AutoContrast,
    /// Makes each colour's values equally frequent.
    Equalize,
    /// 255 − v.
    Invert,
    /// Turns anticlockwise by so many degrees about the centre.
    Rotate(f64),
    /// Keeps so many top bits.
    Posterize(u32),
    /// Inverts values at or above this one.
    Solarize(u32),
    /// Adds this to values below 128.
    SolarizeAdd(u32),
    /// Factor of the distance to the luma.
    Color(f64),
    /// Factor of the distance to the mean luma.
    Contrast(f64),
    /// Factor of the value.
    Brightness(f64),
    /// Factor of the distance to the smoothed frame.
    Sharpness(f64),
    /// Columns by which a row is shifted against the next.
    ShearX(f64),
    /// Rows by which a column is shifted against the next.
    ShearY(f64),
    /// Share of the width.
    TranslateX(f64),
    /// Share of the height.
    TranslateY(f64),
}

impl Operation {
    /// The operation of a kind at magnitude 0 to 10; `negative` turns those round that have a direction.
    pub fn at(kind: Kind, magnitude: f64, negative: bool) -> Self {
        let level = magnitude / 10.0;
        let signed = |value: f64| if negative { -value } else { value };
        let factor = || 1.0 + signed(level * 0.9);
        match kind {
            Kind::AutoContrast => Self::AutoContrast,
            Kind::Equalize => Self::Equalize,
            Kind::Invert => Self::Invert,
            Kind::Rotate => Self::Rotate(signed(level * 30.0)),
            Kind::Posterize => Self::Posterize(4 - (level * 4.0) as u32),
            Kind::Solarize => Self::Solarize(256 - (level * 256.0) as u32),
            Kind::SolarizeAdd => Self::SolarizeAdd(((level * 110.0) as u32).min(128)),
            Kind::Color => Self::Color(factor()),
            Kind::Contrast => Self::Contrast(factor()),
            Kind::Brightness => Self::Brightness(factor()),
            Kind::Sharpness => Self::Sharpness(factor()),
            Kind::ShearX => Self::ShearX(signed(level * 0.3)),
            Kind::ShearY => Self::ShearY(signed(level * 0.3)),
            Kind::TranslateX => Self::TranslateX(signed(level * 0.45)),
            Kind::TranslateY => Self::TranslateY(signed(level * 0.45)),
        }
    }

    /// Its argument, if it has one.
    pub fn argument(self) -> Option<f64> {
        match self {
            Self::AutoContrast | Self::Equalize | Self::Invert => None,
            Self::Posterize(whole) | Self::Solarize(whole) | Self::SolarizeAdd(whole) => {
                Some(f64::from(whole))
            }
            Self::Rotate(argument)
            | Self::Color(argument)
            | Self::Contrast(argument)
            | Self::Brightness(argument)
            | Self::Sharpness(argument)
            | Self::ShearX(argument)
            | Self::ShearY(argument)
            | Self::TranslateX(argument)
            | Self::TranslateY(argument) => Some(argument),
        }
    }

    /// Applies it to a frame.
    pub fn apply(self, frame: &mut RgbFrame) {
        match self {
            Self::AutoContrast => lookup::auto_contrast(frame),
            Self::Equalize => lookup::equalize(frame),
            Self::Invert => lookup::invert(frame),
            Self::Posterize(bits) => lookup::posterize(frame, bits),
            Self::Solarize(threshold) => lookup::solarize(frame, threshold),
            Self::SolarizeAdd(add) => lookup::solarize_add(frame, add),
            Self::Color(factor) => blend::color(frame, factor as f32),
            Self::Contrast(factor) => blend::contrast(frame, factor as f32),
            Self::Brightness(factor) => blend::brightness(frame, factor as f32),
            Self::Sharpness(factor) => blend::sharpness(frame, factor as f32),
            Self::Rotate(degrees) => affine::rotate(frame, degrees),
            Self::ShearX(by) => affine::transform(frame, [1.0, by, 0.0, 0.0, 1.0, 0.0]),
            Self::ShearY(by) => affine::transform(frame, [1.0, 0.0, 0.0, by, 1.0, 0.0]),
            Self::TranslateX(share) => {
                affine::transform(frame, [1.0, 0.0, share * f64::from(frame.width), 0.0, 1.0, 0.0]);
            }
            Self::TranslateY(share) => {
                affine::transform(frame, [1.0, 0.0, 0.0, 0.0, 1.0, share * f64::from(frame.height)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_at_magnitude_7_are_the_published_ones() {
        let at = |kind| Operation::at(kind, 7.0, false);
        assert_eq!(at(Kind::Rotate), Operation::Rotate(21.0));
        assert_eq!(at(Kind::Posterize), Operation::Posterize(2));
        assert_eq!(at(Kind::Solarize), Operation::Solarize(77));
        assert_eq!(at(Kind::SolarizeAdd), Operation::SolarizeAdd(77));
        assert_eq!(Operation::at(Kind::Posterize, 7.5, false), Operation::Posterize(1));
        let Operation::Color(less) = Operation::at(Kind::Color, 7.0, true) else { panic!("another kind") };
        assert!((less - 0.37).abs() < 1e-12);
    }

    #[test]
    fn a_frame_without_pixels_is_left_alone() {
        for kind in KINDS {
            let mut frame = RgbFrame { width: 0, height: 0, pixels: Vec::new() };
            Operation::at(kind, 7.0, true).apply(&mut frame);
            assert!(frame.pixels.is_empty());
        }
    }
}
