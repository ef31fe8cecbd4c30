//! Whether a training has lowered its loss: the mean loss of its first steps beside that of its last.
//!
//! The loss of a single batch says little. Both means are over the same number of steps, and no step counts for both.

use std::{collections::VecDeque, fmt};

/// Most steps of a mean.
const STEPS: usize = 20;

/// The losses at both ends of a training, as far as this process has made its steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LossTrend {
    /// The losses of the first steps.
    first: Vec<f64>,
    /// The losses of the last steps.
    last: VecDeque<f64>,
    /// Steps so far.
    steps: usize,
    /// Steps of the run before these.
    before: u64,
}

/// Two means over as many steps each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossEnds {
    /// Steps of each mean.
    pub steps: usize,
    /// Steps in all, from the first of the first mean to the last of the last.
    pub all: usize,
    /// Steps of the run before these: those that it was resumed behind.
    pub before: u64,
    /// Mean loss of the first steps.
    pub first: f64,
    /// Mean loss of the last steps.
    pub last: f64,
}

impl LossTrend {
    /// Takes the loss of the step that is number `step` of the run, counted from 1.
    pub fn add(&mut self, step: u64, loss: f64) {
        if self.steps == 0 {
            self.before = step.saturating_sub(1);
        }
        self.steps += 1;
        if self.first.len() < STEPS {
            self.first.push(loss);
        }
        if self.last.len() == STEPS {
            self.last.pop_front();
        }
        self.last.push_back(loss);
    }

    /// The means over 20 steps at each end, or over half of the steps where there were fewer than 40; none before the
    /// first step.
    pub fn ends(&self) -> Option<LossEnds> {
        if self.steps == 0 {
            return None;
        }
        let steps = (self.steps / 2).clamp(1, STEPS);
        let mean = |losses: &mut dyn Iterator<Item = &f64>| losses.sum::<f64>() / steps as f64;
        let first = mean(&mut self.first.iter().take(steps));
        let last = mean(&mut self.last.iter().rev().take(steps));
        Some(LossEnds { steps, all: self.steps, before: self.before, first, last })
    }
}

impl fmt::Display for LossEnds {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, all, before, first, last } = *self;
        let since = if before > 0 { format!(" since step {before}") } else { String::new() };
        match (all, steps) {
            (1, _) => write!(text, "loss {first:.4} in the only step{since}"),
            (_, 1) => write!(text, "loss {first:.4} in the first step{since}, {last:.4} in the last"),
            _ => write!(
                text,
                "loss {first:.4} over the first {steps} steps{since}, {last:.4} over the last {steps}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends of a run that goes on behind `before` steps, with these losses.
    fn trend(before: u64, losses: impl IntoIterator<Item = u32>) -> Option<LossEnds> {
        let mut trend = LossTrend::default();
        for (step, loss) in (before + 1..).zip(losses) {
            trend.add(step, loss.into());
        }
        trend.ends()
    }

    /// Steps of a mean, and both means.
    fn ends(losses: impl IntoIterator<Item = u32>) -> Option<(usize, f64, f64)> {
        trend(0, losses).map(|ends| (ends.steps, ends.first, ends.last))
    }

    #[test]
    fn the_first_and_the_last_twenty_steps_are_compared() {
        // Means of 1 to 20, and of 81 to 100.
        assert_eq!(ends(1..=100), Some((20, 10.5, 90.5)));
        assert_eq!(ends(1..=40), Some((20, 10.5, 30.5)));
    }

    #[test]
    fn a_short_run_is_halved_and_no_step_counts_twice() {
        // 25 steps: 1 to 12, and 14 to 25.
        assert_eq!(ends(1..=25), Some((12, 6.5, 19.5)));
        assert_eq!(ends(1..=3), Some((1, 1.0, 3.0)));
        assert_eq!(ends([7]), Some((1, 7.0, 7.0)));
        assert_eq!(ends([]), None);
    }

    #[test]
    fn the_words_say_over_how_many_steps_and_since_when() {
        let words =
            |before, losses: std::ops::RangeInclusive<u32>| trend(before, losses).unwrap().to_string();
        assert_eq!(words(0, 1..=100), "loss 10.5000 over the first 20 steps, 90.5000 over the last 20");
        let resumed = "loss 2.0000 over the first 3 steps since step 40, 5.0000 over the last 3";
        assert_eq!(words(40, 1..=6), resumed);
        assert_eq!(words(0, 4..=6), "loss 4.0000 in the first step, 6.0000 in the last");
        assert_eq!(words(9, 4..=4), "loss 4.0000 in the only step since step 9");
    }
}
