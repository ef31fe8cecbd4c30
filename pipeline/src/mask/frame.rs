//! Frame mask: whole time positions are hidden. The paper's ablation hides 7 of 8; no official code.

use schemas::ClipGeometry;

use super::grid::bits;
use crate::draws::Draws;

/// One bit a token; all tokens of `hidden` time positions are set.
pub(super) fn hidden(geometry: ClipGeometry, hidden: usize, draws: &mut Draws) -> Vec<bool> {
    let times = geometry.grid()[0];
    let chosen = bits(times, &draws.choose(hidden, times));
    chosen.into_iter().flat_map(|bit| std::iter::repeat_n(bit, geometry.places())).collect()
}
