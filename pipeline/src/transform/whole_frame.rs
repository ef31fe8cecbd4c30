//! A whole picture, or a window of one, as upright RGB.

use super::{
    RgbFrame,
    crop::Window,
    lines::Lines,
    orientation,
    rgb::{convert, resize::Resize},
    size_with_short_side,
};
use crate::picture::{Orientation, Picture};

/// A whole picture as an upright RGB frame whose shorter side is `short_side` (0 keeps its size).
pub fn whole_frame(picture: &Picture, orientation: Orientation, short_side: u32) -> RgbFrame {
    let upright = orientation::upright_size(orientation, (picture.width, picture.height));
    let window = Window { x: 0, y: 0, width: upright.0, height: upright.1 };
    let (mut frame, mut spare) = (Lines::default(), Lines::default());
    window_of(picture, orientation, window, &mut frame, &mut spare);
    Resize::new(upright, size_with_short_side(upright, short_side)).run(&mut frame, &mut spare);
    frame.to_rgb()
}

/// Puts a window of a picture in the place of `to`; it is given in the upright picture and must lie in
/// it. `spare` lends its memory.
pub fn window_of(
    picture: &Picture,
    orientation: Orientation,
    window: Window,
    to: &mut Lines,
    spare: &mut Lines,
) {
    let coded = orientation::to_coded(orientation, (picture.width, picture.height), window);
    convert(picture, coded, to);
    orientation::upright(orientation, to, spare);
}
