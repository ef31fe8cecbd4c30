//! Turned, sheared and shifted frames, as Pillow's `Image.transform(AFFINE, BICUBIC)` makes them.
//!
//! ```text
//! source of output (x, y) = (a(x+½) + b(y+½) + c,  d(x+½) + e(y+½) + f)
//! outside the frame: grey 128; inside: minus ½ each, cubic over 4×4 (a = −1), truncated
//! ```

use crate::transform::RgbFrame;

/// What fills the places that the frame does not reach (timm's `img_mean` in the official call).
const FILL: u8 = 128;

/// Levels of red, green and blue, and a fourth of anything: four numbers suit registers.
type Levels = [f64; 4];

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
                *out = at(&from, [width, height], source_x - 0.5, source_y - 0.5);
            }
        }
    }
}

/// The pixel at a place between pixels, from −½; neighbours beyond the border are those at it.
fn at(pixels: &[u8], [width, height]: [usize; 2], x: f64, y: f64) -> [u8; 3] {
    let ([left, dx], [above, dy]) = (parts(x), parts(y));
    // The fourth of a pixel's levels is the next pixel's red where all neighbours, and that one, are in the frame.
    let is_within = |first: f64, last: f64, side: usize| first >= 1.0 && last < side as f64;
    let [red, green, blue, _] = if is_within(left, left + 3.0, width) && is_within(above, above + 2.0, height)
    {
        let first = (above as usize - 1) * width + left as usize - 1;
        let pixel = |row: usize, column: usize| {
            let levels = &pixels[(first + row * width + column) * 3..];
            levels.first_chunk().map_or([0.0; 4], |levels: &[u8; 4]| levels.map(f64::from))
        };
        between(pixel, dx, dy)
    } else {
        let near = |first: f64, side: usize| {
            [-1.0, 0.0, 1.0, 2.0].map(|step| (first + step).clamp(0.0, side as f64 - 1.0) as usize)
        };
        let (columns, rows) = (near(left, width), near(above, height));
        let pixel = |row: usize, column: usize| {
            let first = (rows[row] * width + columns[column]) * 3;
            [pixels[first], pixels[first + 1], pixels[first + 2], 0].map(f64::from)
        };
        between(pixel, dx, dy)
    };
    // `as` cuts to 0 … 255 and truncates.
    [red as u8, green as u8, blue as u8]
}

/// The largest whole number that is not above a place, and the distance from it. (`f64::floor` is a call where a build is
/// for any x86-64.)
fn parts(place: f64) -> [f64; 2] {
    let cut = f64::from(place as i32);
    let below = if place < cut { cut - 1.0 } else { cut };
    [below, place - below]
}

/// What lies `dx` and `dy` behind pixel (1, 1) of four by four, which `pixel` gives by row and column.
#[inline(always)]
fn between(pixel: impl Fn(usize, usize) -> Levels, dx: f64, dy: f64) -> Levels {
    // The cubic gives the second value itself there, as in each column of a frame that is sheared or shifted along rows.
    if dy == 0.0 {
        return in_row(&pixel, 1, dx);
    }
    let rows = [in_row(&pixel, 0, dx), in_row(&pixel, 1, dx), in_row(&pixel, 2, dx), in_row(&pixel, 3, dx)];
    cubic(rows, dy)
}

/// What lies `dx` behind the second of four pixels of a row.
#[inline(always)]
fn in_row(pixel: &impl Fn(usize, usize) -> Levels, row: usize, dx: f64) -> Levels {
    if dx == 0.0 {
        return pixel(row, 1);
    }
    cubic([pixel(row, 0), pixel(row, 1), pixel(row, 2), pixel(row, 3)], dx)
}

/// Pillow's cubic through four values at −1, 0, 1, 2, taken at `d` between 0 and 1 (a = −1), in its order of
/// operations.
#[inline(always)]
fn cubic([first, second, third, fourth]: [Levels; 4], d: f64) -> Levels {
    std::array::from_fn(|at| {
        let v = [first[at], second[at], third[at], fourth[at]];
        let slope = v[2] - v[0];
        let square = 2.0 * (v[0] - v[1]) + v[2] - v[3];
        let cube = -v[0] + v[1] - v[2] + v[3];
        v[1] + d * (slope + d * (square + d * cube))
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

    /// The same without any thought of time.
    fn plain_at(pixels: &[u8], [width, height]: [usize; 2], x: f64, y: f64) -> [u8; 3] {
        let neighbours = |place: f64, side: usize| {
            let first = place.floor() as i64 - 1;
            [0, 1, 2, 3].map(|step| (first + step).clamp(0, side as i64 - 1) as usize)
        };
        let (columns, rows) = (neighbours(x, width), neighbours(y, height));
        let mix = |values: [f64; 4], d| cubic(values.map(|value| [value; 4]), d)[0];
        std::array::from_fn(|colour| {
            let level = |row: usize, column: usize| f64::from(pixels[(row * width + column) * 3 + colour]);
            let across = |row| mix(columns.map(|column| level(row, column)), x - x.floor());
            mix(rows.map(across), y - y.floor()) as u8
        })
    }

    #[test]
    fn every_place_of_a_frame_gives_what_the_plain_way_gives() {
        for [width, height] in [[1, 1], [2, 5], [4, 4], [7, 3], [19, 11]] {
            let pixels: Vec<u8> = (0..width * height * 3).map(|at| (at * at * 7 + at * 31) as u8).collect();
            let steps = |side: usize| (0..side * 8).map(|step| f64::from(step as u32) / 8.0 - 0.5);
            let near = |place: f64| [place, place.next_down(), place.next_up(), place + 0.037];
            for y in steps(height).flat_map(near) {
                for x in steps(width).flat_map(near) {
                    let found = at(&pixels, [width, height], x, y);
                    let wanted = plain_at(&pixels, [width, height], x, y);
                    assert_eq!(found, wanted, "{width}×{height} at {x}, {y}");
                }
            }
        }
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
