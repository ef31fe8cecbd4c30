//! The test at the end of a fine-tuning: the last weights, which are the result, and the best ones beside them.

use std::{path::Path, sync::atomic::AtomicBool};

use pipeline::dataset::{Dataset, labels::Classes};
use schemas::predictions::Predictions;
use trainer::{
    Device, Recipe, RunFolder,
    checkpoint::{self, SavedModel},
    recipe::By,
};

use crate::{
    data::labels::labelled_videos::LabelledVideos,
    error::Result,
    inference::{classify_videos::Tester, model::LoadedModel, prediction_files},
    observer::{Event, Observer},
};

/// What the last weights answered, in the folder of a run.
pub const PREDICTIONS: &str = "predictions.parquet";

/// What the weights of a run answered to the videos that it held out.
#[derive(Clone, Debug)]
pub struct FinalTest {
    /// Videos that were tested.
    pub videos: u64,
    /// Clips along time of each video.
    pub clips: usize,
    /// Crops of each clip.
    pub crops: usize,
    /// What is averaged over the views.
    pub by: By,
    /// The last weights, and the best in validation where there are any.
    pub weights: Vec<TestedWeights>,
}

/// Weights that were tested.
#[derive(Clone, Debug)]
pub struct TestedWeights {
    /// `last` or `best`.
    pub name: &'static str,
    /// The step that they are of.
    pub step: u64,
    /// What they answered.
    pub predictions: Predictions,
}

/// Tests the last weights and the best ones; what the last ones answer is kept beside them.
pub(super) fn test(
    recipe: &Recipe,
    device: &Device,
    videos: &LabelledVideos,
    last: &Path,
    run: &RunFolder,
    workers: usize,
    observer: &dyn Observer,
) -> Result<FinalTest> {
    let mut recipe = recipe.clone();
    // A frame shard has one clip of a video to show.
    if matches!(videos.dataset(), Dataset::FrameShards(_)) {
        (recipe.views.clips, recipe.views.crops) = (1, 1);
    }
    let mut models = vec![("last", checkpoint::read_any(last)?)];
    if run.best_path().exists() {
        models.push(("best", checkpoint::read_any(&run.best_path())?));
    }
    let mut weights: Vec<TestedWeights> = Vec::new();
    for (name, model) in models {
        let (step, digest) = (model.about.step, model.digest());
        // The best weights may be the last ones.
        let same = weights.iter().find(|tested| tested.predictions.tested.model == digest);
        let predictions = match same {
            Some(tested) => tested.predictions.clone(),
            None => of_model(name, model, &recipe, device, videos, workers, observer)?,
        };
        weights.push(TestedWeights { name, step, predictions });
    }
    if let Some(last) = weights.first() {
        prediction_files::write(&run.path().join(PREDICTIONS), &last.predictions)?;
    }
    let (clips, crops, by) = (recipe.views.clips, recipe.views.crops, recipe.views.by);
    Ok(FinalTest { videos: videos.len(), clips, crops, by, weights })
}

/// What a model answers to all views of the videos.
fn of_model(
    name: &str,
    model: SavedModel,
    recipe: &Recipe,
    device: &Device,
    videos: &LabelledVideos,
    workers: usize,
    observer: &dyn Observer,
) -> Result<Predictions> {
    let (together, never) = (recipe.accumulation()?.0, AtomicBool::new(false));
    let rows: Vec<u64> = (0..videos.len()).collect();
    let views = videos.len() * (recipe.views.clips * recipe.views.crops) as u64;
    observer.on(Event::Begin { total: views, what: "views" });
    let classes = Classes::of(model.labels.clone());
    let loaded = LoadedModel { model, recipe: recipe.clone(), device: device.clone() };
    let mut seen = 0;
    let answered =
        Tester::new(loaded, classes, together, workers)?.test(videos, &rows, &never, |_, views| {
            seen += views.len() as u64;
            observer.progress(seen, name);
            Ok(())
        })?;
    observer.on(Event::End);
    Ok(answered.predictions)
}
