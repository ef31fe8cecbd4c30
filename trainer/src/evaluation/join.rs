//! Joins the parts of one test, which may come from several files or machines; each view counts once.

use std::collections::BTreeSet;

use schemas::{
    labelled_batch::View,
    predictions::{Predictions, Tested},
};

/// Why files are no parts of one test.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// There is no file.
    #[error("there are no predictions to join")]
    Nothing,
    /// Two files are about different tests.
    #[error("part {part} belongs to another test than the first part: its {what} differ")]
    OtherTest {
        /// Which part, from 1.
        part: usize,
        /// What differs.
        what: &'static str,
    },
}

/// A view that no part has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingView {
    /// Place of its video in the list.
    pub row: u64,
    /// Path of its video, where another of its views is there.
    pub video: Option<String>,
    /// Which view.
    pub view: View,
}

/// All parts together. Of a view that several parts have the first one counts; a video that failed in one part
/// and has views in another has not failed.
///
/// # Errors
/// When there is no part, or they are about different tests.
pub fn join(parts: Vec<Predictions>) -> Result<Predictions, JoinError> {
    let tested = parts.first().ok_or(JoinError::Nothing)?.tested.clone();
    let mut joined = Predictions { tested, ..Predictions::default() };
    let (mut seen, mut failed) = (BTreeSet::new(), BTreeSet::new());
    for (number, part) in parts.into_iter().enumerate() {
        if let Some(what) = differs(&joined.tested, &part.tested) {
            return Err(JoinError::OtherTest { part: number + 1, what });
        }
        joined.predictions.extend(part.predictions.into_iter().filter(|it| seen.insert((it.row, it.view))));
        joined.labels.extend(part.labels);
        joined.failures.extend(part.failures.into_iter().filter(|it| failed.insert(it.row)));
    }
    let with_views: BTreeSet<u64> = seen.iter().map(|(row, _)| *row).collect();
    joined.failures.retain(|failure| !with_views.contains(&failure.row));
    joined.predictions.sort_by_key(|prediction| (prediction.row, prediction.view));
    joined.failures.sort_by_key(|failure| failure.row);
    Ok(joined)
}

fn differs(first: &Tested, other: &Tested) -> Option<&'static str> {
    [
        ("classes", first.classes != other.classes),
        ("kinds of answer", first.problem_type != other.problem_type),
        ("numbers of videos", first.videos != other.videos),
        ("views", (first.clips, first.crops) != (other.clips, other.crops)),
        ("models", first.model != other.model),
        ("preprocessings", first.preprocessing != other.preprocessing),
        ("lists of videos", first.data != other.data),
    ]
    .into_iter()
    .find_map(|(what, differs)| differs.then_some(what))
}

/// Views of the test that are not there, by row; a failed video misses none.
pub fn missing(predictions: &Predictions) -> Vec<MissingView> {
    let there: BTreeSet<(u64, View)> = predictions.predictions.iter().map(|it| (it.row, it.view)).collect();
    let failed: BTreeSet<u64> = predictions.failures.iter().map(|failure| failure.row).collect();
    let name = |row| predictions.predictions.iter().find(|it| it.row == row).map(|it| it.video.clone());
    let Tested { videos, clips, crops, .. } = predictions.tested;
    (0..videos)
        .filter(|row| !failed.contains(row))
        .flat_map(|row| {
            (0..clips).flat_map(move |clip| (0..crops).map(move |crop| (row, View { clip, crop })))
        })
        .filter(|view| !there.contains(view))
        .map(|(row, view)| MissingView { row, video: name(row), view })
        .collect()
}

#[cfg(test)]
mod tests {
    use schemas::predictions::{Failure, Prediction};

    use super::*;

    fn part(views: &[(u64, u16)], failed: &[u64]) -> Predictions {
        let view = |&(row, clip): &(u64, u16)| Prediction {
            row,
            video: format!("{row}.mp4"),
            label: Some(0),
            view: View { clip, crop: 0 },
            frames: Vec::new(),
            span: (0, 0),
            logits: vec![row as f32, f32::from(clip)],
        };
        let failure = |&row: &u64| Failure {
            row,
            video: format!("{row}.mp4"),
            label: Some(0),
            reason: "damaged".into(),
        };
        let classes = vec!["a".to_owned(), "b".to_owned()];
        Predictions {
            tested: Tested { classes, videos: 3, clips: 2, crops: 1, ..Tested::default() },
            predictions: views.iter().map(view).collect(),
            failures: failed.iter().map(failure).collect(),
            ..Predictions::default()
        }
    }

    #[test]
    fn each_view_counts_once_and_missing_ones_are_named() {
        let joined = join(vec![part(&[(1, 0), (0, 1), (0, 0)], &[]), part(&[(0, 1)], &[2, 1])]).unwrap();
        let views: Vec<_> = joined.predictions.iter().map(|it| (it.row, it.view.clip)).collect();
        assert_eq!(views, [(0, 0), (0, 1), (1, 0)]);
        assert_eq!(joined.failures.iter().map(|failure| failure.row).collect::<Vec<_>>(), [2]);
        let gap = MissingView { row: 1, video: Some("1.mp4".into()), view: View { clip: 1, crop: 0 } };
        assert_eq!(missing(&joined), [gap]);
    }

    #[test]
    fn parts_of_another_model_are_refused() {
        let mut other = part(&[], &[]);
        other.tested.model = "another".to_owned();
        let refused = join(vec![part(&[], &[]), other]).unwrap_err().to_string();
        assert_eq!(refused, "part 2 belongs to another test than the first part: its models differ");
    }
}
