//! Random numbers that depend on what they are for, and on nothing else.
//!
//! A generator is keyed by the seed, a purpose in words and the numbers that name the single draw (an
//! epoch, a clip, a block). The same key gives the same numbers on every machine and device and with
//! any number of threads; two keys give streams that have nothing to do with each other.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

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

    /// A number from the normal distribution of spread `sigma`, drawn again until it lies within
    /// `bound` of 0.
    pub fn normal_within(&mut self, sigma: f64, bound: f64) -> f64 {
        loop {
            // Box and Muller: 1 - unit is never 0, so the logarithm is finite.
            let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
            let value = sigma * radius * (std::f64::consts::TAU * self.unit()).cos();
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
    fn a_normal_cut_at_one_sigma_spreads_by_half_of_it() {
        let mut draws = Draws::keyed(0, "test", &[]);
        let values: Vec<f64> = (0..100_000).map(|_| draws.normal_within(0.02, 0.02)).collect();
        let variance = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        // VideoMAE's mask token: standard deviation .0107912 for σ .02 cut at .02.
        assert!((variance.sqrt() - 0.010_791_2).abs() < 1e-4, "spread {}", variance.sqrt());
        assert!(values.iter().all(|value| value.abs() <= 0.02));
    }
}
