//! How well a classifier does while it is fine-tuned: one fixed view of each video, every so many epochs.
//!
//! ```text
//! validation.jsonl     a line a validation
//! best.safetensors     the weights of the best one so far, by top-1; of equal ones the first
//! ```
//!
//! A run that goes on cuts the lines it will write again, so the best of the lines that are left is the best
//! of the steps that were made. The last weights are in the run's checkpoints; which of the two is tested is
//! for the person to say.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    path::Path,
};

use arrow::array::RecordBatch;
use schemas::{LabelledBatch, metrics::ValidationLine};

use crate::{
    Device, Recipe,
    evaluation::{cross_entropy, rank_of},
    judge::Judge,
    labelled_clips::labels,
    metrics::Metrics,
    model::classifier::Classifier,
    run_folder::RunFolder,
    stepping::TrainError,
    training::Training,
};

/// An error of whoever makes batches.
pub type BatchError = Box<dyn std::error::Error + Send + Sync>;

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
        training: &Training,
        recipe: &Recipe,
        epoch: u64,
        device: &Device,
    ) -> Result<(ValidationLine, bool), TrainError> {
        let data = |cause| TrainError::Data { step: training.step, cause };
        let classes = training.description.as_ref().map_or(0, |description| description.labels().len());
        let judge = Judge::new(classifier, &training.weights, device);
        let clips = validate().map_err(data)?;
        let (mut seen, mut first, mut first_five, mut losses) = (0u64, 0u64, 0u64, 0.0);
        for batch in clips.batches {
            let batch = LabelledBatch::try_from(batch.map_err(data)?)?;
            let labels = labels(&batch, classes)?;
            let wrong = |cause| TrainError::Validation { step: training.step, cause };
            for (logits, label) in judge.logits(&batch).map_err(wrong)?.iter().zip(labels) {
                let rank = rank_of(logits, label);
                seen += 1;
                first += u64::from(rank == 0);
                first_five += u64::from(rank < 5);
                losses += cross_entropy(logits, label);
            }
        }
        let videos = clips.videos.max(seen).max(1);
        let line = ValidationLine {
            step: training.step,
            epoch,
            top1: first as f64 / videos as f64,
            top5: first_five as f64 / videos as f64,
            loss: losses / seen.max(1) as f64,
            videos,
            failed: videos - seen,
        };
        let best = self.best.is_none_or(|best| line.top1 > best);
        if best {
            let checkpoint = training.checkpoint(recipe, self.run.data());
            checkpoint.write(&self.run.best_path()).map_err(crate::run_folder::RunFolderError::from)?;
            self.best = Some(line.top1);
        }
        let path = self.run.validation_path();
        self.lines.add(&line).map_err(|cause| TrainError::Metrics { path, cause })?;
        Ok((line, best))
    }
}

/// The best top-1 among the lines of a file.
fn best_of(path: &Path) -> io::Result<Option<f64>> {
    let mut best: Option<f64> = None;
    for line in BufReader::new(fs::File::open(path)?).lines() {
        let line: ValidationLine = serde_json::from_str(&line?)?;
        best = Some(best.map_or(line.top1, |best| best.max(line.top1)));
    }
    Ok(best)
}
