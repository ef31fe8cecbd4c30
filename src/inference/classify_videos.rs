//! A classifier's answers to the views of videos.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use pipeline::{Slot, dataset::labels::Classes, sampling::labelled::Pass};
use schemas::{
    LabelledBatch, MADE_BY, ProblemType,
    predictions::{Failure, Prediction, Predictions, Tested},
};
use trainer::{
    Device, Recipe,
    inference::{classifier, classify::ClipClassifier},
    kernels,
    model::classifier::Classifier,
    weights::Weights,
};

use super::{by_video::ByVideo, model::LoadedModel, views_in_words::views_in_words};
use crate::{
    data::{
        labelled::{self, Failures, Wanted},
        labels::labelled_videos::LabelledVideos,
        narrow::narrow,
    },
    error::Result,
};

/// A classifier that is asked about videos.
pub struct Tester {
    classifier: Classifier,
    weights: Weights,
    device: Device,
    digest: String,
    problem_type: ProblemType,
    /// The settings it is asked by.
    pub recipe: Recipe,
    /// Names of its classes.
    pub classes: Classes,
    /// Clips that it looks at together.
    pub together: usize,
    /// Number of threads that decode.
    pub workers: usize,
}

/// What a test found, and whether it went to its end.
pub struct Answered {
    /// The predictions.
    pub predictions: Predictions,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

impl Tester {
    /// Asks a model that was read, a classifier of these classes.
    ///
    /// # Errors
    /// Never for a model that was read whole.
    pub fn new(loaded: LoadedModel, classes: Classes, together: usize, workers: usize) -> Result<Self> {
        let LoadedModel { model, recipe, device } = loaded;
        let (digest, problem_type) = (model.digest(), model.problem_type);
        let (classifier, weights) = classifier::classifier_of(model, &device)?;
        Ok(Self { classifier, weights, device, digest, problem_type, recipe, classes, together, workers })
    }

    /// What is tested on these videos.
    pub fn tested(&self, videos: &LabelledVideos) -> Tested {
        Tested {
            classes: self.classes.names().to_vec(),
            problem_type: self.problem_type,
            videos: videos.len(),
            clips: self.recipe.views.clips as u16,
            crops: self.recipe.views.crops as u16,
            model: self.digest.clone(),
            preprocessing: views_in_words(&self.recipe),
            data: videos.digest(),
            made_by: MADE_BY.to_owned(),
        }
    }

    /// Answers to all views of these rows of `videos`, one video after the other; `each` is shown every batch with
    /// its answers. Stops between two batches once `stop` is raised; the video in hand is then left out.
    ///
    /// # Errors
    /// When the data cannot be read, or `each` fails.
    pub fn test(
        &self,
        videos: &LabelledVideos,
        rows: &[u64],
        stop: &AtomicBool,
        mut each: impl FnMut(&LabelledBatch, &[Prediction]) -> Result<()>,
    ) -> Result<Answered> {
        let pass = Pass::Test { clips: narrow(self.recipe.views.clips) };
        let source = labelled::source(videos, &self.recipe, pass)?;
        let failures = Failures::default();
        let wanted = Wanted::test(&self.recipe);
        // Every video has one slot.
        let slots = rows.iter().copied().map(Slot).collect();
        let views = labelled::views(source, &self.recipe, wanted, slots, 1, self.workers, &failures)?;
        let classifier = ClipClassifier::new(&self.classifier, &self.weights, &self.device);
        let mut answered = Predictions { tested: self.tested(videos), ..Predictions::default() };
        let mut stopped = false;
        for batch in ByVideo::new(views, self.together) {
            let batch = batch?;
            if stop.load(Relaxed) {
                // A video of which not all views are there is left out whole.
                let complete = self.recipe.views.clips * self.recipe.views.crops;
                let last = answered.predictions.last().map(|last| last.row);
                let views = answered.predictions.iter().filter(|view| Some(view.row) == last).count();
                if views < complete {
                    answered.predictions.retain(|view| Some(view.row) != last);
                }
                stopped = true;
                break;
            }
            let model = &self.recipe.model;
            let predictions = kernels::with_kernels(model.kernels, || {
                kernels::in_precision(model.precision, || classifier.predictions(&batch))
            })?;
            each(&batch, &predictions)?;
            answered.predictions.extend(predictions);
        }
        note_rest(&mut answered, videos, rows, &failures, stopped);
        Ok(Answered { predictions: answered, stopped })
    }
}

/// Adds what is right of each video that has several labels, or numbers, and why videos gave no view.
fn note_rest(
    answered: &mut Predictions,
    videos: &LabelledVideos,
    rows: &[u64],
    failures: &Failures,
    stopped: bool,
) {
    for &row in rows {
        if let Some(labels) = videos.labels().get(row as usize) {
            answered.labels.insert(row, labels.to_vec());
        }
    }
    let seen: HashSet<u64> = answered.predictions.iter().map(|view| view.row).collect();
    let reasons = labelled::reasons(failures);
    for &row in rows.iter().filter(|row| !seen.contains(row)) {
        let entry = &videos.entries()[row as usize];
        let video = entry.name();
        let reason = match reasons.get(&video) {
            Some(reason) => reason.clone(),
            None if stopped => continue,
            None => "it gave no view".to_owned(),
        };
        answered.failures.push(Failure { row, video, label: entry.label, reason });
    }
}
