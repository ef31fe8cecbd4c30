//! Numbers of the experiment: means and spreads over seeds, and whether what was required holds.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    claims::{self, Claim, ORDER_BLIND, Tested},
    experiment::{Arm, Experiment, Findings, finetuned, pretraining},
    scale::{Scale, Setting},
    scene::DIRECTIONS,
    videos::Change,
};

/// Share of right answers of a guess.
pub const CHANCE: f64 = 1.0 / DIRECTIONS as f64;

/// A number of each seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure(pub Vec<f64>);

impl Measure {
    /// The mean.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len().max(1) as f64
    }

    /// The least.
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The most.
    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// As a percentage: mean, and from least to most where there are several seeds.
    pub fn percent(&self) -> String {
        let of = |value: f64| format!("{:.1}", 100.0 * value);
        match self.0.len() {
            0 => "–".to_owned(),
            1 => of(self.mean()),
            _ => format!("{} ({} to {})", of(self.mean()), of(self.least()), of(self.most())),
        }
    }
}

/// (step, accuracy) of a run's tests.
pub type Curve = Vec<(f64, f64)>;

/// An arm with a number of labels.
#[derive(Clone, Debug)]
pub struct ArmFigures {
    /// The arm.
    pub arm: Arm,
    /// Labelled videos a class.
    pub labels: usize,
    /// What it was trained with.
    pub setting: Setting,
    /// The tests of each seed.
    pub curves: Vec<Curve>,
    /// Accuracy after the last step.
    pub last: Measure,
    /// Steps at the first test that is not below the bar, of each seed; none where it never was.
    pub reached: Vec<Option<f64>>,
}

/// A probe's row.
#[derive(Clone, Debug)]
pub struct ProbeFigures {
    /// Which probe.
    pub probe: &'static str,
    /// Accuracy on pre-trained features, on features of drawn weights, on pixels.
    pub rows: [Measure; 3],
}

impl ProbeFigures {
    /// Its name in tables and sentences.
    pub fn called(&self) -> &'static str {
        match self.probe {
            "knn" => "k-NN",
            "linear" => "Linear probe",
            ORDER_BLIND => "Attentive probe, frames in another order",
            _ => "Attentive probe",
        }
    }
}

/// Everything that EVIDENCE.md says in numbers.
pub struct Figures {
    /// Each arm and number of labels.
    pub arms: Vec<ArmFigures>,
    /// Loss of pre-training, in order and shuffled in time, of each seed.
    pub losses: [Vec<Curve>; 2],
    /// Accuracy of the model of most labels: on test videos, backwards, backwards against the opposite label,
    /// on copies of a frame; with permuted labels; blind to order.
    pub tests: [Measure; 6],
    /// Videos of the test.
    pub tested: u64,
    /// Confusion of the model of most labels, all seeds together.
    pub confusion: Vec<Vec<u64>>,
    /// k-NN, linear, attentive; and attentive on shuffled frames.
    pub probes: Vec<ProbeFigures>,
    /// Share of the variance of place and of colour that a linear map reads from single tokens: of the
    /// pre-trained encoder, and with drawn weights.
    pub readouts: [[Measure; 2]; 2],
    /// What was required.
    pub claims: Vec<Claim>,
    /// Accuracy on held-out videos of each try: arm, labels, accuracies in the order of the grid.
    pub grid: Vec<(Arm, usize, Vec<f64>)>,
}

/// Names of the tests of [`Figures::tests`], as tasks have them.
const TESTS: [&str; 6] = ["plain", "reversed", "opposite", "copies", "permuted", "order-blind"];

impl Figures {
    /// Reads what was found.
    ///
    /// # Errors
    /// When a number is missing.
    pub fn of(experiment: &Experiment, findings: &Findings) -> Result<Self> {
        let scale = &experiment.scale;
        let arms = arms(experiment, findings)?;
        let losses = [Change::Plain, Change::Shuffled].map(|change| {
            let runs = scale.seeds.iter().map(|&seed| findings.pretraining.get(&pretraining(change, seed)));
            runs.flatten().map(|run| curve(&run["loss"])).collect()
        });
        let measure = |name: &str| -> Result<Measure> {
            let seeds =
                scale.seeds.iter().filter_map(|seed| findings.tests.get(&format!("test-{name}-{seed}")));
            let found: Option<_> = seeds.map(|found| top1(Some(found))).collect();
            Ok(Measure(found.with_context(|| format!("no accuracy of test {name}"))?))
        };
        let tests = measures(TESTS, measure)?;
        let plain = |seed: &u64| findings.tests.get(&format!("test-plain-{seed}"));
        let tested = (scale.test * DIRECTIONS) as u64;
        let mut confusion = vec![vec![0; DIRECTIONS]; DIRECTIONS];
        for found in scale.seeds.iter().filter_map(plain) {
            for (row, sums) in confusion.iter_mut().enumerate() {
                sums.iter_mut().enumerate().for_each(|(column, sum)| {
                    *sum += found["confusion"][row][column].as_u64().unwrap_or(0);
                });
            }
        }
        let probes = probes(scale, findings)?;
        let readouts = readouts(scale, findings)?;
        let grid = tries(experiment, findings);
        let claims = claims::of(scale, &arms, &Tested { tests: &tests, videos: tested, probes: &probes });
        Ok(Self { arms, losses, tests, tested, confusion, probes, readouts, claims, grid })
    }

    /// An arm with a number of labels.
    pub fn arm(&self, arm: Arm, labels: usize) -> Option<&ArmFigures> {
        self.arms.iter().find(|figures| figures.arm == arm && figures.labels == labels)
    }
}

fn measures<const N: usize>(names: [&str; N], of: impl Fn(&str) -> Result<Measure>) -> Result<[Measure; N]> {
    let found: Vec<_> = names.into_iter().map(of).collect::<Result<_>>()?;
    found.try_into().ok().context("as many measures as names")
}

fn arms(experiment: &Experiment, findings: &Findings) -> Result<Vec<ArmFigures>> {
    let scale = &experiment.scale;
    let mut arms = Vec::new();
    for &labels in &scale.labels {
        for &arm in &scale.arms {
            let run = |&seed: &u64| findings.finetuning.get(&finetuned(arm, labels, seed));
            let curves: Vec<_> = scale.seeds.iter().filter_map(run).map(|run| curve(&run["curve"])).collect();
            if curves.is_empty() {
                continue;
            }
            let setting = experiment.chosen(&findings.grid, arm, labels)?;
            let last = curves.iter().map(|curve| curve.last().map(|(_, share)| *share));
            let last = Measure(last.collect::<Option<_>>().context("a run without a test")?);
            let reached = curves.iter().map(|curve| first_at(curve, scale.bar)).collect();
            arms.push(ArmFigures { arm, labels, setting, curves, last, reached });
        }
    }
    Ok(arms)
}

/// Step and number of each line.
fn curve(lines: &Value) -> Curve {
    let lines = lines.as_array().map(Vec::as_slice).unwrap_or_default();
    lines.iter().filter_map(|line| Some((line[0].as_f64()?, line[1].as_f64()?))).collect()
}

/// Step of the first test that is not below `bar`.
pub fn first_at(curve: &[(f64, f64)], bar: f64) -> Option<f64> {
    curve.iter().find(|(_, share)| *share >= bar).map(|(step, _)| *step)
}

fn tries(experiment: &Experiment, findings: &Findings) -> Vec<(Arm, usize, Vec<f64>)> {
    let scale = &experiment.scale;
    let mut rows = Vec::new();
    for arm in [Arm::PreTrained, Arm::Scratch] {
        for &labels in &scale.labels {
            let found = (0..scale.grid.len()).filter_map(|number| {
                let run = findings.grid.get(&format!("grid-{}-{labels}-{number}", arm.name()))?;
                curve(&run["curve"]).last().map(|(_, share)| *share)
            });
            let found: Vec<_> = found.collect();
            if found.len() == scale.grid.len() {
                rows.push((arm, labels, found));
            }
        }
    }
    rows
}

/// Accuracies of the rows of each probe: the encoder's, and where they were asked for, those beside it.
fn probes(scale: &Scale, findings: &Findings) -> Result<Vec<ProbeFigures>> {
    let mut all = Vec::new();
    for probe in ["knn", "linear", "attentive", ORDER_BLIND] {
        let mut rows = [const { Measure(Vec::new()) }; 3];
        for seed in &scale.seeds {
            let name = format!("probe-{probe}-{seed}");
            let Some(found) = findings.probes.get(&name) else { continue };
            let encoders = found.as_array().with_context(|| format!("{name} has no rows"))?;
            for (row, found) in rows.iter_mut().zip(encoders) {
                row.0
                    .push(top1(Some(found)).with_context(|| format!("a row of {name} without an accuracy"))?);
            }
        }
        all.push(ProbeFigures { probe, rows });
    }
    Ok(all)
}

/// What is read from single tokens.
fn readouts(scale: &Scale, findings: &Findings) -> Result<[[Measure; 2]; 2]> {
    let mut all = [const { [const { Measure(Vec::new()) }; 2] }; 2];
    for (measures, which) in all.iter_mut().zip(["pretrained", "random"]) {
        for seed in &scale.seeds {
            let name = format!("readout-{which}-{seed}");
            let Some(found) = findings.readouts.get(&name) else { continue };
            for (measure, key) in measures.iter_mut().zip(["place", "colour"]) {
                measure.0.push(found[key].as_f64().with_context(|| format!("{name}: no {key}"))?);
            }
        }
    }
    Ok(all)
}

/// The share of right answers in what a command printed: a number, or one with its interval.
fn top1(found: Option<&Value>) -> Option<f64> {
    let top1 = &found?["top1"];
    top1.as_f64().or_else(|| top1["share"].as_f64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_bar_is_reached_at_the_first_test_that_is_not_below_it() {
        let curve = [(50.0, 0.2), (100.0, 0.8), (150.0, 0.7), (200.0, 0.9)];
        assert_eq!(first_at(&curve, 0.8), Some(100.0));
        assert_eq!(first_at(&curve, 0.95), None);
    }

    #[test]
    fn an_accuracy_is_read_with_and_without_its_interval() {
        assert_eq!(top1(Some(&json!({ "top1": 0.25 }))), Some(0.25));
        assert_eq!(top1(Some(&json!({ "top1": { "share": 0.5, "low": 0.4, "high": 0.6 } }))), Some(0.5));
        assert_eq!(top1(Some(&json!({ "top5": 1 }))), None);
    }

    #[test]
    fn several_seeds_are_a_mean_with_least_and_most() {
        assert_eq!(Measure(vec![0.5, 0.25, 0.75]).percent(), "50.0 (25.0 to 75.0)");
        assert_eq!(Measure(vec![0.5]).percent(), "50.0");
    }
}
