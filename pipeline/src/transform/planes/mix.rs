//! The colour matrix in integers, for samples of 15 bits.

use super::down::BETWEEN;
use crate::{
    picture::{Picture, Sampling},
    transform::{rgb::weights::Weights, weighted_sum::add_weighted},
};

/// Fraction bits of a level before it is rounded: the largest sum, below 900 levels, fits in 31 bits.
pub(super) const FRACTION: u32 = 20;

/// What each plane adds to red, green and blue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mix {
    /// By colour, then by plane.
    pub weights: [[i16; 3]; 3],
    /// By colour: half a level for rounding, less black and no colour.
    pub offsets: [i32; 3],
}

impl Mix {
    /// The mix of a picture's colour rule.
    pub fn of(picture: &Picture) -> Self {
        let rule = Weights::of(picture);
        let step = f64::from(1u32 << BETWEEN) / f64::from(1u32 << picture.layout.bits.clamp(8, 16));
        let fixed = |weight: f64| (weight / step * f64::from(1 << FRACTION)).round() as i16;
        let luma = fixed(rule.luma);
        let (neutral, colours) = match picture.layout.colour {
            Sampling::Grey => (0.0, [[luma, 0, 0]; 3]),
            Sampling::Gbr => (rule.black, [[0, 0, luma], [luma, 0, 0], [0, luma, 0]]),
            _ => {
                let green = [luma, fixed(rule.green_of_cb), fixed(rule.green_of_cr)];
                let (cr, cb) = (fixed(rule.red_of_cr), fixed(rule.blue_of_cb));
                (rule.neutral, [[luma, 0, cr], green, [luma, cb, 0]])
            }
        };
        let zeros = [rule.black, neutral, neutral].map(|zero| (zero * step) as i32);
        // From the rounded weights, so that their errors grow with the distance from black and no colour.
        let offsets = colours.map(|weights| {
            let of_zeros = weights.iter().zip(zeros).map(|(&weight, zero)| i32::from(weight) * zero);
            (1 << (FRACTION - 1)) - of_zeros.sum::<i32>()
        });
        Self { weights: colours, offsets }
    }

    /// For each colour, as 32-bit lanes: the weights of planes 0 and 1 side by side, that of plane 2 beside a
    /// zero, and the offset.
    pub fn in_pairs(&self) -> [[i32; 3]; 3] {
        let pair = |low: i16, high: i16| i32::from(low as u16) | i32::from(high) << 16;
        std::array::from_fn(|colour| {
            let [first, second, third] = self.weights[colour];
            [pair(first, second), pair(third, 0), self.offsets[colour]]
        })
    }

    /// The levels of the three colours of pixels beside each other, `samples` being those of the three planes.
    #[inline(always)]
    pub fn levels<const PIXELS: usize>(&self, samples: &[[i32; PIXELS]; 3]) -> [[u8; PIXELS]; 3] {
        let [first, second, third] = samples;
        std::array::from_fn(|colour| {
            let [of_first, of_second, of_third] = self.weights[colour].map(i32::from);
            let offset = self.offsets[colour];
            std::array::from_fn(|at| {
                let sum = add_weighted(offset, of_first, first[at]);
                let sum = add_weighted(sum, of_second, second[at]);
                let sum = add_weighted(sum, of_third, third[at]);
                (sum >> FRACTION).clamp(0, 255) as u8
            })
        })
    }
}
