//! The way from a window of pictures of one shape to the clip's size: its weights are computed once a clip.

use super::{
    ROWS, Scratch, down,
    mix::Mix,
    simd::{self, Columns},
    taps::{self, Taps},
};
use crate::{
    picture::{Layout, Picture},
    transform::{crop::Window, lines::Lines},
};

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
