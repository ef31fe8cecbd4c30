//! What a classifier says of the views of labelled videos.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use pipeline::plan::views::Pass;
use schemas::{
    LabelledBatch, MADE_BY,
    predictions::{Failure, Predictions, Tested},
};
use trainer::{
    Device, Recipe,
    checkpoint::SavedModel,
    finetune,
    judge::Judge,
    model::{classifier::Classifier, layout},
    weights::Weights,
};

use crate::{
    labelled_data::{self, Failures, Wanted},
    labelling::LabelledVideos,
};

/// A classifier as it was read, ready to be asked.
pub struct Asked {
    classifier: Classifier,
    weights: Weights,
    classes: Vec<String>,
    digest: String,
    device: Device,
}

impl Asked {
    /// A classifier; `model` is one.
    ///
    /// # Errors
    /// When its tensors do not fit what it says of itself.
    pub fn new(model: SavedModel, device: &Device) -> Result<Self> {
        let (description, digest) = (model.description(), model.digest());
        let classes = description.labels().to_vec();
        let layout = layout::classifier(&model.shape, classes.len());
        let weights = Weights::fit(layout, model.weights, device)?;
        let classifier = finetune::classifier(&description, device);
        Ok(Self { classifier, weights, classes, digest, device: device.clone() })
    }

    /// What it says of all views of `videos`; `seen` is told after each batch how many views there were so far.
    ///
    /// # Errors
    /// Asked wrongly where the videos cannot give such views; when the pipeline fails as a whole.
    pub fn predictions(
        &self,
        videos: &LabelledVideos,
        recipe: &Recipe,
        wanted: Wanted,
        workers: usize,
        mut seen: impl FnMut(u64),
    ) -> Result<Predictions> {
        let source = labelled_data::source(videos, recipe, wanted.pass)?;
        let name_of = |row: u64| source.name(row);
        let failures = Failures::default();
        let (slots, rows) = ((0..videos.len()).collect(), recipe.accumulation()?.0);
        let batches = labelled_data::views(source.clone(), recipe, wanted, slots, rows, workers, &failures)?;
        let judge = Judge::new(&self.classifier, &self.weights, &self.device);
        let mut predictions = Vec::new();
        for batch in batches {
            predictions.extend(judge.predictions(&LabelledBatch::try_from(batch?)?)?);
            seen(predictions.len() as u64);
        }
        let answered: BTreeSet<u64> = predictions.iter().map(|prediction| prediction.row).collect();
        let reasons: BTreeMap<String, String> = labelled_data::failures_of(&failures)
            .into_iter()
            .map(|line| (line.video, format!("{}: {}", line.verdict, line.reason)))
            .collect();
        let failed = (0..).zip(videos.entries()).filter(|(row, _)| !answered.contains(row));
        let failure = |(row, entry): (u64, &pipeline::dataset::VideoEntry)| Failure {
            row,
            video: entry.path.display().to_string(),
            label: entry.label,
            reason: reasons.get(&name_of(row)).cloned().unwrap_or_else(|| "it gave no view".to_owned()),
        };
        let clips = match wanted.pass {
            Pass::Test { clips } => clips,
            Pass::Train | Pass::Validation | Pass::Windows { .. } => 1,
        };
        let geometry = recipe.geometry()?;
        let tested = Tested {
            classes: self.classes.clone(),
            videos: videos.len(),
            clips: u16::try_from(clips).unwrap_or(u16::MAX),
            crops: u16::try_from(wanted.crops).unwrap_or(u16::MAX),
            model: self.digest.clone(),
            preprocessing: wanted.digest(labelled_data::spread(recipe), geometry),
            made_by: MADE_BY.to_owned(),
        };
        Ok(Predictions { tested, failures: failed.map(failure).collect(), predictions })
    }
}
