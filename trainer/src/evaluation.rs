//! Evaluates a classifier: combines the views of each video and measures accuracy, loss or errors.
//!
//! ```text
//! views ─▶ [`join`]: parts of a test, each view once; what is missing is named
//!       ─▶ [`answers`]: one distribution a video, the mean over its views of probabilities, or of logits
//!       ─▶ [`Report`]: top-1, top-5, by class, confusion, interval, calibration
//!          [`SeveralReport`]: average precisions, where a video has several labels
//!          [`RegressionReport`]: errors, R², correlation, where the answer is numbers
//! ```
//!
//! A video is its row in the list, never its name. A video that gave no view counts as wrong. Of equal scores
//! the lower class number wins. Sums are f64, over videos, so no batch weighs more than another.

mod join;
mod official;
mod regression;
mod report;
mod several;

use std::cmp::Ordering;

use schemas::{ProblemType, predictions::Predictions};

use crate::recipe::By;

pub use self::{
    join::{JoinError, MissingView, join, missing},
    official::official_text,
    regression::{NumberLine, RegressionReport, correlation},
    report::{ClassLine, Interval, Report, calibration_error, wilson},
    several::{LabelLine, SeveralReport, average_precision},
};

/// What all views together say of a video.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Place of the video in the list.
    pub row: u64,
    /// Its path.
    pub video: String,
    /// Its class, if it is known.
    pub label: Option<i32>,
    /// Probability of each class, or the numbers that are answered; empty for a video that gave no view.
    pub probabilities: Vec<f64>,
    /// Views that were averaged.
    pub views: usize,
}

/// One answer a video, by row; failed videos have one without probabilities.
pub fn answers(predictions: &Predictions, by: By) -> Vec<Answer> {
    let kind = predictions.tested.problem_type;
    let mut answers: std::collections::BTreeMap<u64, Answer> = std::collections::BTreeMap::new();
    for view in &predictions.predictions {
        let answer = answers.entry(view.row).or_insert_with(|| Answer {
            row: view.row,
            video: view.video.clone(),
            label: view.label,
            probabilities: vec![0.0; view.logits.len()],
            views: 0,
        });
        let logits = view.logits.iter().map(|logit| f64::from(*logit)).collect();
        let says = match by {
            By::Prob => activation(kind, logits),
            By::Score => logits,
        };
        answer.views += 1;
        answer.probabilities.iter_mut().zip(says).for_each(|(sum, says)| *sum += says);
    }
    for answer in answers.values_mut() {
        let views = answer.views as f64;
        answer.probabilities.iter_mut().for_each(|sum| *sum /= views);
        if by == By::Score {
            answer.probabilities = activation(kind, std::mem::take(&mut answer.probabilities));
        }
    }
    for failed in &predictions.failures {
        answers.entry(failed.row).or_insert_with(|| Answer {
            row: failed.row,
            video: failed.video.clone(),
            label: failed.label,
            probabilities: Vec::new(),
            views: 0,
        });
    }
    answers.into_values().collect()
}

impl Answer {
    /// Its classes by falling probability, of equal ones the lower number first.
    pub fn ranked(&self) -> Vec<usize> {
        let mut classes: Vec<usize> = (0..self.probabilities.len()).collect();
        classes.sort_by(|a, b| self.probabilities[*b].total_cmp(&self.probabilities[*a]));
        classes
    }

    /// Place of its own class among its classes by probability, from 0; none for a failed video or one whose
    /// class is not known.
    pub fn rank(&self) -> Option<usize> {
        let class = usize::try_from(self.label?).ok().filter(|class| *class < self.probabilities.len())?;
        Some(place_of(&self.probabilities, class))
    }
}

/// What logits say by the kind of answer: probabilities that sum to 1, one for each class, or numbers.
pub fn activation(kind: ProblemType, logits: Vec<f64>) -> Vec<f64> {
    match kind {
        ProblemType::SingleLabelClassification => softmax(logits),
        ProblemType::MultiLabelClassification => logits.into_iter().map(sigmoid).collect(),
        ProblemType::Regression => logits,
    }
}

/// What is right of the videos that were answered, beside their answers.
pub fn with_labels<'a>(
    answers: &'a [Answer],
    predictions: &'a Predictions,
) -> impl Iterator<Item = (&'a [f64], Option<&'a [f32]>)> {
    answers.iter().map(|answer| {
        (answer.probabilities.as_slice(), predictions.labels.get(&answer.row).map(Vec::as_slice))
    })
}

/// Probability of a logit.
pub fn sigmoid(logit: f64) -> f64 {
    if logit >= 0.0 { 1.0 / (1.0 + (-logit).exp()) } else { logit.exp() / (1.0 + logit.exp()) }
}

/// Probabilities of logits.
pub fn softmax(logits: Vec<f64>) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.into_iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Place of `class` among classes by falling logit, from 0; of equal ones the lower number comes first.
pub fn rank_of(logits: &[f32], class: usize) -> usize {
    let logits: Vec<f64> = logits.iter().map(|logit| f64::from(*logit)).collect();
    place_of(&logits, class)
}

fn place_of(scores: &[f64], class: usize) -> usize {
    let own = scores[class];
    // What is no number ranks last, and before what is not: never in anybody's favour.
    let before = |(other, score): (usize, &f64)| match score.partial_cmp(&own) {
        Some(Ordering::Less) => false,
        Some(Ordering::Equal) => other < class,
        Some(Ordering::Greater) | None => other != class,
    };
    scores.iter().enumerate().filter(|(other, score)| before((*other, score))).count()
}

/// Cross entropy of a class in nats.
pub fn cross_entropy(logits: &[f32], class: usize) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - largest).exp()).sum();
    sum.ln() - (f64::from(logits[class]) - largest)
}

#[cfg(test)]
mod tests {
    use schemas::predictions::{Failure, Prediction, Tested};

    use super::*;

    pub(super) fn of(views: &[(u64, i32, &[f32])]) -> Predictions {
        let classes = views.first().map_or(0, |view| view.2.len());
        let view = |(at, &(row, label, logits)): (usize, &(u64, i32, &[f32]))| Prediction {
            row,
            video: format!("{row}.mp4"),
            label: Some(label),
            view: schemas::labelled_batch::View { clip: at as u16, crop: 0 },
            frames: Vec::new(),
            span: (0, 0),
            logits: logits.to_vec(),
        };
        Predictions {
            tested: Tested {
                classes: (0..classes).map(|class| class.to_string()).collect(),
                videos: views.iter().map(|view| view.0 + 1).max().unwrap_or(0),
                clips: views.len() as u16,
                crops: 1,
                ..Tested::default()
            },
            predictions: views.iter().enumerate().map(view).collect(),
            ..Predictions::default()
        }
    }

    #[test]
    fn one_overconfident_view_turns_the_mean_of_logits_and_not_that_of_probabilities() {
        let views: Vec<(u64, i32, &[f32])> =
            vec![(0, 1, &[100.0, 0.0]), (0, 1, &[0.0, 1.0]), (0, 1, &[0.0, 1.0]), (0, 1, &[0.0, 1.0])];
        let predictions = of(&views);
        assert_eq!(answers(&predictions, By::Prob)[0].ranked(), [1, 0]);
        assert_eq!(answers(&predictions, By::Score)[0].ranked(), [0, 1]);
    }

    #[test]
    fn equal_scores_go_to_the_lower_class() {
        assert_eq!([0, 1, 2].map(|class| rank_of(&[1.0, 2.0, 2.0], class)), [2, 0, 1]);
        assert_eq!([0, 1, 2].map(|class| rank_of(&[f32::NAN, 2.0, 1.0], class)), [2, 1, 2]);
        let answer = &answers(&of(&[(0, 2, &[1.0, 2.0, 2.0])]), By::Prob)[0];
        assert_eq!((answer.ranked(), answer.rank()), (vec![1, 2, 0], Some(1)));
    }

    #[test]
    fn several_labels_have_a_probability_each_and_numbers_are_averaged_as_they_are() {
        let mut predictions = of(&[(0, 0, &[0.0, 100.0]), (0, 0, &[3.0, -100.0])]);
        predictions.tested.problem_type = ProblemType::MultiLabelClassification;
        let [found] = &answers(&predictions, By::Prob)[..] else { panic!() };
        let wanted = [(0.5 + 0.952_574_126_822_433_1) / 2.0, 0.5];
        assert!(found.probabilities.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        let by_score = &answers(&predictions, By::Score)[0].probabilities;
        assert!((by_score[0] - sigmoid(1.5)).abs() < 1e-12 && by_score[1] == 0.5);
        predictions.tested.problem_type = ProblemType::Regression;
        for by in [By::Prob, By::Score] {
            assert_eq!(answers(&predictions, by)[0].probabilities, [1.5, 0.0]);
        }
    }

    #[test]
    fn a_failed_video_has_an_answer_without_a_rank() {
        let mut predictions = of(&[(0, 0, &[1.0, 0.0])]);
        predictions.failures.push(Failure {
            row: 5,
            video: "b".into(),
            label: Some(0),
            reason: "damaged".into(),
        });
        let answers = answers(&predictions, By::Prob);
        assert_eq!((answers.len(), answers[1].row, answers[1].rank()), (2, 5, None));
    }

    #[test]
    fn cross_entropies_are_those_of_the_logits() {
        assert!((cross_entropy(&[0.0, 0.0], 0) - std::f64::consts::LN_2).abs() < 1e-12);
        assert!((cross_entropy(&[1000.0, 0.0], 1) - 1000.0).abs() < 1e-9);
        assert!(cross_entropy(&[f32::MAX, f32::MIN], 1).is_finite());
    }
}
