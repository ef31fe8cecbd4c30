//! Adds up the results of a validation, for each kind of answer.

use schemas::{LabelledBatch, ProblemType, metrics::ValidationLine};

use crate::{
    batch::labelled::{LabelledClipsError, label_vectors, labels},
    evaluation::{RegressionReport, SeveralReport, cross_entropy, rank_of, sigmoid},
};

/// What was seen so far.
pub(super) enum Tally {
    /// Videos of one class each.
    Single { seen: u64, first: u64, first_five: u64, losses: f64 },
    /// Videos of several labels, or numbers: what was answered, and what is right.
    Vectors { problem_type: ProblemType, answers: Vec<Vec<f64>>, right: Vec<Vec<f32>> },
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new(problem_type: ProblemType) -> Self {
        match problem_type {
            ProblemType::SingleLabelClassification => {
                Self::Single { seen: 0, first: 0, first_five: 0, losses: 0.0 }
            }
            _ => Self::Vectors { problem_type, answers: Vec::new(), right: Vec::new() },
        }
    }

    /// Adds a batch with the logits of each clip; the head gives `count` of them.
    pub(super) fn add(
        &mut self,
        batch: &LabelledBatch,
        logits: &[Vec<f32>],
        count: usize,
    ) -> Result<(), LabelledClipsError> {
        match self {
            Self::Single { seen, first, first_five, losses } => {
                for (logits, label) in logits.iter().zip(labels(batch, count)?) {
                    let rank = rank_of(logits, label);
                    *seen += 1;
                    *first += u64::from(rank == 0);
                    *first_five += u64::from(rank < 5);
                    *losses += cross_entropy(logits, label);
                }
            }
            Self::Vectors { answers, right, .. } => {
                let vectors = label_vectors(batch, count)?;
                right.extend(vectors.chunks_exact(count.max(1)).map(<[f32]>::to_vec));
                answers.extend(logits.iter().map(|row| row.iter().map(|logit| f64::from(*logit)).collect()));
            }
        }
        Ok(())
    }

    /// The line of a validation of `videos` videos after step `step`; those that were not seen failed. `names` are
    /// those of the answers.
    pub(super) fn line(self, step: u64, epoch: u64, videos: u64, names: &[String]) -> ValidationLine {
        let seen = match &self {
            Self::Single { seen, .. } => *seen,
            Self::Vectors { answers, .. } => answers.len() as u64,
        };
        let videos = videos.max(seen).max(1);
        let line = ValidationLine {
            step,
            epoch,
            top1: None,
            top5: None,
            loss: 0.0,
            videos,
            failed: videos - seen,
            mean_average_precision: None,
            mse: None,
            r2: None,
            correlation: None,
        };
        match self {
            Self::Single { first, first_five, losses, .. } => ValidationLine {
                top1: Some(first as f64 / videos as f64),
                top5: Some(first_five as f64 / videos as f64),
                loss: losses / seen.max(1) as f64,
                ..line
            },
            Self::Vectors { problem_type: ProblemType::Regression, answers, right } => {
                let pairs = answers.iter().zip(&right);
                let found = RegressionReport::of(
                    pairs.map(|(answers, right)| (answers.as_slice(), Some(right.as_slice()))),
                    names,
                );
                let (r2, correlation) = (found.r2, found.correlation);
                ValidationLine { loss: found.mse, mse: Some(found.mse), r2, correlation, ..line }
            }
            Self::Vectors { answers, right, .. } => {
                let losses: f64 =
                    answers.iter().zip(&right).map(|(row, right)| binary_cross_entropy(row, right)).sum();
                let probabilities: Vec<Vec<f64>> =
                    answers.iter().map(|row| row.iter().copied().map(sigmoid).collect()).collect();
                let pairs = probabilities.iter().zip(&right);
                let found = SeveralReport::of(
                    pairs.map(|(row, right)| (row.as_slice(), Some(right.as_slice()))),
                    names,
                );
                let mean_average_precision = Some(found.mean_average_precision);
                ValidationLine { loss: losses / seen.max(1) as f64, mean_average_precision, ..line }
            }
        }
    }
}

/// Mean over labels of what a video's logits cost.
fn binary_cross_entropy(logits: &[f64], labels: &[f32]) -> f64 {
    let cost = |(logit, label): (&f64, &f32)| {
        logit.max(0.0) - logit * f64::from(*label) + (-logit.abs()).exp().ln_1p()
    };
    logits.iter().zip(labels).map(cost).sum::<f64>() / logits.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_logit_is_finite_and_that_of_its_probability() {
        assert!((binary_cross_entropy(&[0.0, 0.0], &[1.0, 0.0]) - std::f64::consts::LN_2).abs() < 1e-12);
        assert!((binary_cross_entropy(&[1000.0, -1000.0], &[0.0, 0.0]) - 500.0).abs() < 1e-9);
        let wanted = -(0.3 * sigmoid(1.7).ln() + 0.7 * sigmoid(-1.7).ln());
        assert!((binary_cross_entropy(&[1.7], &[0.3]) - wanted).abs() < 1e-7);
    }

    #[test]
    fn failed_videos_are_counted_and_numbers_have_no_top_1() {
        let tally = Tally::Vectors {
            problem_type: ProblemType::Regression,
            answers: vec![vec![1.0], vec![4.0]],
            right: vec![vec![1.0], vec![3.0]],
        };
        let line = tally.line(7, 1, 3, &["x".to_owned()]);
        assert_eq!((line.videos, line.failed, line.top1), (3, 1, None));
        assert_eq!(
            (line.mse, line.r2, line.correlation, line.score()),
            (Some(0.5), Some(0.5), Some(1.0), Some(-0.5))
        );
    }
}
