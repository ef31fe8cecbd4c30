//! What each set of a mixture has of the loss.
//!
//! The loss of a step is a mean over all targets that count. A set's *part* of it is the same sum over its own targets,
//! and its *share* is how many of the targets are its own, so that
//!
//! ```text
//! loss = sum of parts        loss of a set = its part / its share
//! ```
//!
//! Both are weighed like the loss itself, over micro-batches and over processes. They are computed beside the loss, a clip
//! at a time, and no gradient depends on them.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ops::{Add, Range},
    sync::Arc,
};

use burn::tensor::{Tensor, TensorData};
use schemas::metrics::SetLine;

use crate::{
    batch::masked::{MaskedClips, SetsOfClips},
    kernels::Target,
    loss::reconstruction,
    weights::floats,
};

/// What the clips of a micro-batch add to the loss, one by one, while it is computed.
pub(super) struct ClipLosses<'a> {
    clips: &'a MaskedClips,
    target: Target,
    /// What each clip adds; nothing where there is no mixture.
    found: RefCell<BTreeMap<usize, Tensor<1>>>,
}

impl<'a> ClipLosses<'a> {
    pub fn of(clips: &'a MaskedClips, target: Target) -> Self {
        Self { clips, target, found: RefCell::default() }
    }

    /// Sees what was predicted for the clips of a part, `[clips, T, C]`.
    pub fn see(&self, predicted: &Tensor<3>, part: &Range<usize>) {
        if self.clips.sets.is_none() {
            return;
        }
        let predicted = predicted.clone().inner();
        let of_clip = |(at, clip): (usize, usize)| {
            let one = predicted.clone().slice([at..at + 1]);
            (clip, reconstruction::masked_loss(one, self.clips, clip..clip + 1, self.target))
        };
        self.found.borrow_mut().extend(part.clone().enumerate().map(of_clip));
    }

    /// What was seen, by set.
    pub fn by_set(self) -> Option<SetLosses> {
        let SetsOfClips { names, of_clips } = self.clips.sets.as_ref()?;
        let mut parts: Vec<Option<Tensor<1>>> = vec![None; names.len()];
        let mut counts = vec![0usize; names.len()];
        for (clip, loss) in self.found.into_inner() {
            let &(set, counted) = of_clips.get(clip)?;
            counts[set] += counted;
            parts[set] = Some(parts[set].take().map_or(loss.clone(), |sum| sum + loss));
        }
        let device = parts.iter().flatten().next()?.device();
        let zero = || Tensor::from_data(TensorData::new(vec![0f32], [1]), &device);
        let parts = parts.into_iter().map(|part| part.unwrap_or_else(zero));
        let shares = counts.iter().map(|count| *count as f32 / self.clips.counted as f32).collect();
        let shares = Tensor::from_data(TensorData::new(shares, [names.len()]), &device);
        let numbers = Tensor::cat(parts.chain([shares]).collect(), 0);
        Some(SetLosses { names: Arc::clone(names), numbers })
    }
}

/// Part and share of each set.
#[derive(Clone, Debug)]
pub struct SetLosses {
    names: Arc<[Arc<str>]>,
    /// The parts of all sets, then their shares: `[2 × sets]`.
    numbers: Tensor<1>,
}

impl SetLosses {
    /// The two together, weighed so.
    pub(super) fn join(self, other: Self, [left, right]: [f64; 2]) -> Self {
        Self { numbers: self.numbers * left + other.numbers * right, ..self }
    }

    /// Names and numbers, for whoever sums them with those of other processes.
    pub(super) fn into_parts(self) -> (Arc<[Arc<str>]>, Tensor<1>) {
        (self.names, self.numbers)
    }

    /// What [`Self::into_parts`] took apart.
    pub(super) fn of_parts(names: Arc<[Arc<str>]>, numbers: Tensor<1>) -> Self {
        Self { names, numbers }
    }
}

/// Sums over steps.
#[derive(Default)]
pub(super) struct SetTotals {
    steps: u64,
    /// Parts and shares by name.
    sets: BTreeMap<Arc<str>, [f64; 2]>,
}

impl SetTotals {
    /// Adds those of a step. Waits for the device.
    pub fn add(&mut self, of_step: &SetLosses) {
        let numbers = floats(of_step.numbers.clone());
        let (parts, shares) = numbers.split_at(of_step.names.len());
        for (name, found) in of_step.names.iter().zip(parts.iter().zip(shares)) {
            let sums = self.sets.entry(Arc::clone(name)).or_default();
            *sums = [sums[0].add(f64::from(*found.0)), sums[1].add(f64::from(*found.1))];
        }
        self.steps += 1;
    }

    /// What a line of metrics says of them; none where there is no mixture.
    pub fn line(&self) -> Option<BTreeMap<String, SetLine>> {
        let of_set = |(name, [part, share]): (&Arc<str>, &[f64; 2])| {
            let loss = (*share > 0.0).then(|| part / share);
            (name.to_string(), SetLine { share: share / self.steps as f64, loss })
        };
        (self.steps > 0).then(|| self.sets.iter().map(of_set).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(numbers: [f32; 4]) -> SetLosses {
        let names: Arc<[Arc<str>]> = ["films".into(), "robots".into()].into();
        SetLosses::of_parts(
            names,
            Tensor::from_data(TensorData::new(numbers.to_vec(), [4]), &Default::default()),
        )
    }

    #[test]
    fn a_set_s_loss_is_its_part_over_its_share_and_all_together_are_the_loss() {
        let mut totals = SetTotals::default();
        assert_eq!(totals.line(), None);
        // Loss .9: films .6 with .75 of the targets; then, of two micro-batches of equal size, films alone.
        totals.add(&losses([0.6, 0.3, 0.75, 0.25]));
        totals.add(&losses([0.5, 0.0, 1.0, 0.0]).join(losses([0.7, 0.0, 1.0, 0.0]), [0.5, 0.5]));
        let line = totals.line().unwrap();
        let near =
            |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-6, "{found}, wanted {wanted}");
        near(line["films"].share, 0.875);
        near(line["films"].loss.unwrap(), 1.2 / 1.75);
        near(line["robots"].loss.unwrap(), 1.2);
        let mean: f64 = line.values().map(|set| set.share * set.loss.unwrap()).sum();
        near(mean, (0.9 + 0.6) / 2.0);
    }
}
