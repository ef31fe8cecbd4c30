//! Turned, sheared and shifted frames, as Pillow's `Image.transform(AFFINE, BICUBIC)` makes them.
//!
//! ```text
//! source of output (x, y) = (a(x+½) + b(y+½) + c,  d(x+½) + e(y+½) + f)
//! outside the frame: grey 128; inside: minus ½ each, cubic over 4×4 (a = −1), truncated
//! ```

use crate::transform::RgbFrame;

/// What fills the places that the frame does not reach (timm's `img_mean` in the official call).
const FILL: u8 = 128;

/// Pillow's cubic through four values at −1, 0, 1, 2, taken at `d` between 0 and 1 (a = −1), in its order of
/// operations.
fn cubic(v: [f64; 4], d: f64) -> f64 {
    let slope = v[2] - v[0];
    let third = 2.0 * (v[0] - v[1]) + v[2] - v[3];
    let fourth = -v[0] + v[1] - v[2] + v[3];
    v[1] + d * (slope + d * (third + d * fourth))
}

/// Applies the inverse mapping `[a, b, c, d, e, f]`.
pub fn transform(frame: &mut RgbFrame, [a, b, c, d, e, f]: [f64; 6]) {
    let (width, height) = (frame.width as usize, frame.height as usize);
    let from = std::mem::replace(&mut frame.pixels, vec![FILL; width * height * 3]);
    for (y, row) in frame.pixels.chunks_exact_mut((width * 3).max(1)).enumerate() {
        for (x, out) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (column, line) = (x as f64 + 0.5, y as f64 + 0.5);
            let (source_x, source_y) = (a * column + b * line + c, d * column + e * line + f);
            let inside = |place: f64, side: usize| place >= 0.0 && place < side as f64;
            if inside(source_x, width) && inside(source_y, height) {
                *out = at(&from, (width, height), source_x - 0.5, source_y - 0.5);
            }
        }
    }
}

/// The pixel at a place between pixels; neighbours beyond the border are those at it.
fn at(pixels: &[u8], (width, height): (usize, usize), x: f64, y: f64) -> [u8; 3] {
    let neighbours = |place: f64, side: usize| {
        let first = place.floor() as i64 - 1;
        [0, 1, 2, 3].map(|step| (first + step).clamp(0, side as i64 - 1) as usize)
    };
    let (columns, rows) = (neighbours(x, width), neighbours(y, height));
    let (dx, dy) = (x - x.floor(), y - y.floor());
    std::array::from_fn(|colour| {
        let across = |row: usize| {
            cubic(columns.map(|column| f64::from(pixels[(row * width + column) * 3 + colour])), dx)
        };
        // `as` cuts to 0 … 255 and truncates.
        cubic(rows.map(across), dy) as u8
    })
}

/// Turns anticlockwise by `degrees` about the centre; what leaves the frame is lost.
pub fn rotate(frame: &mut RgbFrame, degrees: f64) {
    let angle = -(degrees % 360.0).to_radians();
    // Pillow rounds to 15 digits, so that right angles have no stray bits.
    let digits = |value: f64| (value * 1e15).round() / 1e15;
    let (cos, sin) = (digits(angle.cos()), digits(angle.sin()));
    let (x, y) = (f64::from(frame.width) / 2.0, f64::from(frame.height) / 2.0);
    let c = cos * -x + sin * -y + x;
    let f = -sin * -x + cos * -y + y;
    transform(frame, [cos, sin, c, -sin, cos, f]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> RgbFrame {
        let pixels = (0..9u8).flat_map(|value| [value * 10; 3]).collect();
        RgbFrame { width: 3, height: 3, pixels }
    }

    fn greys(frame: &RgbFrame) -> Vec<u8> {
        frame.pixels.iter().step_by(3).copied().collect()
    }

    #[test]
    fn whole_pixels_are_shifted_exactly_and_the_rest_is_grey() {
        let mut shifted = frame();
        transform(&mut shifted, [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(greys(&shifted), [10, 20, 128, 40, 50, 128, 70, 80, 128]);
    }

    #[test]
    fn a_quarter_turn_is_anticlockwise() {
        let mut turned = frame();
        rotate(&mut turned, 90.0);
        assert_eq!(greys(&turned), [20, 50, 80, 10, 40, 70, 0, 30, 60]);
    }

    #[test]
    fn no_turn_changes_nothing() {
        let mut same = frame();
        rotate(&mut same, 0.0);
        assert_eq!(same, frame());
    }
}
