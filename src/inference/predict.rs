//! What a classifier says of videos, one after the other, as a whole and clip by clip.

use std::{collections::BTreeMap, path::PathBuf, sync::atomic::AtomicBool};

use pipeline::dataset::labels::Classes;
use schemas::{
    LabelledBatch,
    predictions::{Prediction, Predictions, Tested},
};
use trainer::{
    evaluation::{self, Answer},
    recipe::By,
};

use super::{
    classify_videos::Tester,
    model::{LoadedModel, ModelSettings, note_single_views},
};
use crate::{
    data::labels::labelled_videos::LabelledVideos,
    error::{Result, Usage},
    input_file,
    observer::{Event, Observer},
};

/// Answers that are asked for.
#[derive(Clone, Debug)]
pub struct Predicting {
    /// Files, folders, globs, list files, a manifest, or one folder of shards.
    pub videos: Vec<PathBuf>,
    /// The classifier.
    pub model: ModelSettings,
    /// Names of the classes, one per line, if the model has none.
    pub classes: Option<PathBuf>,
    /// Clips along time and crops of each; the recipe's where nothing is said.
    pub views: Option<[u32; 2]>,
}

impl Predicting {
    /// What this model says of these videos, by the views of its recipe.
    pub fn new(model: impl Into<PathBuf>, videos: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let videos = videos.into_iter().map(Into::into).collect();
        Self { videos, model: ModelSettings::new(model), classes: None, views: None }
    }
}

/// What is seen on the way.
pub enum Seen<'a> {
    /// Clips that the model was shown.
    Clips {
        /// Their pixels.
        batch: &'a LabelledBatch,
        /// Crops of each clip.
        crops: usize,
    },
    /// All answers to a video.
    Video(VideoAnswers<'a>),
}

/// All answers to the views of a video.
#[derive(Clone, Copy)]
pub struct VideoAnswers<'a> {
    /// What was tested: names of the classes, kind of answer.
    pub tested: &'a Tested,
    /// The answer to each view.
    pub views: &'a [Prediction],
    /// What is averaged over the views.
    pub by: By,
}

impl VideoAnswers<'_> {
    /// What all views say together.
    pub fn whole(&self) -> Option<Answer> {
        self.of(self.views.to_vec())
    }

    /// What the crops of each clip say together, with the clip's first and last second, in order of time.
    pub fn clips(&self) -> Vec<((f64, f64), Answer)> {
        let mut clips: BTreeMap<u16, Vec<Prediction>> = BTreeMap::new();
        for view in self.views {
            clips.entry(view.view.clip).or_default().push(view.clone());
        }
        let clip = |views: Vec<Prediction>| {
            let (start, end) = views.first()?.span;
            Some(((start as f64 / 1e9, end as f64 / 1e9), self.of(views)?))
        };
        clips.into_values().filter_map(clip).collect()
    }

    fn of(&self, views: Vec<Prediction>) -> Option<Answer> {
        let predictions =
            Predictions { tested: self.tested.clone(), predictions: views, ..Predictions::default() };
        evaluation::answers(&predictions, self.by).pop()
    }
}

/// What was said of all videos.
#[derive(Clone, Debug)]
pub struct Predicted {
    /// The answers to all views, and the videos that failed.
    pub predictions: Predictions,
    /// What is averaged over the views.
    pub by: By,
    /// Whether it was asked to stop.
    pub stopped: bool,
}

/// Lets a classifier look at videos; `each` is given clips as the model sees them, and each video's answers as soon
/// as they are there. `stop` is read between batches.
///
/// # Errors
/// Usage error: no classifier, or videos that are not there. When the data cannot be read, or `each` fails.
pub fn predict(
    settings: &Predicting,
    stop: &AtomicBool,
    observer: &dyn Observer,
    mut each: impl FnMut(Seen<'_>) -> Result<()>,
) -> Result<Predicted> {
    let videos = LabelledVideos::open(&settings.videos, observer)?;
    let mut loaded = settings.model.open(None, observer)?;
    if let Some([clips, crops]) = settings.views {
        (loaded.recipe.views.clips, loaded.recipe.views.crops) = (clips as usize, crops as usize);
    }
    let classes = classes(settings, &loaded)?;
    note_single_views(&loaded.recipe, observer);
    let (by, crops) = (loaded.recipe.views.by, loaded.recipe.views.crops);
    let tester = Tester::new(loaded, classes, settings.model.batch, settings.model.workers)?;
    observer.on(Event::Stoppable);
    let tested = tester.tested(&videos);
    let rows: Vec<u64> = (0..videos.len()).collect();
    let mut waiting: Vec<Prediction> = Vec::new();
    let answered = tester.test(&videos, &rows, stop, |batch, predictions| {
        each(Seen::Clips { batch, crops })?;
        let next = predictions.first().map(|view| view.row);
        if waiting.first().is_some_and(|first| Some(first.row) != next) {
            let views = std::mem::take(&mut waiting);
            each(Seen::Video(VideoAnswers { tested: &tested, views: &views, by }))?;
        }
        waiting.extend_from_slice(predictions);
        Ok(())
    });
    let answered = answered.map_err(|why| settings.model.named_in(why))?;
    if !answered.stopped && !waiting.is_empty() {
        each(Seen::Video(VideoAnswers { tested: &tested, views: &waiting, by }))?;
    }
    Ok(Predicted { predictions: answered.predictions, by, stopped: answered.stopped })
}

/// Names of the classes: those that are given, else the model's.
fn classes(settings: &Predicting, loaded: &LoadedModel) -> Result<Classes> {
    let own = loaded.classes()?;
    let Some(file) = &settings.classes else { return Ok(own) };
    input_file::check_file(file)?;
    let named = Classes::read(file).map_err(|why| Usage::new(why.to_string()))?;
    if named.len() != own.len() {
        let (named, own) = (named.len(), own.len());
        return Err(Usage::new(format!("the list names {named} classes, and the model's head {own}")).into());
    }
    Ok(named)
}
