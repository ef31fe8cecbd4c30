//! Block mask: rectangles of places are hidden, the same at all time positions; no official code.
//!
//! Rectangles with sides from one place to half the grid are laid anywhere until as many places are
//! hidden as the ratio asks for; the last one is cut off, row by row, when the count is reached, so that
//! every clip has as many visible tokens as with a tube mask.

use schemas::ClipGeometry;

use super::grid::over_time;
use crate::draws::Draws;

/// One bit a token; `hidden` places of each time position are set.
pub(super) fn hidden(geometry: ClipGeometry, hidden: usize, draws: &mut Draws) -> Vec<bool> {
    let [_, rows, columns] = geometry.grid();
    let mut places = vec![false; rows * columns];
    let mut left = hidden;
    while left > 0 {
        let (height, width) = (1 + draws.place(rows.div_ceil(2)), 1 + draws.place(columns.div_ceil(2)));
        let (top, side) = (draws.place(rows - height + 1), draws.place(columns - width + 1));
        for place in (top..top + height).flat_map(|y| (side..side + width).map(move |x| y * columns + x)) {
            if left > 0 && !places[place] {
                places[place] = true;
                left -= 1;
            }
        }
    }
    over_time(geometry, &places)
}
