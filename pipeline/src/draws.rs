//! Random numbers that depend on what they are for, never on when or where they are drawn.
//!
//! A [`Draws`] is a ChaCha stream whose 256-bit key is (seed, purpose, epoch, number), so any worker can
//! make any clip's numbers at any time. Only [`crate::schedule`] makes them.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// What numbers are drawn for. The discriminants are part of the key: changing one changes every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The order of an epoch's slots; the number is 0, in a mixture `pass × sets + set`.
    Order = 1,
    /// A clip's first frame; the number is the slot.
    Start = 2,
    /// A clip's crop window; the number is the row's.
    Crop = 3,
    /// Whether a clip is mirrored; the number is the row's.
    Flip = 4,
    /// What the encoder does not see; the number is the row's.
    Mask = 5,
    /// What the decoder does not paint; the number is the row's.
    Decoder = 6,
    /// Which operations change the colours and the shape of a clip; the number is the row's.
    Operations = 7,
    /// The box that is erased; the number is the row's.
    Erase = 8,
    /// Whether a video is held out; the number is from its name or content. In runs of older versions the class.
    Split = 9,
    /// Which class, and which of its videos, a clip of a balanced epoch is of; the number is the clip's.
    Balance = 12,
    /// What a rendered video shows; the epoch is its set, the number is the video's.
    Scene = 16,
    /// Which kind of mask a row has, where there are several; the number is the row's.
    MaskKind = 17,
    /// Which sets of a mixture 64 clips are of; the number is theirs over 64.
    Mixture = 18,
}

/// A stream of random numbers of one purpose.
#[derive(Clone, Debug)]
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// The stream of (seed, purpose, epoch, number).
    pub fn new(seed: u64, purpose: Purpose, epoch: u32, number: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, part) in key.chunks_exact_mut(8).zip([seed, purpose as u64, u64::from(epoch), number]) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number below `bound`, all equally likely; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        // The numbers above the last whole multiple of `bound` would favour small remainders.
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let drawn = self.0.next_u64();
            if drawn < fair {
                return drawn % bound;
            }
        }
    }

    /// A number from 0 (included) to 1 (excluded), in steps of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number between `low` and `high`, all equally likely.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A number from the normal distribution of this mean and spread.
    pub fn normal(&mut self, mean: f64, spread: f64) -> f64 {
        // Box and Muller: 1 − unit is never 0, so the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + spread * radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// One of the first `count` places of a list; 0 for an empty one.
    pub fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).expect("because it is below a usize")
    }

    /// Brings `items` into an order of which all are equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.place(last + 1));
        }
    }

    /// `count` of the numbers below `of`, ascending, all choices equally likely.
    pub fn choose(&mut self, count: usize, of: usize) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..of).collect();
        self.shuffle(&mut numbers);
        numbers.truncate(count);
        numbers.sort_unstable();
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_purposes_are_those_that_runs_have_been_drawn_by() {
        let numbered = [
            (Purpose::Order, 1),
            (Purpose::Start, 2),
            (Purpose::Crop, 3),
            (Purpose::Flip, 4),
            (Purpose::Mask, 5),
            (Purpose::Decoder, 6),
            (Purpose::Operations, 7),
            (Purpose::Erase, 8),
            (Purpose::Split, 9),
            (Purpose::Balance, 12),
            (Purpose::Scene, 16),
            (Purpose::MaskKind, 17),
            (Purpose::Mixture, 18),
        ];
        for (purpose, number) in numbered {
            assert_eq!(purpose as u64, number, "{purpose:?}");
        }
        assert_eq!(Draws::new(1, Purpose::Mask, 2, 3).below(1 << 32), 3_279_803_366);
    }

    #[test]
    fn the_same_key_gives_the_same_numbers_and_another_key_others() {
        let numbers = |seed, purpose, epoch, number| {
            let mut draws = Draws::new(seed, purpose, epoch, number);
            [draws.below(1 << 60), draws.below(1 << 60)]
        };
        let first = numbers(1, Purpose::Crop, 2, 3);
        assert_eq!(first, numbers(1, Purpose::Crop, 2, 3));
        assert_ne!(first, numbers(2, Purpose::Crop, 2, 3));
        assert_ne!(first, numbers(1, Purpose::Mask, 2, 3));
        assert_ne!(first, numbers(1, Purpose::Crop, 3, 3));
        assert_ne!(first, numbers(1, Purpose::Crop, 2, 4));
    }

    #[test]
    fn every_number_below_the_bound_is_about_equally_likely() {
        let mut draws = Draws::new(0, Purpose::Start, 0, 0);
        let mut counts = [0u32; 7];
        for _ in 0..7_000 {
            counts[draws.place(7)] += 1;
        }
        // 1000 ± 4.8 standard deviations of a binomial draw
        assert!(counts.iter().all(|&count| (860..1140).contains(&count)), "{counts:?}");
    }

    #[test]
    fn normal_numbers_have_their_mean_and_spread() {
        let mut draws = Draws::new(0, Purpose::Operations, 0, 0);
        let numbers: Vec<f64> = (0..10_000).map(|_| draws.normal(7.0, 0.5)).collect();
        let mean = numbers.iter().sum::<f64>() / 1e4;
        let spread = (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e4).sqrt();
        // five standard deviations of the estimates
        assert!((mean - 7.0).abs() < 0.025 && (spread - 0.5).abs() < 0.018, "{mean} {spread}");
    }

    #[test]
    fn chosen_numbers_are_distinct_and_ascending() {
        let chosen = Draws::new(0, Purpose::Mask, 0, 9).choose(176, 196);
        assert_eq!(chosen.len(), 176);
        assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]) && chosen[175] < 196);
    }
}
