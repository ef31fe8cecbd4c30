//! Random numbers that depend on a seed and on what they are drawn for, and on nothing else.
//!
//! A generator is keyed by the seed, a purpose in words and the numbers that name the single draw (an
//! epoch, a clip, a block). The same key gives the same numbers on every machine and device and with
//! any number of threads; two keys give streams that have nothing to do with each other.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// What numbers are drawn for, in words. The words are part of each key: other words are other numbers, and a run that
/// goes on would not be the run that it was. They are never changed.
pub mod purpose {
    /// Branches that are left out in the encoder.
    pub const DROP_PATH_OF_ENCODER: &str = "drop path of the encoder";
    /// Branches that are left out in the decoder.
    pub const DROP_PATH_OF_DECODER: &str = "drop path of the decoder";
    /// Features that are left out before a classifier's head.
    pub const DROPOUT: &str = "dropout before the head";
    /// How a micro-batch is mixed with itself.
    pub const MIXING: &str = "mixup and cutmix";
    /// The noise in a box of a clip that is erased.
    pub const ERASING: &str = "erasing";
    /// Which videos a probe's setting is chosen by.
    pub const HELD_OUT_VIDEOS: &str = "held-out videos";
    /// In which order a probe sees its clips.
    pub const ORDER_OF_PROBE: &str = "order of a probe";

    /// The first values of a model's tensor.
    pub fn weights(tensor: &str) -> String {
        format!("weights of {tensor}")
    }

    /// The first values of a probe's tensor.
    pub fn probe_weights(tensor: &str) -> String {
        format!("probe weights of {tensor}")
    }
}

/// A stream of random numbers.
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// The stream for `purpose` and `numbers` under `seed`.
    pub fn keyed(seed: u64, purpose: &str, numbers: &[u64]) -> Self {
        let mut key = blake3::Hasher::new();
        key.update(&seed.to_le_bytes());
        // The length keeps ("a", [98, …]) and ("ab", […]) apart.
        key.update(&(purpose.len() as u64).to_le_bytes());
        key.update(purpose.as_bytes());
        for number in numbers {
            key.update(&number.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(*key.finalize().as_bytes()))
    }

    /// A number from 0 (included) to 1 (excluded), in steps of 2⁻³².
    pub fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 4_294_967_296.0
    }

    /// A number uniform between `-bound` and `bound`.
    pub fn within(&mut self, bound: f64) -> f64 {
        (2.0 * self.unit() - 1.0) * bound
    }

    /// A number from the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        let (radius, cosine) = self.polar();
        radius * cosine
    }

    /// Radius, and the cosine of the angle, of a point of the normal distribution in the plane.
    fn polar(&mut self) -> (f64, f64) {
        // Box and Muller: 1 - unit is never 0, so the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        (radius, (std::f64::consts::TAU * self.unit()).cos())
    }

    /// A number from the Beta distribution of α = β = `alpha`, above 0.
    pub fn beta(&mut self, alpha: f64) -> f64 {
        // The share of one gamma number in the sum of two; both may round to 0 for a tiny α.
        let [one, other] = [self.gamma(alpha), self.gamma(alpha)];
        if one + other > 0.0 { one / (one + other) } else { 0.5 }
    }

    /// A number from the gamma distribution of this shape (Marsaglia and Tsang 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * (1.0 - self.unit()).powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        loop {
            let x = self.normal();
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && (1.0 - self.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// A number from the normal distribution of spread `sigma`, drawn again until it lies within
    /// `bound` of 0.
    pub fn normal_within(&mut self, sigma: f64, bound: f64) -> f64 {
        loop {
            let (radius, cosine) = self.polar();
            let value = sigma * radius * cosine;
            if value.abs() <= bound {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, purpose: &str, numbers: &[u64]) -> f64 {
        Draws::keyed(seed, purpose, numbers).unit()
    }

    #[test]
    fn a_key_always_gives_the_same_numbers_and_another_key_others() {
        assert_eq!(first(1, "weights", &[3]).to_bits(), first(1, "weights", &[3]).to_bits());
        let others = [first(2, "weights", &[3]), first(1, "weight", &[3]), first(1, "weights", &[4])];
        assert!(others.iter().all(|other| *other != first(1, "weights", &[3])));
    }

    #[test]
    fn the_words_of_purposes_are_those_that_runs_have_been_drawn_with() {
        let purposes = [
            purpose::DROP_PATH_OF_ENCODER,
            purpose::DROP_PATH_OF_DECODER,
            purpose::DROPOUT,
            purpose::MIXING,
            purpose::ERASING,
            purpose::HELD_OUT_VIDEOS,
            purpose::ORDER_OF_PROBE,
            &purpose::weights("head.weight"),
            &purpose::probe_weights("head.weight"),
        ];
        let drawn = purposes.map(|words| (first(7, words, &[1, 2]) * 4_294_967_296.0) as u32);
        let known = [
            2_726_461_225,
            3_238_199_790,
            2_614_646_571,
            277_935_190,
            84_562_648,
            883_283_732,
            1_805_798_063,
            959_597_071,
            1_846_444_725,
        ];
        assert_eq!(drawn, known);
    }

    #[test]
    fn a_normal_cut_at_one_sigma_spreads_by_half_of_it() {
        let mut draws = Draws::keyed(0, "test", &[]);
        let values: Vec<f64> = (0..100_000).map(|_| draws.normal_within(0.02, 0.02)).collect();
        let variance = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        // VideoMAE's mask token: standard deviation .0107912 for σ .02 cut at .02.
        assert!((variance.sqrt() - 0.010_791_2).abs() < 1e-4, "spread {}", variance.sqrt());
        assert!(values.iter().all(|value| value.abs() <= 0.02));
    }

    #[test]
    fn beta_numbers_have_their_mean_and_variance() {
        for alpha in [0.2, 0.8, 1.0, 7.0] {
            let mut draws = Draws::keyed(0, "beta", &[]);
            let values: Vec<f64> = (0..50_000).map(|_| draws.beta(alpha)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance =
                values.iter().map(|value| (value - 0.5).powi(2)).sum::<f64>() / values.len() as f64;
            let wanted = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!(
                (mean - 0.5).abs() < 0.01 && (variance / wanted - 1.0).abs() < 0.05,
                "{alpha}: {mean} {variance}"
            );
        }
    }
}
