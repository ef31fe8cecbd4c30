//! Validation during fine-tuning: one fixed view of each video, every so many epochs.
//!
//! ```text
//! validation.jsonl     a line a validation
//! best.safetensors     the weights of the best one so far: by top-1; by the mean average precision where a video
//!                      has several labels; by the squared error where the answer is numbers. Of equal ones the first
//! ```
//!
//! A run that goes on cuts the lines it will write again, so the best of the lines that are left is the best
//! of the steps that were made. The last weights are in the run's checkpoints; which of the two is tested is
//! for the person to say.

mod tally;

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    path::Path,
};

use arrow_array::RecordBatch;
use schemas::{LabelledBatch, metrics::ValidationLine};

use self::tally::Tally;
use super::{error::TrainError, metrics::Metrics, run_folder::RunFolder, state::TrainState};
use crate::{
    batch::labelled::BatchError, checkpoint::Description, device::Device,
    inference::classify::ClipClassifier, model::classifier::Classifier, recipe::Recipe,
};

/// The clips of a validation.
pub struct ValidationClips {
    /// Videos of the validation set. Those that give no clip count as wrong.
    pub videos: u64,
    /// One clip a video, in batches.
    pub batches: Box<dyn Iterator<Item = Result<RecordBatch, BatchError>>>,
}

/// Gives the clips of a validation, each time the same.
pub type Validate<'a> = dyn FnMut() -> Result<ValidationClips, BatchError> + 'a;

/// The validations of a run.
pub(crate) struct Validations<'a> {
    run: &'a RunFolder,
    lines: Metrics,
    best: Option<f64>,
}

impl<'a> Validations<'a> {
    /// Goes on after step `step`.
    pub(crate) fn open(run: &'a RunFolder, step: u64) -> Result<Self, TrainError> {
        let path = run.validation_path();
        let at = |cause| TrainError::Metrics { path: path.clone(), cause };
        let lines = Metrics::open_at(&path, step).map_err(at)?;
        let best = best_of(&path).map_err(at)?;
        Ok(Self { run, lines, best })
    }

    /// Validates the weights, writes a line, and keeps the weights if they are the best so far.
    pub(crate) fn validate(
        &mut self,
        validate: &mut Validate<'_>,
        classifier: &Classifier,
        state: &TrainState,
        recipe: &Recipe,
        epoch: u64,
        device: &Device,
    ) -> Result<(ValidationLine, bool), TrainError> {
        let data = |cause| TrainError::Data { step: state.step, cause };
        let description = state.description.as_ref();
        let names = description.map_or(&[][..], |description| description.labels());
        let mut tally = Tally::new(description.map(Description::problem_type).unwrap_or_default());
        let model = ClipClassifier::new(classifier, &state.weights, device);
        let clips = validate().map_err(data)?;
        for batch in clips.batches {
            let batch = LabelledBatch::try_from(batch.map_err(data)?)?;
            let wrong = |cause| TrainError::Validation { step: state.step, cause };
            tally.add(&batch, &model.logits(&batch).map_err(wrong)?, names.len())?;
        }
        let line = tally.line(state.step, epoch, clips.videos, names);
        let best = line.score() > self.best;
        if best {
            let checkpoint = state.checkpoint(recipe, self.run.data());
            checkpoint
                .write(&self.run.best_path())
                .map_err(crate::train::run_folder::RunFolderError::from)?;
            self.best = line.score();
        }
        let path = self.run.validation_path();
        self.lines.add(&line).map_err(|cause| TrainError::Metrics { path, cause })?;
        Ok((line, best))
    }
}

/// The best score among the lines of a file.
fn best_of(path: &Path) -> io::Result<Option<f64>> {
    let mut best: Option<f64> = None;
    for line in BufReader::new(fs::File::open(path)?).lines() {
        let line: ValidationLine = serde_json::from_str(&line?)?;
        // None is below every number.
        if line.score() > best {
            best = line.score();
        }
    }
    Ok(best)
}
