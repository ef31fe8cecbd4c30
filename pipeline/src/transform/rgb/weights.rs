//! The weights of a colour rule, by a picture's matrix, range and depth.

use crate::picture::{Matrix, Picture, Range};

/// The weights of a colour rule: levels (of 255) a sample value, and the values of black and no colour.
#[derive(Clone, Copy, Debug)]
pub(in crate::transform) struct Weights {
    pub luma: f64,
    pub black: f64,
    pub neutral: f64,
    pub red_of_cr: f64,
    pub green_of_cb: f64,
    pub green_of_cr: f64,
    pub blue_of_cb: f64,
}

impl Weights {
    pub fn of(picture: &Picture) -> Self {
        let (kr, kb) = match picture.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
            Matrix::Smpte240m => (0.212, 0.087),
            Matrix::Fcc => (0.30, 0.11),
        };
        let kg = 1.0 - kr - kb;
        let step = f64::from(1u32 << (picture.layout.bits.clamp(8, 16) - 8));
        let highest = 256.0 * step - 1.0;
        let (luma, chroma, black) = match picture.range {
            Range::Limited => (255.0 / (219.0 * step), 255.0 / (224.0 * step), 16.0 * step),
            Range::Full => (255.0 / highest, 255.0 / highest, 0.0),
        };
        Self {
            luma,
            black,
            neutral: 128.0 * step,
            red_of_cr: 2.0 * (1.0 - kr) * chroma,
            green_of_cb: -2.0 * kb * (1.0 - kb) / kg * chroma,
            green_of_cr: -2.0 * kr * (1.0 - kr) / kg * chroma,
            blue_of_cb: 2.0 * (1.0 - kb) * chroma,
        }
    }
}
