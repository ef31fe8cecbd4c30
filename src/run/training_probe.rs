//! A probe of the encoder while it is pre-trained: what k nearest neighbours and a linear map make of its features.
//!
//! It asks what `tubelet probe` asks of a checkpoint, and finds the same: one view a video, the mean token, settings
//! chosen on held-out videos to learn from. Where the training keeps an average of the weights, that is probed. Videos are
//! decoded anew each time, so that a labelled set of any size takes no memory.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use pipeline::{Slot, sampling::labelled::Pass, source::ClipSource};
use schemas::{metrics::ProbeLine, settings::Verify};
use trainer::{
    Device, Recipe,
    batch::labelled::BatchError,
    inference::frozen_encoder::{self, FrozenEncoder, Pool, Source},
    kernels,
    probe::{self, Select, features::Features, knn, linear},
    train::state::TrainState,
};

use super::begun::Begun;
use crate::{
    data::{
        labelled::{self, Failures, Wanted},
        labels::{labelled_videos::LabelledVideos, parts::Parts, settings::LabelSettings},
    },
    error::{Error, Result, Usage},
    inference::model::TOGETHER,
    observer::Observer,
};

/// A probe, ready to be made again and again.
pub struct TrainingProbe {
    recipe: Recipe,
    device: Device,
    workers: usize,
    classes: usize,
    train: Part,
    test: Part,
}

/// The videos of a part.
struct Part {
    source: Arc<dyn ClipSource>,
    videos: u64,
}

impl TrainingProbe {
    /// The probe that the recipe asks for, if it asks for one.
    ///
    /// # Errors
    /// Usage error: no videos are named, they have no classes, or none are held out.
    pub fn open(
        recipe: &Recipe,
        begun: Option<&Begun>,
        device: &Device,
        workers: usize,
        observer: &dyn Observer,
    ) -> Result<Option<Self>> {
        if recipe.run.probe_every == 0 {
            return Ok(None);
        }
        let parts = parts(recipe, begun, observer)?;
        let Parts { train, test: Some(test), classes, .. } = parts else {
            let message = format!("run.probe_split = {:?} holds no videos out", recipe.run.probe_split);
            return Err(Usage::new(message).hint("--set run.probe_split=test=0.2").into());
        };
        let mut recipe = recipe.clone();
        // As `tubelet probe` does: nothing is decoded that no view shows.
        recipe.clip.verify = Verify::Clip;
        let part = |videos: &LabelledVideos| -> Result<Part> {
            Ok(Part { source: labelled::source(videos, &recipe, Pass::Validation)?, videos: videos.len() })
        };
        let (train, test) = (part(&train)?, part(&test)?);
        observer.note(format_args!(
            "every {} steps the encoder is probed: {} classes, {} videos to learn from, {} to be tested on",
            recipe.run.probe_every,
            classes.len(),
            train.videos,
            test.videos
        ));
        Ok(Some(Self { classes: classes.len(), device: device.clone(), workers, train, test, recipe }))
    }

    /// Probes the weights of a training; nothing comes of it where it is asked to stop meanwhile.
    ///
    /// # Errors
    /// When no video to learn from gives a clip, or features are no numbers.
    pub fn probe(&self, state: &TrainState, stop: &AtomicBool) -> Result<Option<ProbeLine>> {
        let start = Instant::now();
        let weights = state.average.as_ref().unwrap_or(&state.weights);
        let frozen = FrozenEncoder::of_training(self.recipe.model_shape()?, weights, &self.device);
        let features = |part| self.features(part, &frozen, stop);
        let (Some(train), Some(test)) = (features(&self.train)?, features(&self.test)?) else {
            return Ok(None);
        };
        if train.is_empty() {
            return Err(Error::Nothing("no video to learn from gave a clip".to_owned()));
        }
        let (classes, seed, select) = (self.classes, self.recipe.run.seed, Select::HeldOut);
        let nearest = knn::probe(&train, &test, classes, &knn::NEIGHBOURS, select, seed);
        let linear = linear::probe(&train, &test, classes, select, seed, &self.device)?;
        // Videos that gave no clip count as wrong.
        let seen = test.len() as f64 / self.test.videos.max(1) as f64;
        Ok(Some(ProbeLine {
            knn: seen * probe::accuracy(&nearest.scores, &test),
            linear: seen * probe::accuracy(&linear.scores, &test),
            videos: self.test.videos,
            failed: self.test.videos - test.len() as u64,
            seconds: start.elapsed().as_secs_f64(),
        }))
    }

    /// Features of a part; none where it is asked to stop meanwhile, which is looked at before each batch.
    fn features(&self, part: &Part, frozen: &FrozenEncoder, stop: &AtomicBool) -> Result<Option<Features>> {
        let recipe = &self.recipe;
        let (source, slots) = (Arc::clone(&part.source), (0..part.videos).map(Slot).collect());
        let wanted = Wanted::validation(recipe);
        // Videos without a view are counted by whoever misses them.
        let failures = Failures::default();
        let batches = labelled::views(source, recipe, wanted, slots, TOGETHER, self.workers, &failures)?;
        let batches = batches.map(|batch| batch.map_err(BatchError::from));
        let batches = batches.take_while(|_| !stop.load(Relaxed));
        let (geometry, source) = (recipe.geometry()?, [Source::Encoder(frozen)]);
        let made = kernels::with_kernels(recipe.model.kernels, || {
            kernels::in_precision(recipe.model.precision, || {
                frozen_encoder::features(&source, batches, geometry, self.classes, Pool::Mean, &self.device)
            })
        });
        if stop.load(Relaxed) {
            return Ok(None);
        }
        let features = made?.pop();
        Ok(Some(features.ok_or_else(|| Error::Nothing("no features were computed".to_owned()))?))
    }
}

/// The labelled videos, in two parts.
fn parts(recipe: &Recipe, begun: Option<&Begun>, observer: &dyn Observer) -> Result<Parts> {
    let (data, split) = (recipe.run.probe_data.as_str(), recipe.run.probe_split.as_str());
    let mut named = Vec::new();
    if !split.starts_with("train=") {
        if data.is_empty() {
            let message = "run.probe_every asks for a probe, and run.probe_data names no videos";
            return Err(Usage::new(message).hint("--set run.probe_data=VIDEOS").into());
        }
        // A run that goes on may do so from another folder.
        let from = begun.and_then(Begun::state).map(|state| Path::new(&state.data.folder));
        let there =
            from.map(|folder| folder.join(data)).filter(|path| !Path::new(data).exists() && path.exists());
        named.push(there.unwrap_or_else(|| data.into()));
    }
    LabelSettings::default().parts(&named, Some(split), recipe.run.seed, None, observer)
}

#[cfg(test)]
#[cfg(feature = "video")]
mod tests {
    use std::fs;

    use trainer::model::VideoMae;

    use super::*;
    use crate::recipe_choice::RecipeChoice;

    /// Eight films of two classes, no two of the same bytes.
    fn films(folder: &Path) {
        let film = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/cars.mp4");
        let bytes = fs::read(film).unwrap();
        for number in 0..8u64 {
            let class = folder.join(["a", "b"][number as usize % 2]);
            fs::create_dir_all(&class).unwrap();
            let own = [&bytes[..], &[0, 0, 0, 16], b"free", &number.to_be_bytes()].concat();
            fs::write(class.join(format!("{number}.mp4")), own).unwrap();
        }
    }

    #[test]
    fn a_probe_ends_without_an_answer_where_it_is_asked_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        films(folder.path());
        let mut choice = RecipeChoice::named("tiny");
        let data = format!("run.probe_data={}", folder.path().display());
        let small = ["clip.size=32", "clip.frames=4", "model.encoder_depth=1", "model.decoder_depth=1"];
        choice.set = small.map(str::to_owned).to_vec();
        choice.set.extend(["run.probe_every=1".to_owned(), "run.probe_split=test=0.5".to_owned(), data]);
        let recipe = choice.resolve(|| unreachable!("because one is named")).unwrap();
        let device = Device::flex();
        let probe = TrainingProbe::open(&recipe, None, &device, 1, &()).unwrap().unwrap();
        let model = VideoMae::new(recipe.model_shape().unwrap(), &device);
        let state = TrainState::begin(&recipe, model.shape(), &device);
        assert!(probe.probe(&state, &AtomicBool::new(true)).unwrap().is_none());
        let found = probe.probe(&state, &AtomicBool::new(false)).unwrap().unwrap();
        assert_eq!(found.failed, 0);
    }
}
