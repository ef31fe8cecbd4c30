//! What a test of several labels a video found: average precision of each class, and its mean (mAP).
//!
//! ```text
//! AP = Σ (Rₙ − Rₙ₋₁) · Pₙ          over the distinct scores, falling: precision and recall of all that score as high
//! ```
//!
//! That is scikit-learn's `average_precision_score`: no interpolation, equal scores together. A video that gave no
//! view is never found: its labels count among those to be found, and it stands behind all that have a score.

use serde::Serialize;

/// The average precision of scores, each with whether its video has the label; `lost` more videos have the label and
/// no score. None where no video has it.
pub fn average_precision(scores: &[(f64, bool)], lost: u64) -> Option<f64> {
    let positives = scores.iter().filter(|(_, has)| *has).count() as u64 + lost;
    if positives == 0 {
        return None;
    }
    let mut falling = scores.to_vec();
    falling.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut found, mut seen, mut sum) = (0u64, 0u64, 0.0);
    for equal in falling.chunk_by(|a, b| a.0 == b.0) {
        let more = equal.iter().filter(|(_, has)| *has).count() as u64;
        (found, seen) = (found + more, seen + equal.len() as u64);
        sum += more as f64 / positives as f64 * (found as f64 / seen as f64);
    }
    Some(sum)
}

/// How a class did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelLine {
    /// Its name.
    pub class: String,
    /// Videos that have it.
    pub videos: u64,
    /// Its average precision; none where no video has it.
    pub average_precision: Option<f64>,
    /// Of the videos that have it, how many were given it (a probability above one half).
    pub found: u64,
    /// Videos that were given it.
    pub given: u64,
}

impl LabelLine {
    /// That of a class of this name, whose videos have these scores and labels; `lost` more have the label.
    fn of(class: &str, pairs: &[(f64, bool)], lost: u64) -> Self {
        let count = |of: fn(&(f64, bool)) -> bool| pairs.iter().filter(|pair| of(pair)).count() as u64;
        Self {
            class: class.to_owned(),
            videos: count(|(_, has)| *has) + lost,
            average_precision: average_precision(pairs, lost),
            found: count(|(probability, has)| *has && *probability > 0.5),
            given: count(|(probability, _)| *probability > 0.5),
        }
    }
}

/// What a test of several labels a video found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeveralReport {
    /// Videos whose labels are known, failed ones included.
    pub videos: u64,
    /// Videos that gave no view; their labels are not found.
    pub failed: u64,
    /// Videos whose labels are not known; they count nowhere.
    pub unlabelled: u64,
    /// Mean of the classes' average precisions; classes that no video has do not count.
    #[serde(rename = "map")]
    pub mean_average_precision: f64,
    /// Average precision over all pairs of a video and a class together.
    #[serde(rename = "map_micro")]
    pub micro: f64,
    /// Share of videos whose labels are all right at one half.
    pub exact: f64,
    /// Each class.
    pub classes: Vec<LabelLine>,
}

impl SeveralReport {
    /// Sums up videos over these classes: probabilities (empty for a failed video) and labels, where they are known.
    pub fn of<'a>(
        videos: impl IntoIterator<Item = (&'a [f64], Option<&'a [f32]>)>,
        classes: &[String],
    ) -> Self {
        let (mut failed, mut unlabelled, mut exact) = (0u64, 0u64, 0u64);
        let mut pairs: Vec<Vec<(f64, bool)>> = vec![Vec::new(); classes.len()];
        let mut lost = vec![0u64; classes.len()];
        let mut count = 0u64;
        for (probabilities, labels) in videos {
            let Some(labels) = labels.filter(|labels| labels.len() == classes.len()) else {
                unlabelled += 1;
                continue;
            };
            let has: Vec<bool> = labels.iter().map(|label| *label > 0.5).collect();
            count += 1;
            if probabilities.len() != classes.len() {
                failed += 1;
                lost.iter_mut().zip(&has).for_each(|(lost, has)| *lost += u64::from(*has));
                continue;
            }
            let all = || probabilities.iter().zip(&has);
            exact += u64::from(all().all(|(probability, has)| (*probability > 0.5) == *has));
            pairs
                .iter_mut()
                .zip(all())
                .for_each(|(pairs, (probability, has))| pairs.push((*probability, *has)));
        }
        let lines = classes.iter().zip(&pairs).zip(&lost);
        let lines: Vec<LabelLine> =
            lines.map(|((class, pairs), lost)| LabelLine::of(class, pairs, *lost)).collect();
        let known: Vec<f64> = lines.iter().filter_map(|line| line.average_precision).collect();
        Self {
            videos: count,
            failed,
            unlabelled,
            mean_average_precision: known.iter().sum::<f64>() / known.len().max(1) as f64,
            micro: average_precision(&pairs.concat(), lost.iter().sum()).unwrap_or(0.0),
            exact: exact as f64 / count.max(1) as f64,
            classes: lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_is_scikit_learn_s() {
        let pairs = |scores: &[f64], has: &[u8]| -> Vec<(f64, bool)> {
            scores.iter().copied().zip(has.iter().map(|has| *has == 1)).collect()
        };
        for (scores, has, wanted) in [
            (&[0.1, 0.4, 0.35, 0.8][..], &[0, 0, 1, 1][..], 0.833_333_333_333_333_3),
            (&[0.9, 0.8, 0.7, 0.6, 0.5], &[0, 1, 0, 1, 1], 0.533_333_333_333_333_3),
            (&[0.5, 0.5, 0.5, 0.2], &[1, 0, 1, 1], 0.694_444_444_444_444_4),
            (&[0.3, 0.3], &[1, 0], 0.5),
        ] {
            let found = average_precision(&pairs(scores, has), 0).unwrap();
            assert!((found - wanted).abs() < 1e-12, "{scores:?} {has:?}: {found}, wanted {wanted}");
        }
        assert_eq!(average_precision(&pairs(&[0.3, 0.7], &[0, 0]), 0), None);
    }

    #[test]
    fn a_video_without_a_view_is_not_found() {
        let pairs = [(0.9, true), (0.1, false)];
        assert_eq!(average_precision(&pairs, 0), Some(1.0));
        assert_eq!(average_precision(&pairs, 1), Some(0.5));
        assert_eq!(average_precision(&[], 2), Some(0.0));
    }

    #[test]
    fn videos_are_summed_up_by_class() {
        let classes = ["a", "b", "c"].map(str::to_owned);
        let videos: Vec<(&[f64], Option<&[f32]>)> = vec![
            (&[0.9, 0.2, 0.1], Some(&[1.0, 0.0, 0.0])),
            (&[0.8, 0.6, 0.3], Some(&[0.0, 1.0, 0.0])),
            (&[], Some(&[1.0, 1.0, 0.0])),
            (&[0.5, 0.5, 0.5], None),
        ];
        let report = SeveralReport::of(videos, &classes);
        assert_eq!((report.videos, report.failed, report.unlabelled), (3, 1, 1));
        let lines: Vec<_> = report
            .classes
            .iter()
            .map(|line| (line.videos, line.average_precision, line.found, line.given))
            .collect();
        assert_eq!(lines, [(2, Some(0.5), 1, 2), (2, Some(0.5), 1, 1), (0, None, 0, 0)]);
        assert_eq!(report.mean_average_precision, 0.5);
        assert!((report.exact - 1.0 / 3.0).abs() < 1e-12);
    }
}
