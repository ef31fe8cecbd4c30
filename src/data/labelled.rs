//! From a recipe to batches of labelled clips: training, validation, test views and windows.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use pipeline::{
    Slot,
    augment::{self, Augment, rand_augment::RandAugment, resized_crop::CropRange},
    clips::{
        augmented::TrainingSettings,
        views::{Fit, ViewSettings},
    },
    dataset::Dataset,
    loader::{
        channel::{self, Batches},
        epoch_cursor::RunPart,
        labelled,
    },
    profile::Profile,
    sampling::labelled::{LabelledSampling, Pass, Spread},
    source::{ClipSource, subset::Subset},
};
use schemas::{ClipGeometry, quarantine::QuarantineLine};
use trainer::{Recipe, recipe};

use super::{
    digest_words,
    labels::labelled_videos::LabelledVideos,
    loading::{self, Loading, WAITING_BYTES},
    narrow::narrow,
    source::source_by,
};
use crate::error::{Result, Usage};

/// How the frames of a recipe's clips are spread.
pub fn spread(recipe: &Recipe) -> Spread {
    match recipe.augment.sampling {
        recipe::Sampling::Dense => Spread::Dense { stride: narrow(recipe.clip.stride) },
        recipe::Sampling::Segments => Spread::Segments { short: recipe.augment.short_segments },
    }
}

/// The augmentation of a recipe.
fn changes(recipe: &Recipe) -> Augment {
    let settings = &recipe.augment;
    let published = CropRange::default();
    // The official smallest aspect is .75, not quite one over the largest.
    let smallest = if settings.crop_aspect == published.aspect.1 {
        published.aspect.0
    } else {
        1.0 / settings.crop_aspect
    };
    Augment {
        operations: (settings.rand_operations > 0).then_some(RandAugment {
            magnitude: settings.rand_magnitude,
            spread: settings.rand_spread,
            operations: narrow(settings.rand_operations),
            probability: settings.rand_probability,
        }),
        crop: CropRange { area: (settings.crop_least, 1.0), aspect: (smallest, settings.crop_aspect) },
        flip: settings.flip,
        erase: settings.erase,
    }
}

/// The settings of training clips: a batch is one micro-batch.
///
/// # Errors
/// Usage error: lengths do not fit.
pub fn training_settings(recipe: &Recipe) -> Result<TrainingSettings> {
    let (micro_batch, parts) = recipe.accumulation()?;
    Ok(TrainingSettings {
        geometry: recipe.geometry()?,
        spread: spread(recipe),
        augment: changes(recipe),
        clips_per_video: narrow(recipe.clip.clips_per_video),
        repeats: narrow(recipe.clip.repeats),
        batch: narrow(micro_batch / recipe.clip.repeats),
        batches_per_update: narrow(parts),
        balanced: recipe.classifier.balanced_sampling,
        seed: recipe.run.seed,
    })
}

/// Refuses to mirror clips of classes that are told apart by left and right.
///
/// # Errors
/// Usage error unless the recipe insists.
pub fn check_flip(recipe: &Recipe, classes: &[String]) -> Result<()> {
    if recipe.augment.flip == 0.0 || recipe.augment.flip_sides {
        return Ok(());
    }
    match augment::mirrored_classes(classes) {
        None => Ok(()),
        Some((left, right)) => {
            let names =
                if left == right { format!("`{left}` says") } else { format!("`{left}` and `{right}` say") };
            Err(Usage::new(format!("augment.flip mirrors clips, and the classes {names} left and right"))
                .hint("--set augment.flip=0, or --set augment.flip_sides=true to mirror all the same")
                .into())
        }
    }
}

/// Training micro-batches from number `first` on, for ever. `source` is that of [`Pass::Train`].
///
/// # Errors
/// When the settings make no batch or threads cannot be started.
pub fn training(
    source: Arc<dyn ClipSource>,
    recipe: &Recipe,
    first: u64,
    workers: usize,
    loading: &Loading,
) -> Result<Batches> {
    training_of(source, recipe, first.into(), workers, loading)
}

/// Some of these micro-batches: those that one process of several computes.
///
/// # Errors
/// As [`training`].
pub fn training_of(
    source: Arc<dyn ClipSource>,
    recipe: &Recipe,
    part: RunPart,
    workers: usize,
    loading: &Loading,
) -> Result<Batches> {
    let settings = training_settings(recipe)?;
    let (workers, profile) = (loading::workers(recipe, workers), Arc::clone(&loading.profile));
    let stream = labelled::training(source, settings, part, workers, loading.on_failure(), profile)?;
    Ok(channel::spawn(stream, WAITING_BYTES, Arc::clone(&loading.profile))?)
}

/// Which views of each video are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What for, and how many clips along time.
    pub pass: Pass,
    /// Windows along the longer side.
    pub crops: u32,
    /// Short side of the resized frame; 0 is the clip's.
    pub short_side: u32,
    /// How frames become pixels.
    pub fit: Fit,
}

impl Wanted {
    /// One clip and one window: validation.
    pub fn validation(recipe: &Recipe) -> Self {
        let short_side = narrow(recipe.views.short_side);
        Self { pass: Pass::Validation, crops: 1, short_side, fit: Fit::Windows }
    }

    /// T clips and S windows.
    pub fn test(recipe: &Recipe) -> Self {
        let clips = narrow(recipe.views.clips);
        Self { pass: Pass::Test { clips }, crops: narrow(recipe.views.crops), ..Self::validation(recipe) }
    }

    /// Digest of how views are made of a video.
    pub fn digest(&self, spread: Spread, geometry: ClipGeometry) -> String {
        let Self { pass, crops, short_side, fit } = *self;
        let (pass, fit) = (digest_words::of_pass(pass), digest_words::of_fit(fit));
        let wanted =
            format!("Wanted {{ pass: {pass}, crops: {crops}, short_side: {short_side}, fit: {fit} }}");
        let (spread, geometry) = (digest_words::of_spread(spread), geometry.digest_words());
        let words = format!("{wanted} {spread} {geometry} opencv-bilinear imagenet-mean-std");
        blake3::hash(words.as_bytes()).to_hex().to_string()
    }

    /// Clips along time that a slot gives at most, and slots of a video.
    fn clips(&self) -> (u32, u32) {
        match self.pass {
            Pass::Train | Pass::Validation | Pass::Alone { .. } => (1, 1),
            Pass::Test { clips } => (clips.max(1), 1),
            Pass::Windows { at_once, slots, .. } => (at_once, slots),
        }
    }
}

/// Videos that gave no view, as they are found.
pub type Failures = Arc<Mutex<Vec<QuarantineLine>>>;

/// Why videos failed so far, by their names.
pub fn reasons(failures: &Failures) -> HashMap<String, String> {
    let lines = failures.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().map(|line| (line.video.clone(), line.reason.clone())).collect()
}

/// The views of `slots` in batches of `rows` rows; what fails goes into `failures` and has no row. `source` is
/// that of the same pass.
///
/// # Errors
/// When threads cannot be started, or the recipe makes no clip.
pub fn views(
    source: Arc<dyn ClipSource>,
    recipe: &Recipe,
    wanted: Wanted,
    slots: Vec<Slot>,
    rows: usize,
    workers: usize,
    failures: &Failures,
) -> Result<Batches> {
    let (clips, slots_per_video) = wanted.clips();
    let Wanted { crops, short_side, fit, .. } = wanted;
    let geometry = recipe.geometry()?;
    let settings = ViewSettings { geometry, clips, crops, short_side, slots_per_video, fit };
    let list = Arc::clone(failures);
    let on_failure = move |line| {
        list.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        Ok(())
    };
    let profile = Arc::<Profile>::default();
    let (workers, rows) = (loading::workers(recipe, workers), narrow(rows));
    let stream =
        labelled::views(source, settings, slots, rows, workers, Arc::new(on_failure), Arc::clone(&profile))?;
    Ok(channel::spawn(stream, WAITING_BYTES, profile)?)
}

/// Labelled videos as a source of clips. What it finds out about them it knows for as long as it is held: whoever
/// reads them again and again keeps it.
///
/// # Errors
/// Usage error where the data cannot give such clips: frame shards hold clips whose frames were chosen when
/// they were written, which serve for a training and for one view a video.
pub fn source(videos: &LabelledVideos, recipe: &Recipe, pass: Pass) -> Result<Arc<dyn ClipSource>> {
    let (dataset, chosen) = (videos.dataset(), videos.chosen());
    let slots = match pass {
        Pass::Train => narrow(recipe.clip.clips_per_video),
        Pass::Validation | Pass::Test { .. } => 1,
        Pass::Alone { clips, crops } => clips * crops,
        Pass::Windows { slots, .. } => slots,
    };
    if let Dataset::FrameShards(shards) = dataset {
        let facts = shards.facts();
        let single = matches!(pass, Pass::Train | Pass::Validation | Pass::Test { clips: 0 | 1 });
        if !single {
            return Err(Usage::new(
                "frame shards hold clips of their own, and several of each video are asked for",
            )
            .hint("give the videos or packet shards, or use one clip per video")
            .into());
        }
        if recipe.augment.sampling == recipe::Sampling::Segments {
            return Err(Usage::new(
                "frame shards hold neighbouring frames, and augment.sampling asks for segments",
            )
            .hint("give the videos or packet shards")
            .into());
        }
        for (key, stored, wanted) in [
            ("clip.frames", facts.frames as usize, recipe.clip.frames),
            ("clip.stride", facts.stride as usize, recipe.clip.stride),
        ] {
            if stored != wanted {
                return Err(Usage::new(format!("the shards were made with {key} = {stored}, not {wanted}"))
                    .hint(format!("--set {key}={stored}"))
                    .into());
            }
        }
        if slots > facts.clips_per_video {
            let stored = facts.clips_per_video;
            return Err(Usage::new(format!("the shards hold {stored} clips of a video, not {slots}"))
                .hint(format!("--set clip.clips_per_video={stored}"))
                .into());
        }
    }
    let frames = narrow(recipe.geometry()?.frames());
    let rule = LabelledSampling { frames, spread: spread(recipe), pass };
    let behind = dataset.clips_per_video(slots);
    let source = Subset::new(source_by(dataset, recipe, rule.into())?, chosen, slots, behind);
    Ok(Arc::new(source.with_labels(videos.labels().to_vec())))
}
