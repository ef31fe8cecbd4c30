//! What a dataset of clips is asked for.

use std::path::PathBuf;

use schemas::PixelLayout;

use crate::{data::labels::settings::LabelSettings, machine, recipe_choice::RecipeChoice};

/// Clips that are asked for.
#[derive(Clone, Debug)]
pub struct ClipLoading {
    /// Files, folders, globs, list files, a manifest, or one folder of shards; for [`ClipKind::Masked`] and
    /// [`ClipKind::Whole`] also several of these with weights, as in `films=2,robots=1`.
    pub videos: Vec<PathBuf>,
    /// How clips are drawn, cut and masked; where none is named, the default of pre-training for [`ClipKind::Masked`]
    /// and [`ClipKind::Whole`], that of fine-tuning for the others.
    pub recipe: RecipeChoice,
    /// Which clips.
    pub clips: ClipKind,
    /// The order of pixels.
    pub layout: PixelLayout,
    /// Clips of a batch of one process, those of `clip.repeats` counted; the recipe's micro-batch where none is
    /// given. A batch of views has all views of as many videos as fit, one at least.
    #[doc(alias = "batch_size")]
    pub batch: Option<usize>,
    /// Number of threads that decode.
    #[doc(alias = "num_workers")]
    pub workers: usize,
    /// Which of the processes that share the batches this one is, from 0.
    pub rank: u32,
    /// Processes that share the batches.
    pub world_size: u32,
    /// A file for the videos that fail, one JSON object a line; without it they are kept in memory only. Each rank
    /// needs one of its own.
    pub quarantine: Option<PathBuf>,
}

/// Which clips a dataset gives.
#[derive(Clone, Debug)]
pub enum ClipKind {
    /// Masked clips, as pre-training has them.
    Masked,
    /// The same clips without masks.
    Whole,
    /// Clips with their classes, changed as fine-tuning changes them.
    Labelled(LabelSettings),
    /// Views of a test: each video once, in order.
    Views {
        /// Where classes come from; without it, what lists and manifests say of numbers is taken as it is.
        labels: Option<LabelSettings>,
        /// Clips along time; the recipe's `views.clips` where nothing is said.
        clips: Option<u32>,
        /// Windows along the longer side; the recipe's `views.crops` where nothing is said.
        crops: Option<u32>,
    },
}

impl ClipLoading {
    /// Masked clips of these videos, `[N, C, T, H, W]`, for one process, by the default recipe.
    pub fn new(videos: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            videos: videos.into_iter().map(Into::into).collect(),
            recipe: RecipeChoice::default(),
            clips: ClipKind::Masked,
            layout: PixelLayout::Ncthw,
            batch: None,
            workers: machine::default_workers(),
            rank: 0,
            world_size: 1,
            quarantine: None,
        }
    }
}

impl ClipKind {
    /// Its word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::Whole => "whole",
            Self::Labelled(_) => "labelled",
            Self::Views { .. } => "views",
        }
    }
}
