//! What a test of numbers found: errors, R² and Pearson's correlation of each number.
//!
//! ```text
//! MSE = mean of (x − y)²      R² = 1 − Σ(x − y)² / Σ(y − ȳ)²      r = covariance over both deviations
//! ```
//!
//! A video that gave no view counts as if the mean of what is right had been answered: it says nothing, and gains
//! nothing. R² is then that of scikit-learn's `r2_score`; where the numbers do not vary it says nothing and is none.

use serde::Serialize;

/// How a number did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberLine {
    /// Its name.
    pub name: String,
    /// Mean of what is right.
    pub mean: f64,
    /// Standard deviation of what is right.
    pub deviation: f64,
    /// Mean squared error.
    pub mse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// 1 − squared error over variance; none where the right numbers do not vary.
    pub r2: Option<f64>,
    /// Pearson's correlation; none where the right numbers, or the answers, do not vary.
    pub correlation: Option<f64>,
}

/// What a test of numbers found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegressionReport {
    /// Videos whose numbers are known, failed ones included.
    pub videos: u64,
    /// Videos that gave no view; they count as answered by the mean.
    pub failed: u64,
    /// Videos whose numbers are not known; they count nowhere.
    pub unlabelled: u64,
    /// Mean over the numbers of each.
    pub mse: f64,
    /// Mean over the numbers of each.
    pub mae: f64,
    /// Mean over the numbers that have one.
    pub r2: Option<f64>,
    /// Mean over the numbers that have one.
    pub correlation: Option<f64>,
    /// Each number.
    pub numbers: Vec<NumberLine>,
}

impl RegressionReport {
    /// Sums up videos over numbers of these names: answers (empty for a failed video) and what is right, where it is
    /// known.
    pub fn of<'a>(
        videos: impl IntoIterator<Item = (&'a [f64], Option<&'a [f32]>)>,
        names: &[String],
    ) -> Self {
        let (mut failed, mut unlabelled, mut count) = (0u64, 0u64, 0u64);
        let mut pairs: Vec<Vec<(Option<f64>, f64)>> = vec![Vec::new(); names.len()];
        for (answers, right) in videos {
            let Some(right) = right.filter(|right| right.len() == names.len()) else {
                unlabelled += 1;
                continue;
            };
            count += 1;
            failed += u64::from(answers.len() != names.len());
            for (at, (pairs, right)) in pairs.iter_mut().zip(right).enumerate() {
                let answer = answers.get(at).copied().filter(|_| answers.len() == names.len());
                pairs.push((answer, f64::from(*right)));
            }
        }
        let numbers: Vec<NumberLine> =
            names.iter().zip(&pairs).map(|(name, pairs)| line(name, pairs)).collect();
        let every = |of: fn(&NumberLine) -> f64| mean(numbers.iter().map(of)).unwrap_or(0.0);
        let some = |of: fn(&NumberLine) -> Option<f64>| mean(numbers.iter().filter_map(of));
        let (mse, mae) = (every(|line| line.mse), every(|line| line.mae));
        let (r2, correlation) = (some(|line| line.r2), some(|line| line.correlation));
        Self { videos: count, failed, unlabelled, mse, mae, r2, correlation, numbers }
    }
}

/// That of one number, from answers and what is right.
fn line(name: &str, pairs: &[(Option<f64>, f64)]) -> NumberLine {
    let centre = mean(pairs.iter().map(|pair| pair.1)).unwrap_or(0.0);
    let errors = || pairs.iter().map(|(answer, right)| answer.unwrap_or(centre) - right);
    let variance = mean(pairs.iter().map(|pair| (pair.1 - centre).powi(2))).unwrap_or(0.0);
    let mse = mean(errors().map(|error| error * error)).unwrap_or(0.0);
    let answered: Vec<(f64, f64)> =
        pairs.iter().filter_map(|(answer, right)| Some(((*answer)?, *right))).collect();
    NumberLine {
        name: name.to_owned(),
        mean: centre,
        deviation: variance.sqrt(),
        mse,
        mae: mean(errors().map(f64::abs)).unwrap_or(0.0),
        r2: varies(pairs.iter().map(|pair| pair.1)).then(|| 1.0 - mse / variance),
        correlation: correlation(&answered),
    }
}

/// Pearson's correlation of pairs; none where one side does not vary.
pub fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    if !varies(pairs.iter().map(|pair| pair.0)) || !varies(pairs.iter().map(|pair| pair.1)) {
        return None;
    }
    let (left, right) = (mean(pairs.iter().map(|pair| pair.0))?, mean(pairs.iter().map(|pair| pair.1))?);
    let together: f64 = pairs.iter().map(|pair| (pair.0 - left) * (pair.1 - right)).sum();
    let [of_left, of_right] = [
        pairs.iter().map(|pair| (pair.0 - left).powi(2)).sum::<f64>(),
        pairs.iter().map(|pair| (pair.1 - right).powi(2)).sum::<f64>(),
    ];
    Some((together / (of_left.sqrt() * of_right.sqrt())).clamp(-1.0, 1.0))
}

/// Whether not all are equal, to the bit: a variance of equal numbers may round to something above 0.
fn varies(mut numbers: impl Iterator<Item = f64>) -> bool {
    let Some(first) = numbers.next() else { return false };
    numbers.any(|number| number != first)
}

fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = numbers.fold((0.0, 0u64), |(sum, count), number| (sum + number, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(videos: &[(&[f64], Option<&[f32]>)], names: &[&str]) -> RegressionReport {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        RegressionReport::of(videos.iter().copied(), &names)
    }

    /// MSE, MAE, R², correlation.
    const WANTED: [[f64; 4]; 2] = [
        [0.375, 0.5, 0.948_608_137_044_967_9, 0.984_869_618_448_27],
        [13.25, 3.25, 0.904_847_396_768_402_2, 0.965_349_209_482_278_2],
    ];

    #[test]
    fn numbers_are_scikit_learn_s() {
        // mean_squared_error, mean_absolute_error, r2_score of sklearn.metrics, scipy's pearsonr
        let found = report(
            &[
                (&[2.5, 10.0], Some(&[3.0, 8.0])),
                (&[0.0, 20.0], Some(&[-0.5, 22.0])),
                (&[2.0, 30.0], Some(&[2.0, 27.0])),
                (&[8.0, 35.0], Some(&[7.0, 41.0])),
            ],
            &["speed", "depth"],
        );
        let close =
            |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-12, "{found}, wanted {wanted}");
        for (line, [mse, mae, r2, correlation]) in found.numbers.iter().zip(WANTED) {
            close(line.mse, mse);
            close(line.mae, mae);
            close(line.r2.unwrap(), r2);
            close(line.correlation.unwrap(), correlation);
        }
        close(found.r2.unwrap(), (WANTED[0][2] + WANTED[1][2]) / 2.0);
        assert_eq!((found.videos, found.failed, found.unlabelled), (4, 0, 0));
    }

    #[test]
    fn a_video_without_a_view_counts_as_answered_by_the_mean() {
        let found = report(&[(&[1.0], Some(&[1.0])), (&[], Some(&[3.0])), (&[9.0], None)], &["x"]);
        assert_eq!((found.videos, found.failed, found.unlabelled), (2, 1, 1));
        assert_eq!((found.mse, found.r2, found.correlation), (0.5, Some(0.5), None));
    }

    #[test]
    fn numbers_that_do_not_vary_have_no_r2_and_answers_that_do_not_vary_no_correlation() {
        let found = report(&[(&[0.1], Some(&[0.1])), (&[0.2], Some(&[0.1])), (&[0.3], Some(&[0.1]))], &["x"]);
        assert_eq!((found.r2, found.correlation), (None, None));
        let found = report(&[(&[0.3], Some(&[0.1])), (&[0.3], Some(&[0.2]))], &["x"]);
        assert!(found.r2.is_some() && found.correlation.is_none());
        let opposite = correlation(&[(1.0, -2.0), (2.0, -4.0), (3.0, -6.0)]).unwrap();
        assert!((opposite + 1.0).abs() < 1e-12, "{opposite}");
    }
}
