//! Classifies clips: logits, and rows of predictions.

use schemas::{LabelledBatch, predictions::Prediction};

use crate::{
    batch::{
        finite,
        labelled::{LabelledClips, LabelledClipsError},
    },
    device::Device,
    model::classifier::Classifier,
    weights::{Weights, floats},
};

/// A classifier with its weights, for inference: validation, testing, prediction.
pub struct ClipClassifier<'a> {
    classifier: &'a Classifier,
    weights: &'a Weights,
    device: &'a Device,
}

impl<'a> ClipClassifier<'a> {
    /// A classifier with its weights.
    pub fn new(classifier: &'a Classifier, weights: &'a Weights, device: &'a Device) -> Self {
        Self { classifier, weights, device }
    }

    /// The logits of each clip. Boxes that are erased in training are not erased here: nothing is random.
    ///
    /// # Errors
    /// When there is no clip, or the clips are of another shape; when a logit is NaN or infinite.
    pub fn logits(&self, batch: &LabelledBatch) -> Result<Vec<Vec<f32>>, LabelledClipsError> {
        let clips = LabelledClips::upload(batch, self.classifier.shape().geometry, self.device)?;
        let logits = self.classifier.classify(self.weights, clips.plain_pixels()).logits;
        let [_, classes] = logits.dims();
        let logits: Vec<Vec<f32>> = floats(logits).chunks_exact(classes).map(<[f32]>::to_vec).collect();
        let stage = || Some(self.classifier.first_not_finite(self.weights, clips.plain_pixels()));
        finite::check(&logits, "logits", batch, 1, stage)?;
        Ok(logits)
    }

    /// A row of predictions a clip.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn predictions(&self, batch: &LabelledBatch) -> Result<Vec<Prediction>, LabelledClipsError> {
        let rows = self.logits(batch)?.into_iter().enumerate().map(|(clip, logits)| Prediction {
            row: batch.row(clip),
            video: batch.video(clip).to_owned(),
            label: batch.label(clip),
            view: batch.view(clip),
            frames: batch.frames(clip).to_vec(),
            span: batch.times(clip).first().copied().zip(batch.times(clip).last().copied()).unwrap_or((0, 0)),
            logits,
        });
        Ok(rows.collect())
    }
}
