//! Random resized crop (`video_transforms.py`): a window of random area and shape, resized bilinearly
//! without antialias, half-pixel centres.

use super::bilinear::{Pair, between, pairs};
use crate::{
    draws::Draws,
    transform::{RgbFrame, crop::Window, lines::Lines},
};

/// Windows that are tried before the fallback.
const TRIES: u32 = 10;

/// How large a window may be, and how wide for its height.
#[doc(alias = "RandomResizedCrop")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CropRange {
    /// Smallest and largest share of the frame's area.
    pub area: (f64, f64),
    /// Smallest and largest width over height.
    pub aspect: (f64, f64),
}

impl Default for CropRange {
    /// `scale=(0.08, 1)`, `ratio=(0.75, 1.3333)`.
    fn default() -> Self {
        Self { area: (0.08, 1.0), aspect: (0.75, 1.3333) }
    }
}

impl CropRange {
    /// Columns and rows of a window, or none where it does not fit in a frame of `frame` columns and rows.
    /// `area` and `aspect` are places in their ranges, 0 to 1.
    pub fn size(&self, frame: (u32, u32), area: f64, aspect: f64) -> Option<(u32, u32)> {
        let at = |(low, high): (f64, f64), place: f64| low + (high - low) * place;
        let covered = at(self.area, area) * f64::from(frame.0) * f64::from(frame.1);
        let aspect = at((self.aspect.0.ln(), self.aspect.1.ln()), aspect).exp();
        let width = (covered * aspect).sqrt().round_ties_even() as u32;
        let height = (covered / aspect).sqrt().round_ties_even() as u32;
        ((1..=frame.0).contains(&width) && (1..=frame.1).contains(&height)).then_some((width, height))
    }

    /// The window where no try fits: the largest of an allowed shape, in the middle.
    pub fn fallback(&self, frame: (u32, u32)) -> Window {
        let (wide, high) = (f64::from(frame.0), f64::from(frame.1));
        let ratio = wide / high;
        let rounded = |side: f64| side.round_ties_even() as u32;
        let (width, height) = if ratio < self.aspect.0 {
            (frame.0, rounded(wide / self.aspect.0).min(frame.1))
        } else if ratio > self.aspect.1 {
            (rounded(high * self.aspect.1).min(frame.0), frame.1)
        } else {
            frame
        };
        Window { x: (frame.0 - width) / 2, y: (frame.1 - height) / 2, width, height }
    }

    /// A window of a frame of `frame` columns and rows.
    pub fn draw(&self, frame: (u32, u32), draws: &mut Draws) -> Window {
        let fitting = (0..TRIES).find_map(|_| {
            let (area, aspect) = (draws.unit(), draws.unit());
            self.size(frame, area, aspect)
        });
        let Some((width, height)) = fitting else { return self.fallback(frame) };
        let y = draws.below(u64::from(frame.1 - height) + 1) as u32;
        let x = draws.below(u64::from(frame.0 - width) + 1) as u32;
        Window { x, y, width, height }
    }
}

/// A window of one plane of floats, rows of `width`, resized to `to` columns and rows.
pub fn resize_plane(plane: &[f32], width: u32, window: Window, to: (u32, u32)) -> Vec<f32> {
    let value = |y: usize, x: usize| plane[(window.y as usize + y) * width as usize + window.x as usize + x];
    let columns = pairs(window.width, to.0);
    pairs(window.height, to.1)
        .flat_map(|row| columns.clone().map(move |column| between(value, row, column)))
        .collect()
}

/// A level rounded, halves to the even one: beside this number an f32 has no room for parts. (`f32::round_ties_even` is a
/// call where a build is for any x86-64.)
fn rounded(level: f32) -> u8 {
    const NO_PARTS: f32 = (3 << 22) as f32;
    (level + NO_PARTS).to_bits() as u8
}

/// A window of a frame resized to `to` columns and rows, rounded to u8, in the place of `out`.
pub fn resize_into(frame: &RgbFrame, window: Window, to: (u32, u32), out: &mut Lines) {
    out.reshape(to.0 as usize, to.1 as usize);
    let columns: Vec<Pair> = pairs(window.width, to.0).collect();
    let row_bytes = frame.width as usize * 3;
    let start = window.x as usize * 3;
    let rows = out.samples_mut().chunks_exact_mut((to.0 as usize * 3).max(1));
    for (row, out) in pairs(window.height, to.1).zip(rows) {
        let lines = [row.first, row.second].map(|y| {
            &frame.pixels[(window.y as usize + y) * row_bytes + start..][..window.width as usize * 3]
        });
        let line = |y: usize| lines[usize::from(y != row.first)];
        for (colour, out) in out.chunks_exact_mut(to.0 as usize).enumerate() {
            let value = |y: usize, x: usize| f32::from(line(y)[x * 3 + colour]);
            for (column, out) in columns.iter().zip(out) {
                *out = rounded(between(value, row, *column));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draws::Purpose;

    #[test]
    fn windows_have_the_published_sizes() {
        let range = CropRange::default();
        assert_eq!(range.size((340, 256), 0.0, 0.0), Some((72, 96)));
        assert_eq!(range.size((340, 256), 0.0, 1.0), Some((96, 72)));
        assert_eq!(range.size((340, 256), 1.0, 0.0), None);
    }

    #[test]
    fn the_fallback_is_the_largest_allowed_shape_in_the_middle() {
        let fallback = |frame| CropRange::default().fallback(frame);
        assert_eq!(fallback((340, 256)), Window { x: 0, y: 0, width: 340, height: 256 });
        assert_eq!(fallback((100, 400)), Window { x: 0, y: 133, width: 100, height: 133 });
        assert_eq!(fallback((400, 100)), Window { x: 133, y: 0, width: 133, height: 100 });
    }

    #[test]
    fn a_window_of_its_own_size_is_cut_out() {
        let pixels: Vec<u8> = (0..60).collect();
        let frame = RgbFrame { width: 5, height: 4, pixels: pixels.clone() };
        let window = Window { x: 1, y: 2, width: 3, height: 2 };
        let mut out = Lines::default();
        resize_into(&frame, window, (3, 2), &mut out);
        let mut cut = Lines::default();
        cut.cut_from(&pixels, 5, window);
        assert_eq!(out.samples(), cut.samples());
    }

    proptest! {
        #[test]
        fn bytes_are_the_rounded_floats(
            width in 1u32..30, height in 1u32..30, to_width in 1u32..30, to_height in 1u32..30, number: u64,
        ) {
            let mut draws = Draws::new(0, Purpose::Crop, 0, number);
            let window = CropRange::default().draw((width, height), &mut draws);
            prop_assert!(window.x + window.width <= width && window.y + window.height <= height);
            let pixels: Vec<u8> = (0..width * height * 3).map(|_| draws.below(256) as u8).collect();
            let frame = RgbFrame { width, height, pixels };
            let mut out = Lines::default();
            resize_into(&frame, window, (to_width, to_height), &mut out);
            for colour in 0..3 {
                let plane: Vec<f32> =
                    frame.pixels.iter().skip(colour).step_by(3).copied().map(f32::from).collect();
                let floats = resize_plane(&plane, width, window, (to_width, to_height));
                let found = out.to_rgb().pixels;
                let found = found.iter().skip(colour).step_by(3);
                for (found, float) in found.zip(floats) {
                    prop_assert_eq!(*found, float.round_ties_even() as u8);
                }
            }
        }
    }
}
