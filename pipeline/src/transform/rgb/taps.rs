//! The weights of a resize along one side: which inputs an output is made of, and in which shares.

/// Fraction bits of a weight (Pillow's PRECISION_BITS, 32 − 8 − 2).
pub(super) const BITS: u32 = 22;

/// The inputs of one output position.
pub(super) struct Taps {
    /// First input.
    pub first: usize,
    /// Weights in units of 2⁻²².
    pub weights: Vec<i32>,
}

/// For each of `to` output positions its first input and the shares of the inputs from there on, which add
/// up to 1; neighbouring outputs lie `scale` of the `from` inputs apart.
pub(in crate::transform) fn shares(
    from: usize,
    to: usize,
    scale: f64,
) -> impl Iterator<Item = (usize, Vec<f64>)> {
    let reach = scale.max(1.0);
    (0..to).map(move |at| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        let weight = |x: usize| (1.0 - ((x as f64 - centre + 0.5) / reach).abs()).max(0.0);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        (first, weights.into_iter().map(|weight| weight / sum).collect())
    })
}

/// The weights of every output position of a pass from `from` to `to` samples.
pub(super) fn taps(from: u32, to: u32) -> Vec<Taps> {
    let fixed = |share: f64| (share * f64::from(1 << BITS) + 0.5) as i32;
    shares(from as usize, to as usize, f64::from(from) / f64::from(to))
        .map(|(first, shares)| Taps { first, weights: shares.into_iter().map(fixed).collect() })
        .collect()
}

/// A sum in units of 2⁻²² as a byte.
#[inline(always)]
pub(super) fn to_byte(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}
