//! Tube mask: the same grid places are hidden at all time positions (VideoMAE, section 3.3).

use schemas::ClipGeometry;

use super::grid::{bits, over_time};
use crate::draws::Draws;

/// One bit a token; `hidden` places of each time position are set.
pub(super) fn hidden(geometry: ClipGeometry, hidden: usize, draws: &mut Draws) -> Vec<bool> {
    let places = geometry.places();
    over_time(geometry, &bits(places, &draws.choose(hidden, places)))
}
