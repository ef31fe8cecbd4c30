//! RandAugment as VideoMAE uses it: `rand-m7-n4-mstd0.5-inc1` (`rand_augment.py`, from timm).
//!
//! n operations are drawn from fifteen, with replacement; each acts with probability one half, at a
//! magnitude from normal(m, mstd) cut to 0 … 10, and those that have a direction take either by chance.

use std::str::FromStr;

use super::operation::{KINDS, Operation};
use crate::draws::Draws;

/// How strongly, and how often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandAugment {
    /// Mean magnitude, 0 to 10.
    pub magnitude: f64,
    /// Spread of the magnitude.
    pub spread: f64,
    /// Operations drawn.
    pub operations: u32,
    /// Probability that a drawn operation acts.
    pub probability: f64,
}

impl Default for RandAugment {
    /// `rand-m7-n4-mstd0.5-inc1`, in every script.
    fn default() -> Self {
        Self { magnitude: 7.0, spread: 0.5, operations: 4, probability: 0.5 }
    }
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It does not begin with `rand`.
    #[error("`{0}` is no policy: it begins with `rand-`, as `rand-m7-n4-mstd0.5-inc1`")]
    NotRand(String),
    /// A part of it is unknown, or its number is none.
    #[error("`{part}` in `{policy}` is none of m0…m10, n1…, mstd0…, inc1")]
    Part {
        /// The part.
        part: String,
        /// The whole.
        policy: String,
    },
    /// It does not ask for the increasing variants, the only ones there are.
    #[error("`{0}` lacks `inc1`: only the variants that grow with the magnitude exist")]
    NotIncreasing(String),
}

impl FromStr for RandAugment {
    type Err = PolicyError;

    fn from_str(policy: &str) -> Result<Self, PolicyError> {
        let mut parts = policy.split('-');
        if parts.next() != Some("rand") {
            return Err(PolicyError::NotRand(policy.to_owned()));
        }
        // timm's defaults for what is not said, but for the spread: without `mstd` it is 0.
        let mut found = Self { magnitude: 10.0, spread: 0.0, operations: 2, probability: 0.5 };
        let mut increasing = false;
        for part in parts {
            let refused = || PolicyError::Part { part: part.to_owned(), policy: policy.to_owned() };
            let number = |text: &str| {
                let number: Option<f64> = text.parse().ok();
                number.filter(|number| number.is_finite() && *number >= 0.0).ok_or_else(refused)
            };
            if let Some(text) = part.strip_prefix("mstd") {
                found.spread = number(text)?;
            } else if part.strip_prefix("inc").is_some_and(|text| !text.is_empty()) {
                // Any word switches it on in timm, `inc0` too: it tests a text, not a number.
                increasing = true;
            } else if let Some(text) = part.strip_prefix('m') {
                found.magnitude = number(text)?;
            } else if let Some(text) = part.strip_prefix('n') {
                found.operations = text.parse().map_err(|_| refused())?;
            } else {
                return Err(refused());
            }
        }
        if found.magnitude > 10.0 {
            let part = format!("m{}", found.magnitude);
            return Err(PolicyError::Part { part, policy: policy.to_owned() });
        }
        if !increasing {
            return Err(PolicyError::NotIncreasing(policy.to_owned()));
        }
        Ok(found)
    }
}

impl RandAugment {
    /// The operations that act on one clip, in order.
    pub fn draw(self, draws: &mut Draws) -> Vec<Operation> {
        let mut acting = Vec::new();
        for _ in 0..self.operations {
            let kind = KINDS[draws.place(KINDS.len())];
            if draws.unit() < self.probability {
                let magnitude = draws.normal(self.magnitude, self.spread).clamp(0.0, 10.0);
                let negative = draws.below(2) == 1;
                acting.push(Operation::at(kind, magnitude, negative));
            }
        }
        acting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Purpose;

    #[test]
    fn the_published_policy_is_the_default() {
        assert_eq!("rand-m7-n4-mstd0.5-inc1".parse(), Ok(RandAugment::default()));
        let other = RandAugment { magnitude: 9.0, spread: 0.0, operations: 1, probability: 0.5 };
        assert_eq!("rand-n1-inc0-m9".parse(), Ok(other));
    }

    #[test]
    fn other_policies_are_refused_with_the_part_that_is_wrong() {
        let refused = |policy: &str| policy.parse::<RandAugment>().unwrap_err().to_string();
        assert!(refused("augmix-m3").contains("augmix-m3"));
        assert!(refused("rand-m11-inc1").contains("m11"));
        assert!(refused("rand-mstd-inc1").contains("`mstd`"));
        assert!(refused("rand-w0-inc1").contains("`w0`"));
        assert!(refused("rand-m7-n4").contains("inc1"));
    }

    #[test]
    fn two_of_four_operations_act_on_average_and_all_kinds_come() {
        let mut kinds = std::collections::HashSet::new();
        let mut acting = 0;
        for number in 0..2000 {
            let drawn = RandAugment::default().draw(&mut Draws::new(0, Purpose::Operations, 0, number));
            acting += drawn.len();
            kinds.extend(drawn.iter().map(|operation| std::mem::discriminant(operation)));
        }
        // 4000 ± 4.5 standard deviations
        assert!((3800..4200).contains(&acting), "{acting}");
        assert_eq!(kinds.len(), KINDS.len());
    }
}
