//! The learning rate of each step: a straight rise, then half a cosine down.
//!
//! ```text
//! step i < W   peak · i/(W − 1)                                       0 at step 0, peak at W − 1
//! step i ≥ W   floor + ½(peak − floor)(1 + cos(π(i − W)/(total − W)))   peak once more at step W
//! ```
//!
//! This is the official `cosine_scheduler`, with both of its ends: the first step has rate 0, the peak
//! comes twice, and the floor itself is never reached.

use std::f64::consts::PI;

/// Rates are published for this many clips an update and grow with the number of clips.
pub const PUBLISHED_BATCH: f64 = 256.0;

/// How the rate goes over a training.
#[doc(alias("cosine_scheduler", "warmup", "lr_scheduler"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRate {
    /// Largest rate.
    pub peak: f64,
    /// What it falls towards.
    pub floor: f64,
    /// Steps of the rise.
    pub warmup: u64,
    /// Steps of the training.
    pub total: u64,
}

impl LearningRate {
    /// The rate of step `step`, counted from 0.
    pub fn at(self, step: u64) -> f64 {
        let Self { peak, floor, warmup, total } = self;
        if step < warmup {
            // A rise of one step has only its beginning.
            return if warmup == 1 { 0.0 } else { peak * step as f64 / (warmup - 1) as f64 };
        }
        let share = (step - warmup) as f64 / total.saturating_sub(warmup).max(1) as f64;
        floor + 0.5 * (peak - floor) * (1.0 + (PI * share.min(1.0)).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rate: LearningRate, published: &[(u64, f64)]) {
        for &(step, wanted) in published {
            let found = rate.at(step);
            assert!(
                (found - wanted).abs() <= 1e-12 * wanted.max(1e-4),
                "step {step}: {found}, wanted {wanted}"
            );
        }
    }

    #[test]
    fn the_base_model_on_kinetics_has_its_published_rates() {
        check(
            LearningRate { peak: 1.2e-3, floor: 8e-5, warmup: 4680, total: 93_717 },
            &[
                (0, 0.0),
                (1, 2.564650566360e-7),
                (2, 5.129301132721e-7),
                (4563, 1.170250053430e-3),
                (4678, 1.199743534943e-3),
                (4679, 1.2e-3),
                (4680, 1.2e-3),
                (4681, 1.199999999651e-3),
                (5000, 1.199964304614e-3),
                (20_000, 1.120157628781e-3),
                (49_198, 6.400098795550e-4),
                (70_000, 2.649023029410e-4),
                (93_715, 8.000000139437e-5),
                (93_716, 8.000000034859e-5),
            ],
        );
    }

    #[test]
    fn short_schedules_have_their_published_rates() {
        let short = |warmup| LearningRate { peak: 1.5e-4, floor: 1e-5, warmup, total: 50 };
        check(
            short(10),
            &[
                (0, 0.0),
                (1, 1.666666666667e-5),
                (5, 8.333333333333e-5),
                (9, 1.5e-4),
                (10, 1.5e-4),
                (11, 1.497842133613e-4),
                (12, 1.491381838417e-4),
                (13, 1.480658944278e-4),
                (29, 8.549213670095e-5),
                (30, 8.0e-5),
                (48, 1.086181615834e-5),
                (49, 1.021578663868e-5),
            ],
        );
        check(short(0), &[(0, 1.5e-4), (1, 1.498618709900e-4), (25, 8.0e-5), (49, 1.013812901002e-5)]);
        // The official weight decay runs by the same rule, here up from .05 to .2.
        check(
            LearningRate { peak: 0.05, floor: 0.2, warmup: 0, total: 50 },
            &[(0, 0.05), (25, 0.125), (49, 0.1998520046321)],
        );
        check(
            short(7),
            &[
                (0, 0.0),
                (1, 2.5e-5),
                (6, 1.5e-4),
                (7, 1.5e-4),
                (8, 1.498132598564e-4),
                (49, 1.018674014355e-5),
            ],
        );
    }
}
