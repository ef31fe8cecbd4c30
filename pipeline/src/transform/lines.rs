//! RGB pixels as the fast passes want them: each row is three lines, reds, greens and blues.
//!
//! ```text
//! row y     R R R … R  G G G … G  B B B … B      3 × width bytes, rows one after the other
//! ```
//!
//! A vector register then holds samples of one colour, and a cube, which is ordered by colour too, is
//! copied line by line. The memory is kept when a frame of another size is put in its place.

use super::{RgbFrame, crop::Window};

/// Bytes behind the last sample, so that a vector can be read from any sample on.
const SLACK: usize = 16;

/// An RGB frame whose rows are three lines of one colour each.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    width: usize,
    height: usize,
    samples: Vec<u8>,
}

impl Lines {
    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Makes room for `width × height` pixels; what they hold is left open.
    pub fn reshape(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.samples.resize(width * height * 3 + SLACK, 0);
    }

    /// The samples of all rows, without the slack.
    pub fn samples(&self) -> &[u8] {
        &self.samples[..self.width * self.height * 3]
    }

    /// The samples of all rows, to be written.
    pub fn samples_mut(&mut self) -> &mut [u8] {
        &mut self.samples[..self.width * self.height * 3]
    }

    /// The lines of row `y`, each followed by at least 16 readable bytes.
    #[inline(always)]
    pub fn lines_with_slack(&self, y: usize) -> [&[u8]; 3] {
        [0, 1, 2].map(|colour| &self.samples[(y * 3 + colour) * self.width..][..self.width + SLACK])
    }

    /// Puts a window of interleaved RGB, rows of `width` pixels, in its place; it must lie in the frame.
    pub fn cut_from(&mut self, pixels: &[u8], width: u32, window: Window) {
        let (columns, rows) = (window.width as usize, window.height as usize);
        self.reshape(columns, rows);
        for (y, row) in (window.y as usize..).zip(self.samples_mut().chunks_exact_mut(columns * 3)) {
            let from = &pixels[(y * width as usize + window.x as usize) * 3..][..columns * 3];
            let (red, rest) = row.split_at_mut(columns);
            let (green, blue) = rest.split_at_mut(columns);
            let colours = red.iter_mut().zip(green).zip(blue);
            for (pixel, ((red, green), blue)) in from.as_chunks::<3>().0.iter().zip(colours) {
                [*red, *green, *blue] = *pixel;
            }
        }
    }

    /// The pixels, interleaved.
    pub fn to_rgb(&self) -> RgbFrame {
        let mut pixels = vec![0; self.samples().len()];
        self.interleave_into(&mut pixels);
        RgbFrame { width: self.width as u32, height: self.height as u32, pixels }
    }

    /// Writes the pixels, interleaved, into `height × width × 3` bytes.
    pub fn interleave_into(&self, pixels: &mut [u8]) {
        let rows = pixels.chunks_exact_mut((self.width * 3).max(1));
        for (y, row) in rows.enumerate() {
            let [red, green, blue] = self.lines_with_slack(y);
            let colours = red.iter().zip(green).zip(blue);
            for (pixel, ((red, green), blue)) in row.as_chunks_mut::<3>().0.iter_mut().zip(colours) {
                *pixel = [*red, *green, *blue];
            }
        }
    }

    /// Mirrors it left to right, in place.
    pub fn mirror(&mut self) {
        let width = self.width.max(1);
        self.samples_mut().chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered() -> Lines {
        let mut lines = Lines::default();
        lines.cut_from(&(0..36).collect::<Vec<u8>>(), 4, Window { x: 1, y: 1, width: 2, height: 2 });
        lines
    }

    #[test]
    fn a_window_is_cut_and_taken_apart_by_colour() {
        assert_eq!(numbered().samples(), [15, 18, 16, 19, 17, 20, 27, 30, 28, 31, 29, 32]);
        assert_eq!(numbered().to_rgb().pixels, [15, 16, 17, 18, 19, 20, 27, 28, 29, 30, 31, 32]);
    }

    #[test]
    fn mirroring_turns_pixels_and_not_colours() {
        let mut lines = numbered();
        lines.mirror();
        assert_eq!(lines.to_rgb().pixels, [18, 19, 20, 15, 16, 17, 30, 31, 32, 27, 28, 29]);
    }
}
