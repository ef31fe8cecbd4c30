//! Random mask: tokens anywhere in space and time are hidden (V2's RandomMaskingGenerator).

use schemas::ClipGeometry;

use super::grid::bits;
use crate::draws::Draws;

/// One bit a token; `hidden` of them are set.
pub(super) fn hidden(geometry: ClipGeometry, hidden: usize, draws: &mut Draws) -> Vec<bool> {
    let tokens = geometry.tokens();
    bits(tokens, &draws.choose(hidden, tokens))
}
