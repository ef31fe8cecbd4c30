//! A whole picture as planes: turned upright, and resized to a short side.
//!
//! This is what a frame shard of planes stores, and what clips are cut from where whole frames are resized
//! or must be turned: so files and shards give the same bytes. Turning moves samples and changes none.
//! Resizing is antialiased bilinear plane by plane, chroma at its own size, rounded to the picture's own
//! samples.

use std::borrow::Cow;

use bytes::Bytes;

use super::{ROWS, Scratch, down::Part, simd, taps};
use crate::{
    picture::{Orientation, Picture, Sampling},
    transform::size_with_short_side,
};

/// `picture` upright, its shorter side `short_side` (0 keeps its size).
///
/// The planes keep their subsampling, except where turning would put a chroma sample between the blocks of
/// luma that it stands for: then chroma comes at luma's size.
pub fn whole_planes(picture: &Picture, orientation: Orientation, short_side: u32) -> Picture {
    let upright = match orientation == Orientation::default() {
        true => Cow::Borrowed(picture),
        false => Cow::Owned(turned(picture, orientation)),
    };
    let size = (upright.width, upright.height);
    let wanted = size_with_short_side(size, short_side);
    if wanted == size { upright.into_owned() } else { resized(&upright, wanted) }
}

/// The picture turned upright.
fn turned(picture: &Picture, orientation: Orientation) -> Picture {
    if !keeps_blocks(picture, orientation) {
        return turned(&with_chroma_spread(picture), orientation);
    }
    let turns = orientation.quarter_turns % 4;
    let size = |(columns, rows)| if turns % 2 == 1 { (rows, columns) } else { (columns, rows) };
    let (width, height) = size((picture.width, picture.height));
    let mut planes = vec![0; picture.planes.len()];
    let mut rest = planes.as_mut_slice();
    for plane in 0..picture.layout.colour.planes() {
        let (columns, rows) = picture.plane_size(plane);
        let from = picture.plane(plane);
        let (to, behind) = rest.split_at_mut(from.len());
        rest = behind;
        match picture.sample_bytes() {
            1 => turn::<1>(from, (columns, rows), orientation, to),
            _ => turn::<2>(from, (columns, rows), orientation, to),
        }
    }
    Picture { width, height, planes: planes.into(), ..*picture }
}

/// Side of the squares in which a plane is turned: whole lines of the cache are used on both sides.
const TILE: usize = 32;

fn turn<const BYTES: usize>(from: &[u8], size: (usize, usize), orientation: Orientation, to: &mut [u8]) {
    let (columns, rows) = size;
    let turns = orientation.quarter_turns % 4;
    let (width, height) = if turns % 2 == 1 { (rows, columns) } else { (columns, rows) };
    let (from, to) = (from.as_chunks::<BYTES>().0, to.as_chunks_mut::<BYTES>().0);
    for top in (0..height).step_by(TILE) {
        for left in (0..width).step_by(TILE) {
            for y in top..height.min(top + TILE) {
                for x in left..width.min(left + TILE) {
                    let (column, row) = match turns {
                        0 => (x, y),
                        1 => (y, rows - 1 - x),
                        2 => (columns - 1 - x, rows - 1 - y),
                        _ => (columns - 1 - y, x),
                    };
                    let column = if orientation.mirrored { columns - 1 - column } else { column };
                    to[y * width + x] = from[row * columns + column];
                }
            }
        }
    }
}

/// Whether the blocks of luma that chroma samples stand for begin at the turned picture's corner.
fn keeps_blocks(picture: &Picture, orientation: Orientation) -> bool {
    let (across, down) = picture.layout.colour.chroma_shift();
    let turns = orientation.quarter_turns % 4;
    let columns_turn_round = (turns >= 2) != orientation.mirrored;
    let rows_turn_round = turns == 1 || turns == 2;
    let whole_blocks = |length: u32, shift: u32| length.is_multiple_of(1 << shift);
    (turns % 2 == 0 || across == down)
        && (!columns_turn_round || whole_blocks(picture.width, across))
        && (!rows_turn_round || whole_blocks(picture.height, down))
}

/// The picture with a chroma sample for each luma sample.
fn with_chroma_spread(picture: &Picture) -> Picture {
    let (across, down) = picture.layout.colour.chroma_shift();
    let bytes = picture.sample_bytes();
    let mut planes = picture.plane(0).to_vec();
    planes.reserve_exact(2 * planes.len());
    for plane in 1..3 {
        let (samples, columns) = (picture.plane(plane), picture.plane_size(plane).0);
        for y in 0..picture.height as usize {
            let row = &samples[(y >> down) * columns * bytes..][..columns * bytes];
            let spread = (0..picture.width as usize).flat_map(|x| &row[(x >> across) * bytes..][..bytes]);
            planes.extend(spread);
        }
    }
    let layout = crate::picture::Layout { colour: Sampling::Yuv444, ..picture.layout };
    Picture { layout, planes: planes.into(), ..*picture }
}

fn resized(picture: &Picture, (width, height): (u32, u32)) -> Picture {
    let mut to = Picture { width, height, planes: Bytes::new(), ..*picture };
    let mut planes = Vec::new();
    // A chroma sample lies in the middle of its block of luma, also where the last block is not whole.
    let scale_x = f64::from(picture.width) / f64::from(width);
    let scale_y = f64::from(picture.height) / f64::from(height);
    let mut scratch = Scratch::default();
    for plane in 0..picture.layout.colour.planes() {
        let (columns, rows) = picture.plane_size(plane);
        let (columns_out, rows_out) = to.plane_size(plane);
        let across = taps::whole(columns, columns_out, scale_x);
        let down = taps::whole(rows, rows_out, scale_y);
        let samples = picture.plane(plane);
        let part = Part { samples, stride: columns, left: 0, top: 0, width: columns };
        for taps in down.chunks(ROWS) {
            simd::filter_rows(picture, &part, taps, &mut scratch.rows[0]);
            let rows = taps.len();
            let start = planes.len();
            planes.resize(start + rows * columns_out * picture.sample_bytes(), 0);
            let out = &mut planes[start..];
            simd::samples_across(picture, &across, rows, &mut scratch, out);
        }
    }
    to.planes = planes.into();
    to
}
