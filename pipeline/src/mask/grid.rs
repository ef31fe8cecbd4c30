//! Bits over the grid of a clip's tokens.

use schemas::ClipGeometry;

/// One bit a place, repeated over all time positions.
pub(super) fn over_time(geometry: ClipGeometry, places: &[bool]) -> Vec<bool> {
    places.repeat(geometry.grid()[0])
}

/// `count` items of which those in `chosen` are true.
pub(super) fn bits(count: usize, chosen: &[usize]) -> Vec<bool> {
    let mut bits = vec![false; count];
    for &at in chosen {
        bits[at] = true;
    }
    bits
}
