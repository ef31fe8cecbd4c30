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
//! there is [`rgb`](super::rgb).

mod across;
mod down;
mod mix;
pub mod plain;
mod resize;
mod simd;
mod taps;
pub mod whole;

pub use self::resize::PlaneResize;

/// Rows that are made together: their sums fill vector registers.
const ROWS: usize = 8;

/// Samples behind a row's last, so that a vector can be read from any sample on.
const SLACK: usize = 32;

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
