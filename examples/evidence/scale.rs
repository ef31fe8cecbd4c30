//! How large the experiment is: the full one, and one that is over within minutes.

use serde::Serialize;

use crate::{experiment::Arm, scene::DIRECTIONS};

/// A rate and a layer decay of fine-tuning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Largest learning rate.
    pub rate: f64,
    /// Rate of a layer over that of the layer above it.
    pub decay: f64,
}

/// Numbers of the experiment. All arms have the same.
#[derive(Clone, Debug, Serialize)]
pub struct Scale {
    /// Name of the form.
    pub form: &'static str,
    /// Seeds: of the training videos, the order of clips, masks and first weights.
    pub seeds: Vec<u64>,
    /// Labelled videos a class.
    pub labels: Vec<usize>,
    /// Videos without a label.
    pub unlabelled: usize,
    /// Videos a class that settings are chosen on.
    pub held_out: usize,
    /// Videos a class of the test.
    pub test: usize,
    /// Steps of pre-training.
    pub pretraining: u64,
    /// Steps of fine-tuning.
    pub finetuning: u64,
    /// Steps from one test during fine-tuning to the next.
    pub every: u64,
    /// What each arm chooses from.
    pub grid: Vec<Setting>,
    /// Accuracy that the arms are timed by.
    pub bar: f64,
    /// How far controls may be from what they should be.
    pub tolerance: Tolerance,
    /// What begins a fine-tuning, and how long it is. No result depends on which others there are.
    #[serde(skip)]
    pub arms: Vec<Arm>,
}

/// How far controls may be from what they should be.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tolerance {
    /// Steps to the bar, as a share of those from scratch.
    #[serde(skip)]
    pub steps: f64,
    /// Accuracy of reversed clips against their old label.
    pub reversed: f64,
    /// Distance of reversed clips against the opposite label from the plain accuracy.
    pub opposite: f64,
    /// How far chance may lie outside of an interval.
    #[serde(skip)]
    pub chance: f64,
}

/// Name of the form on real pictures.
pub const REAL: &str = "real";

/// Clips of an update, in `finetune.toml`.
pub const BATCH: usize = 32;

impl Scale {
    /// The experiment.
    pub fn full() -> Self {
        Self {
            form: "full",
            seeds: vec![1, 2, 3],
            labels: vec![8, 32, 128],
            unlabelled: 2048,
            held_out: 32,
            test: 64,
            pretraining: 4000,
            finetuning: 400,
            every: 50,
            grid: [1e-3, 2e-3]
                .into_iter()
                .flat_map(|rate| [0.75, 1.0].map(|decay| Setting { rate, decay }))
                .collect(),
            bar: 0.8,
            tolerance: Tolerance { steps: 0.5, reversed: 0.05, opposite: 0.05, chance: 0.0 },
            arms: Arm::ALL.to_vec(),
        }
    }

    /// One seed, one number of labels, fewer steps, one setting, nothing that takes long.
    pub fn quick() -> Self {
        Self {
            form: "quick",
            seeds: vec![1],
            labels: vec![128],
            pretraining: 2500,
            finetuning: 300,
            grid: vec![Setting { rate: 2e-3, decay: 1.0 }],
            bar: 0.5,
            tolerance: Tolerance { steps: 1.0, reversed: 0.1, opposite: 0.1, chance: 0.03 },
            arms: vec![Arm::PreTrained, Arm::Scratch],
            ..Self::full()
        }
    }

    /// On real pictures: fewer seeds and steps of pre-training, one number of labels.
    pub fn real() -> Self {
        Self { form: REAL, seeds: vec![1, 2], labels: vec![128], pretraining: 2500, ..Self::full() }
    }

    /// The largest number of labels a class.
    pub fn most(&self) -> usize {
        self.labels.iter().copied().max().unwrap_or(0)
    }

    /// Epochs of `labels` videos a class from one test to the next, when a test comes about every `steps`.
    pub fn epochs(&self, labels: usize, steps: u64) -> u64 {
        let an_epoch = (labels * DIRECTIONS / BATCH).max(1) as u64;
        (steps / an_epoch).max(1)
    }
}
