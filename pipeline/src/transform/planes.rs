//! The window of a picture at the clip's size, straight from its planes: resize first, colour last.
//!
//! ```text
//! Y  ─▶ rows ─▶ columns ─┐
//! Cb ─▶ rows ─▶ columns ─┼─▶ matrix ─▶ rounded and clamped once ─▶ RGB lines
//! Cr ─▶ rows ─▶ columns ─┘
//! ```
//!
//! Antialiased bilinear on the crop window, each chroma sample standing for its whole block of luma
//! samples; since everything before the clamp is linear, it does not matter that the matrix comes last, and
//! it is applied to the pixels of the clip alone. The weights of a pass, with chroma's enlargement in them,
//! are computed once a clip. Sums are integers; between the passes a sample has 15 bits, whatever its depth.
//! The result is at most 1 level from [`plain::convert_and_resize`], which does the same in f64.
//!
//! The official code rounds to RGB u8 first and again between the passes of its resize: for its very bytes
//! there are [`rgb`](super::rgb) and [`resize`](super::resize).

mod across;
mod down;
mod mix;
pub mod plain;
mod simd;
mod taps;
pub mod whole;

use self::{mix::Mix, simd::Columns, taps::Taps};
use super::{crop::Window, lines::Lines};
use crate::picture::{Layout, Picture};

/// Rows that are made together: their sums fill vector registers.
const ROWS: usize = 8;

/// Samples behind a row's last, so that a vector can be read from any sample on.
const SLACK: usize = 32;

/// Luma's, and chroma's: equal where a picture has no subsampling along this side.
type Axis = [Vec<Taps>; 2];

/// The way from a window of pictures of one shape to the clip's size: its weights are computed once.
pub struct PlaneResize {
    shape: (Layout, u32, u32),
    window: Window,
    down: Axis,
    across: Axis,
    columns: Columns,
}

/// Memory that one frame after the other uses.
#[derive(Debug, Default)]
pub struct Scratch {
    /// [`ROWS`] rows of each plane after the pass over rows.
    rows: [Rows; 3],
    /// The same, row beside row.
    lanes: [Vec<[i16; ROWS]>; 3],
}

/// Up to [`ROWS`] rows of one plane.
#[derive(Debug, Default)]
struct Rows {
    width: usize,
    samples: Vec<i16>,
}

impl Rows {
    fn reshape(&mut self, width: usize) {
        self.width = width;
        self.samples.resize(ROWS * width + SLACK, 0);
    }

    fn row_mut(&mut self, row: usize) -> &mut [i16] {
        &mut self.samples[row * self.width..][..self.width]
    }

    /// Puts the first `rows` rows beside each other in the place of `lanes`.
    #[inline(always)]
    fn beside(&self, rows: usize, lanes: &mut Vec<[i16; ROWS]>) {
        lanes.resize(self.width, [0; ROWS]);
        for row in 0..rows {
            for (lanes, &sample) in lanes.iter_mut().zip(&self.samples[row * self.width..]) {
                lanes[row] = sample;
            }
        }
    }

    /// Whether from the beginning of each row on `samples` samples can be read.
    fn holds(&self, samples: usize) -> bool {
        self.samples.len() >= ROWS * self.width + SLACK && samples <= self.width + SLACK
    }

    /// Where row `row` begins.
    #[inline(always)]
    fn from_row(&self, row: usize) -> *const i16 {
        self.samples[row * self.width..].as_ptr()
    }
}

impl PlaneResize {
    /// From `window` of pictures like `picture`, in which it must lie, to `to` columns and rows.
    pub fn new(picture: &Picture, window: Window, to: (u32, u32)) -> Self {
        let (shift_x, shift_y) = picture.layout.colour.chroma_shift();
        let axis = |start, length, to, shift| [0, shift].map(|shift| taps::over(start, length, to, shift));
        let across = axis(window.x, window.width, to.0, shift_x);
        let columns = Columns::of(across.each_ref().map(Vec::as_slice));
        Self {
            shape: (picture.layout, picture.width, picture.height),
            window,
            down: axis(window.y, window.height, to.1, shift_y),
            across,
            columns,
        }
    }

    /// Whether it was made for pictures like this one.
    pub fn fits(&self, picture: &Picture) -> bool {
        self.shape == (picture.layout, picture.width, picture.height)
    }

    /// Puts the window of `picture`, which [fits](Self::fits), at the clip's size in the place of `to`.
    pub fn run(&self, picture: &Picture, to: &mut Lines, scratch: &mut Scratch) {
        let [luma, _] = &self.down;
        to.reshape(self.across[0].len(), luma.len());
        let mix = Mix::of(picture);
        let planes = picture.layout.colour.planes();
        for top in (0..luma.len()).step_by(ROWS) {
            for plane in 0..planes {
                let part = self.part(picture, plane);
                let taps = &self.down[plane.min(1)][top..luma.len().min(top + ROWS)];
                simd::filter_rows(picture, &part, taps, &mut scratch.rows[plane]);
            }
            let taps = self.across.each_ref().map(Vec::as_slice);
            simd::filter_columns(taps, &self.columns, &mix, planes, top, to, scratch);
        }
    }

    /// The samples of `plane` that the window needs.
    fn part<'a>(&self, picture: &'a Picture, plane: usize) -> down::Part<'a> {
        let (shift_x, shift_y) = if plane == 0 { (0, 0) } else { picture.layout.colour.chroma_shift() };
        let Window { x, y, width, .. } = self.window;
        let left = (x >> shift_x) as usize;
        down::Part {
            samples: picture.plane(plane),
            stride: picture.plane_size(plane).0,
            left,
            top: (y >> shift_y) as usize,
            width: ((x + width - 1) >> shift_x) as usize + 1 - left,
        }
    }
}

#[cfg(test)]
mod tests;
