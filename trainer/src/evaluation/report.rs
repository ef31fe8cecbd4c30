//! Accuracy, its interval, by class, confusion, calibration.

use serde::Serialize;

use super::Answer;

/// Bins of confidence, each a fifteenth wide (Guo et al. 2017).
const BINS: usize = 15;
/// 97.5 % quantile of the normal distribution: 95 % lie between minus and plus this.
const Z: f64 = 1.959_963_984_540_054;

/// A share with the interval that holds the true one with 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The share found, 0 to 1.
    pub share: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How a class did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassLine {
    /// Its name.
    pub class: String,
    /// Videos of it.
    pub videos: u64,
    /// Of these, how many had it as first answer.
    pub right: u64,
}

/// What a test found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Videos whose class is known, failed ones included.
    pub videos: u64,
    /// Videos that gave no view; they count as wrong.
    pub failed: u64,
    /// Videos whose class is not known; they count nowhere.
    pub unlabelled: u64,
    /// Share whose class is the first answer.
    pub top1: Interval,
    /// Share whose class is among the first five.
    pub top5: Interval,
    /// Mean of the classes' accuracies; classes without a video do not count.
    pub mean_class: f64,
    /// Mean distance between confidence and accuracy, 0 is perfectly calibrated.
    pub calibration_error: f64,
    /// Each class.
    pub classes: Vec<ClassLine>,
    /// Row: true class; column: first answer. Failed videos are in no column.
    pub confusion: Vec<Vec<u64>>,
}

impl Report {
    /// Sums up answers over these classes.
    pub fn of(answers: &[Answer], classes: &[String]) -> Self {
        let count = classes.len();
        let known = |answer: &&Answer| {
            answer.label.and_then(|label| usize::try_from(label).ok()).filter(|class| *class < count)
        };
        let mut confusion = vec![vec![0u64; count]; count];
        let mut lines: Vec<ClassLine> =
            classes.iter().map(|class| ClassLine { class: class.clone(), videos: 0, right: 0 }).collect();
        let (mut videos, mut failed, mut first, mut first_five) = (0u64, 0u64, 0u64, 0u64);
        let mut confidences = Vec::new();
        for answer in answers {
            let Some(class) = known(&answer) else { continue };
            videos += 1;
            lines[class].videos += 1;
            let Some(rank) = answer.rank() else {
                failed += 1;
                continue;
            };
            let best = answer.ranked()[0];
            confusion[class][best] += 1;
            first += u64::from(rank == 0);
            first_five += u64::from(rank < 5);
            lines[class].right += u64::from(rank == 0);
            confidences.push((answer.probabilities[best], rank == 0));
        }
        let seen = lines.iter().filter(|line| line.videos > 0);
        let shares: Vec<f64> = seen.map(|line| line.right as f64 / line.videos as f64).collect();
        Self {
            videos,
            failed,
            unlabelled: answers.len() as u64 - videos,
            top1: wilson(first, videos),
            top5: wilson(first_five, videos),
            mean_class: shares.iter().sum::<f64>() / shares.len().max(1) as f64,
            calibration_error: calibration_error(&confidences),
            classes: lines,
            confusion,
        }
    }
}

/// The share of `hits` in `of`, with Wilson's 95 % interval.
pub fn wilson(hits: u64, of: u64) -> Interval {
    if of == 0 {
        return Interval { share: 0.0, low: 0.0, high: 1.0 };
    }
    let (n, share) = (of as f64, hits as f64 / of as f64);
    let square = Z * Z;
    let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = Z / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    // It holds its share; rounding alone would leave it at shares of 0 and 1.
    Interval { share, low: (centre - half).clamp(0.0, share), high: (centre + half).clamp(share, 1.0) }
}

/// Expected calibration error: over bins of confidence, the distance between mean confidence and accuracy,
/// weighed by how many fall into the bin. Pairs are a confidence and whether the answer was right.
pub fn calibration_error(confidences: &[(f64, bool)]) -> f64 {
    let mut bins = [(0.0, 0.0); BINS];
    for &(confidence, right) in confidences {
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        bins[bin].0 += confidence;
        bins[bin].1 += f64::from(u8::from(right));
    }
    let gaps: f64 = bins.iter().map(|(confidence, right): &(f64, f64)| (confidence - right).abs()).sum();
    gaps / confidences.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::{super::answers, *};
    use crate::recipe::By;

    #[test]
    fn wilson_s_interval_is_the_textbook_s() {
        // R: prop.test(81, 263, correct = FALSE)
        let found = wilson(81, 263);
        assert!((found.low - 0.255_289).abs() < 1e-5 && (found.high - 0.366_210).abs() < 1e-5, "{found:?}");
        let none = wilson(0, 20);
        assert!(none.low == 0.0 && (none.high - 0.161_125).abs() < 1e-5, "{none:?}");
        assert_eq!(wilson(0, 0).high, 1.0);
        assert_eq!((wilson(0, 468).low, wilson(468, 468).high), (0.0, 1.0));
    }

    #[test]
    fn confidence_that_is_right_as_often_as_it_says_is_calibrated() {
        let pairs = |confidence, right: usize| (0..10).map(move |at| (confidence, at < right));
        let good: Vec<_> = pairs(0.8, 8).chain(pairs(0.3, 3)).collect();
        assert!(calibration_error(&good) < 1e-12);
        let proud: Vec<_> = pairs(1.0, 5).collect();
        assert!((calibration_error(&proud) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn videos_are_counted_by_class_and_by_what_was_answered() {
        let mut predictions = super::super::tests::of(&[
            (0, 0, &[1.0, 0.0, 0.0]),
            (1, 0, &[0.0, 1.0, 0.0]),
            (2, 2, &[0.0, 0.0, 1.0]),
        ]);
        predictions.failures.push(schemas::predictions::Failure {
            row: 3,
            video: "x".into(),
            label: Some(2),
            reason: "damaged".into(),
        });
        let report = Report::of(&answers(&predictions, By::Prob), &predictions.tested.classes);
        assert_eq!((report.videos, report.failed, report.unlabelled), (4, 1, 0));
        assert_eq!((report.top1.share, report.top5.share), (0.5, 0.75));
        assert_eq!(report.confusion, [[1, 1, 0], [0, 0, 0], [0, 0, 1]]);
        assert_eq!(report.mean_class, 0.5);
        assert_eq!((report.classes[2].videos, report.classes[2].right), (2, 1));
    }
}
