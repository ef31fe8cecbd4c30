//! Tube mask in one clip, frame mask in another, each as often by chance; no official code.
//!
//! The clips of a batch have the same number of visible tokens. Where a tube mask and a frame mask of the ratio leave
//! different numbers, the one that leaves more hides tokens besides, anywhere.

use schemas::{ClipGeometry, settings::MaskKind};

use super::{frame, tube};
use crate::schedule::RowDraws;

/// What a clip has one of.
pub(super) const KINDS: [MaskKind; 2] = [MaskKind::Tube, MaskKind::Frame];

/// One bit a token; `hidden` of them are set, at least as many as a mask of the ratio hides.
pub(super) fn hidden(geometry: ClipGeometry, ratio: f64, hidden: usize, draws: &mut RowDraws) -> Vec<bool> {
    let share = |of: usize| (ratio * of as f64) as usize;
    let mut bits = match KINDS[draws.mask_kind.place(KINDS.len())] {
        MaskKind::Tube => tube::hidden(geometry, share(geometry.places()), &mut draws.mask),
        _ => frame::hidden(geometry, share(geometry.grid()[0]), &mut draws.mask),
    };
    let visible: Vec<usize> = (0..bits.len()).filter(|token| !bits[*token]).collect();
    let besides = hidden - (bits.len() - visible.len());
    for at in draws.mask.choose(besides, visible.len()) {
        bits[visible[at]] = true;
    }
    bits
}
