//! The planes' way as its formula reads, in f64: what the fast one is checked against.

use crate::{
    picture::{Orientation, Picture, Sampling},
    transform::{
        RgbFrame,
        crop::Window,
        orientation,
        rgb::{taps::shares, weights::Weights},
    },
};

/// A window of the upright picture, in which it must lie, at `to` columns and rows: chroma brought to luma's
/// grid (nearest), antialiased bilinear, the colour matrix, then rounded half up and clamped.
pub fn convert_and_resize(
    picture: &Picture,
    orientation: Orientation,
    window: Window,
    to: (u32, u32),
) -> RgbFrame {
    let taps = |from: u32, to: u32| -> Vec<_> {
        shares(from as usize, to as usize, f64::from(from) / f64::from(to)).collect()
    };
    let (columns, rows) = (taps(window.width, to.0), taps(window.height, to.1));
    let size = (picture.width, picture.height);
    let planes = picture.layout.colour.planes();
    let mut pixels = Vec::with_capacity(columns.len() * rows.len() * 3);
    for (top, of_rows) in &rows {
        for (left, of_columns) in &columns {
            let mut sums = [0.0; 3];
            for (y, of_row) in (window.y + *top as u32..).zip(of_rows) {
                for (x, of_column) in (window.x + *left as u32..).zip(of_columns) {
                    let pixel = Window { x, y, width: 1, height: 1 };
                    let coded = orientation::to_coded(orientation, size, pixel);
                    for (plane, sum) in sums.iter_mut().enumerate().take(planes) {
                        *sum += of_row * of_column * sample(picture, plane, coded.x, coded.y);
                    }
                }
            }
            pixels.extend(levels(picture, sums));
        }
    }
    RgbFrame { width: to.0, height: to.1, pixels }
}

/// The sample of a plane that stands for a luma position.
fn sample(picture: &Picture, plane: usize, x: u32, y: u32) -> f64 {
    let (across, down) = if plane == 0 { (0, 0) } else { picture.layout.colour.chroma_shift() };
    let (samples, columns) = (picture.plane(plane), picture.plane_size(plane).0);
    let at = (y >> down) as usize * columns + (x >> across) as usize;
    match picture.sample_bytes() {
        1 => f64::from(samples[at]),
        _ => f64::from(u16::from_le_bytes([samples[2 * at], samples[2 * at + 1]])),
    }
}

fn levels(picture: &Picture, samples: [f64; 3]) -> [u8; 3] {
    let weights = Weights::of(picture);
    let luma = |plane: usize| weights.luma * (samples[plane] - weights.black);
    let [cb, cr] = [1, 2].map(|plane: usize| samples[plane] - weights.neutral);
    let levels = match picture.layout.colour {
        Sampling::Grey => [luma(0); 3],
        Sampling::Gbr => [luma(2), luma(0), luma(1)],
        _ => [
            luma(0) + weights.red_of_cr * cr,
            luma(0) + weights.green_of_cb * cb + weights.green_of_cr * cr,
            luma(0) + weights.blue_of_cb * cb,
        ],
    };
    levels.map(|level| (level + 0.5).floor().clamp(0.0, 255.0) as u8)
}
