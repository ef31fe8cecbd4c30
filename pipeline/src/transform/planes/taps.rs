//! Which samples make an output position, and with which weights, in integers.

use crate::transform::rgb::taps::shares;

/// Fraction bits of a weight: the largest fits in 16 bits with its sign.
pub(super) const BITS: u32 = 14;

/// The inputs of one output position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taps {
    /// First input.
    pub first: usize,
    /// Weights in units of 2⁻¹⁴, none negative; together exactly 1.
    pub weights: Vec<i16>,
}

impl Taps {
    /// Rounds the running sum rather than each weight: so they add up to 1, and their errors do not.
    fn of(first: usize, shares: &[f64]) -> Self {
        let total: f64 = shares.iter().sum();
        let (mut sum, mut given) = (0.0, 0);
        let mut weights: Vec<i16> = shares
            .iter()
            .map(|share| {
                sum += share;
                let until = (sum / total * f64::from(1 << BITS)).round() as i16;
                until - std::mem::replace(&mut given, until)
            })
            .collect();
        let none = weights.iter().take_while(|weight| **weight == 0).count();
        weights.drain(..none);
        let used = weights.iter().rposition(|weight| *weight != 0).map_or(0, |last| last + 1);
        weights.truncate(used);
        Self { first: first + none, weights }
    }
}

/// The taps of a pass from `length` luma samples, the first of which is sample `start`, to `to`. They are
/// samples that stand for `1 << shift` luma samples each, counted from the one that stands for `start`.
pub(super) fn over(start: u32, length: u32, to: u32, shift: u32) -> Vec<Taps> {
    let (start, length, to) = (start as usize, length as usize, to as usize);
    let place = |at: usize| ((start + at) >> shift) - (start >> shift);
    shares(length, to, length as f64 / to as f64)
        .map(|(first, shares)| {
            let mut joined = vec![0.0; place(first + shares.len() - 1) + 1 - place(first)];
            for (at, share) in (first..).zip(shares) {
                joined[place(at) - place(first)] += share;
            }
            Taps::of(place(first), &joined)
        })
        .collect()
}

/// The taps of a pass over a whole plane of `from` samples, to `to` that lie `scale` apart.
pub(super) fn whole(from: usize, to: usize, scale: f64) -> Vec<Taps> {
    shares(from, to, scale).map(|(first, shares)| Taps::of(first, &shares)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_stays_takes_each_sample_alone() {
        let alone = |first| Taps { first, weights: vec![1 << BITS] };
        assert_eq!(over(5, 3, 3, 0), [0, 1, 2].map(alone));
        // Luma 5, 6, 7, 8 lie in chroma 2, 3, 3, 4.
        assert_eq!(over(5, 4, 4, 1), [0, 1, 1, 2].map(alone));
    }

    #[test]
    fn weights_are_never_negative_and_add_up_to_one() {
        for (length, to) in [(256, 224), (100, 224), (1080, 224), (4320, 112), (1, 7), (7, 1)] {
            for shift in 0..3 {
                for tap in over(3, length, to, shift) {
                    assert!(tap.weights.iter().all(|&weight| weight >= 0));
                    assert_eq!(tap.weights.iter().map(|&weight| i32::from(weight)).sum::<i32>(), 1 << BITS);
                    assert!(
                        tap.first + tap.weights.len()
                            <= (((3 + length - 1) >> shift) - (3 >> shift) + 1) as usize
                    );
                }
            }
        }
    }
}
