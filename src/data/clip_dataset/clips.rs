//! Clips of each kind: where they come from, and how an epoch of them is divided into batches.

use std::{path::PathBuf, sync::Arc};

use pipeline::{
    clips::{
        augmented::TrainingSettings,
        views::{Fit, ViewSettings},
    },
    dataset::{Dataset, labels::Classes},
    loader::{
        StreamError,
        epoch::{BatchStream, EpochLoader},
    },
    sampling::labelled::Pass,
    settings::{ClipSettings, SettingsError},
    source::ClipSource,
};
use schemas::ProblemType;
use trainer::Recipe;

use super::{
    fingerprint::{self, NamedVideos},
    settings::{ClipKind, ClipLoading},
};
use crate::{
    class_counts::ONE_CLASS,
    data::{
        labelled::{self, Wanted},
        labels::{labelled_videos::LabelledVideos, settings::LabelSettings},
        masked,
        pretraining_videos::PretrainingVideos,
    },
    error::{Result, Usage},
    observer::Observer,
};

/// Clips that are ready to be made.
pub(super) struct Clips {
    pub making: Making,
    pub source: Arc<dyn ClipSource>,
    pub classes: Classes,
    pub fingerprint: String,
}

/// How clips of a kind are made.
#[derive(Clone, Copy)]
pub(super) enum Making {
    Masked(ClipSettings),
    Whole(ClipSettings),
    Labelled(TrainingSettings),
    Views {
        settings: ViewSettings,
        /// Videos of a batch.
        videos: u64,
    },
}

impl Clips {
    /// Opens the videos of `wanted`.
    pub fn open(wanted: &ClipLoading, recipe: &Recipe, observer: &dyn Observer) -> Result<Self> {
        match &wanted.clips {
            ClipKind::Masked | ClipKind::Whole => Self::of_pretraining(wanted, recipe, observer),
            ClipKind::Labelled(labels) => Self::of_finetuning(wanted, labels, recipe, observer),
            ClipKind::Views { labels, .. } => Self::of_test(wanted, labels.as_ref(), recipe, observer),
        }
    }

    fn of_pretraining(wanted: &ClipLoading, recipe: &Recipe, observer: &dyn Observer) -> Result<Self> {
        let found = PretrainingVideos::open(&wanted.videos, observer)?;
        let dataset = found.dataset()?;
        let clips_per_video = dataset.clips_per_video(recipe.clip.clips_per_video as u32);
        let settings = ClipSettings {
            batches_per_update: wanted.world_size,
            ..masked::settings(recipe, clips_per_video)?
        };
        let making = match wanted.clips {
            ClipKind::Whole => Making::Whole(settings),
            _ => Making::Masked(settings),
        };
        let (names, labels) = (found.names(), found.labels());
        let videos = NamedVideos { names, labels, answers: Vec::new(), classes: &[] };
        let fingerprint = making.fingerprint(&dataset, &videos, recipe, wanted);
        Ok(Self {
            making,
            source: masked::source(&dataset, recipe)?,
            classes: Classes::default(),
            fingerprint,
        })
    }

    fn of_finetuning(
        wanted: &ClipLoading,
        labels: &LabelSettings,
        recipe: &Recipe,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let (videos, classes) = labelled_videos(&wanted.videos, labels, recipe, observer)?;
        labelled::check_flip(recipe, classes.names())?;
        let settings = TrainingSettings {
            batches_per_update: wanted.world_size,
            ..labelled::training_settings(recipe)?
        };
        let making = Making::Labelled(settings);
        let fingerprint = making.fingerprint(videos.dataset(), &named(&videos, &classes), recipe, wanted);
        Ok(Self { making, source: labelled::source(&videos, recipe, Pass::Train)?, classes, fingerprint })
    }

    fn of_test(
        wanted: &ClipLoading,
        labels: Option<&LabelSettings>,
        recipe: &Recipe,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let (videos, classes) = match labels {
            Some(labels) => labelled_videos(&wanted.videos, labels, recipe, observer)?,
            None => (LabelledVideos::open(&wanted.videos, observer)?, Classes::default()),
        };
        videos.check_there()?;
        let views = Wanted::test(recipe);
        let (clips, crops) = (recipe.views.clips as u32, views.crops);
        let settings = ViewSettings {
            geometry: recipe.geometry()?,
            clips,
            crops,
            short_side: views.short_side,
            slots_per_video: 1,
            fit: Fit::Windows,
        };
        let (batch, _) = recipe.accumulation()?;
        let of_batch = (batch as u64 / (u64::from(clips) * u64::from(crops)).max(1)).max(1);
        let making = Making::Views { settings, videos: of_batch };
        let fingerprint = making.fingerprint(videos.dataset(), &named(&videos, &classes), recipe, wanted);
        Ok(Self { making, source: labelled::source(&videos, recipe, views.pass)?, classes, fingerprint })
    }
}

/// The videos with their classes, as fine-tuning opens them.
fn labelled_videos(
    given: &[PathBuf],
    labels: &LabelSettings,
    recipe: &Recipe,
    observer: &dyn Observer,
) -> Result<(LabelledVideos, Classes)> {
    let problem_type = recipe.classifier.problem_type;
    let labels = LabelSettings { problem_type, ..labels.clone() };
    let (videos, labelled) = labels.videos(given, None, observer)?;
    labelled.notes.iter().for_each(|note| observer.note(format_args!("note: {note}")));
    videos.check_there()?;
    if problem_type == ProblemType::SingleLabelClassification && labelled.classes.names().len() == 1 {
        observer.note(format_args!("note: {ONE_CLASS}"));
    }
    Ok((videos, labelled.classes))
}

fn named<'a>(videos: &'a LabelledVideos, classes: &'a Classes) -> NamedVideos<'a> {
    NamedVideos {
        names: videos.names(),
        labels: videos.entries().iter().map(|video| video.label).collect(),
        answers: videos.labels().iter().map(|labels| &**labels).collect(),
        classes: classes.names(),
    }
}

impl Making {
    /// Batches of an epoch, those of all ranks together.
    ///
    /// # Errors
    /// Usage error: an epoch does not give each rank a batch, or a batch is too large.
    pub fn batches_per_epoch(&self, videos: u64, ranks: u32) -> Result<u64> {
        let found = match self {
            Self::Masked(settings) | Self::Whole(settings) => settings.batches_per_epoch(videos),
            Self::Labelled(settings) => settings.batches_per_epoch(videos),
            Self::Views { videos: of_batch, .. } => return Ok(videos.div_ceil(*of_batch)),
        };
        found.map_err(|why| {
            let usage = Usage::new(why.to_string());
            match why {
                SettingsError::Schedule(_) if ranks > 1 => usage.hint(format!(
                    "each of the {ranks} ranks needs a batch; a smaller batch or more `clip.clips_per_video` do"
                )),
                SettingsError::Schedule(_) => {
                    usage.hint("a smaller batch or more `clip.clips_per_video` do")
                }
                _ => usage,
            }
            .into()
        })
    }

    /// Rows of a batch, of views at most.
    fn rows(&self) -> u64 {
        match self {
            Self::Masked(settings) | Self::Whole(settings) => {
                u64::from(settings.batch) * u64::from(settings.repeats)
            }
            Self::Labelled(settings) => settings.rows(),
            Self::Views { settings, videos } => {
                videos * u64::from(settings.clips.max(1)) * u64::from(settings.crops.max(1))
            }
        }
    }

    fn fingerprint(
        &self,
        dataset: &Dataset,
        videos: &NamedVideos<'_>,
        recipe: &Recipe,
        wanted: &ClipLoading,
    ) -> String {
        fingerprint::of(dataset, videos, recipe, &wanted.clips, wanted.layout, self.rows())
    }

    /// The batches that `loader` is for.
    pub fn stream(&self, loader: EpochLoader) -> Result<BatchStream, StreamError> {
        match *self {
            Self::Masked(settings) => loader.masked(settings),
            Self::Whole(settings) => loader.unmasked(settings),
            Self::Labelled(settings) => loader.training(settings),
            Self::Views { settings, videos } => loader.views(settings, videos),
        }
    }
}
