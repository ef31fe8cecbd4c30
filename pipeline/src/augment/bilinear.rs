//! Where PyTorch's bilinear `interpolate` looks (`align_corners` false, no antialias), in f32 as there.

/// Two neighbours and the share of the second.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) share: f32,
}

/// The neighbours of each of `to` places among `from`.
pub(super) fn pairs(from: u32, to: u32) -> impl Iterator<Item = Pair> + Clone {
    let scale = from as f32 / to as f32;
    let last = from.saturating_sub(1) as usize;
    (0..to).map(move |at| {
        let place = (scale * (at as f32 + 0.5) - 0.5).max(0.0);
        let first = (place as usize).min(last);
        Pair { first, second: (first + 1).min(last), share: place - first as f32 }
    })
}

/// What lies at a row and a column between neighbours; `value` takes a row and a column.
#[inline]
pub(super) fn between(value: impl Fn(usize, usize) -> f32, row: Pair, column: Pair) -> f32 {
    let across = |y| (1.0 - column.share) * value(y, column.first) + column.share * value(y, column.second);
    (1.0 - row.share) * across(row.first) + row.share * across(row.second)
}
