//! Clips for any trainer: VIDEOS and a recipe to the batches of one epoch after the other, for one process or for
//! several that share them.
//!
//! ```text
//! ClipLoading ─▶ ClipDataset::open ─▶ batches(epoch, first) ─▶ ClipBatches
//! ```
//!
//! What a batch holds depends on its epoch and its number in it alone. So the batches of all ranks together are those
//! of one process, and a state to go on from is two numbers: the epoch, and how many batches of it all ranks took.

mod batches;
mod clips;
mod fingerprint;
pub mod settings;

use std::sync::Arc;

use pipeline::{
    dataset::labels::Classes,
    loader::{
        channel,
        epoch::{EpochLoader, EpochPart},
    },
    names, store,
};
use schemas::{ClipGeometry, PixelLayout, quarantine::QuarantineLine};
use trainer::Recipe;

use self::{
    clips::{Clips, Making},
    settings::{ClipKind, ClipLoading},
};
use super::loading::{self, Loading, WAITING_BYTES};
use crate::{
    error::{Result, Usage},
    machine::MOST_WORKERS,
    observer::Observer,
    recipe_choice::{self, built_in},
};

pub use self::batches::ClipBatches;
pub use pipeline::loader::channel::Waited;

/// Videos as clips: the dataset, the sampler and the loader in one.
#[doc(alias = "DataLoader")]
#[doc(alias = "IterableDataset")]
#[doc(alias = "DistributedSampler")]
pub struct ClipDataset {
    recipe: Recipe,
    geometry: ClipGeometry,
    layout: PixelLayout,
    clips: Clips,
    loading: Loading,
    workers: usize,
    ranks: Ranks,
    /// Batches of an epoch, those of all ranks together.
    batches: u64,
}

/// Which process this is.
#[derive(Clone, Copy)]
struct Ranks {
    rank: u64,
    count: u64,
}

impl ClipDataset {
    /// Opens the videos; decodes none.
    ///
    /// # Errors
    /// Usage error: settings do not fit each other or the videos, nothing is there, or an epoch does not give each
    /// rank a batch. When lists, shards or the quarantine cannot be read.
    pub fn open(wanted: &ClipLoading, observer: &dyn Observer) -> Result<Self> {
        let ranks = Ranks { rank: wanted.rank.into(), count: wanted.world_size.into() };
        if ranks.rank >= ranks.count {
            let message = format!("rank {} is none of {} ranks", ranks.rank, ranks.count);
            return Err(Usage::new(message).hint("ranks are numbered from 0").into());
        }
        if wanted.workers > MOST_WORKERS {
            let message = format!("{} threads are more than {MOST_WORKERS}", wanted.workers);
            return Err(Usage::new(message).into());
        }
        if let Some(file) = wanted.quarantine.as_deref().filter(|file| store::is_address(file)) {
            let file = names::shown(file);
            let message =
                format!("{file} is an address of an object store, and the quarantine is written to a file");
            return Err(Usage::new(message).into());
        }
        let recipe = recipe(wanted)?;
        let clips = Clips::open(wanted, &recipe, observer)?;
        let videos = clips.source.videos();
        let batches = clips.making.batches_per_epoch(videos, wanted.world_size)?;
        let most_failed = match clips.making {
            // Who tests counts the videos that are missing.
            Making::Views { .. } => 1.0,
            _ => recipe.run.max_failed_share,
        };
        let loading = Loading::begin(wanted.quarantine.as_deref(), videos, most_failed)?;
        let (geometry, layout, workers) = (recipe.geometry()?, wanted.layout, wanted.workers);
        Ok(Self { recipe, geometry, layout, clips, loading, workers, ranks, batches })
    }

    /// The recipe with all that was changed of it.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The shape of a clip.
    pub fn geometry(&self) -> ClipGeometry {
        self.geometry
    }

    /// The order of pixels.
    pub fn layout(&self) -> PixelLayout {
        self.layout
    }

    /// Videos, failing ones included.
    pub fn videos(&self) -> u64 {
        self.clips.source.videos()
    }

    /// The classes of labelled clips, or the names of several labels or numbers; none where clips have none.
    pub fn classes(&self) -> &Classes {
        &self.clips.classes
    }

    /// Batches of an epoch for this rank: as many as for any other, except of views, of which no batch is left out
    /// and the last ranks may have one less.
    pub fn batches_per_epoch(&self) -> u64 {
        self.part(0, 0).count
    }

    /// This rank's batches of `epoch`, from number `first` of the batches of all ranks on to the epoch's end. To go on,
    /// `first` is how many batches all ranks took together; from the end of an epoch on there are none.
    ///
    /// Of views a batch in which no video could be read has no row; it is there all the same, so that it counts.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn batches(&self, epoch: u32, first: u64) -> Result<ClipBatches> {
        let profile = &self.loading.profile;
        let loader = EpochLoader {
            source: Arc::clone(&self.clips.source),
            part: self.part(epoch, first),
            layout: self.layout,
            workers: loading::workers(&self.recipe, self.workers),
            on_failure: self.loading.on_failure(),
            profile: Arc::clone(profile),
        };
        let stream = self.clips.making.stream(loader)?;
        Ok(ClipBatches(channel::spawn(stream, WAITING_BYTES, Arc::clone(profile))?))
    }

    /// Which batches are this rank's. Of clips to train on, all ranks have equally many.
    fn part(&self, epoch: u32, first: u64) -> EpochPart {
        let Ranks { rank, count } = self.ranks;
        let (left, step) = (self.batches.saturating_sub(first), count);
        let count = match self.clips.making {
            Making::Views { .. } => left.saturating_sub(rank).div_ceil(step),
            _ => left / step,
        };
        EpochPart { epoch, first: first + rank, step, count }
    }

    /// The videos that gave no clip so far, by name; those that stood in the file of the quarantine included.
    pub fn quarantined(&self) -> Vec<QuarantineLine> {
        self.loading.quarantine.lines()
    }

    /// Tells how many videos gave no clip, if any.
    pub fn note_failed(&self, observer: &dyn Observer) {
        self.loading.note_failed(self.videos(), observer);
    }

    /// Digest of all that decides what batch number n of an epoch holds: the videos' names, their order and labels, the
    /// settings that clips depend on, kind, layout, batch, seed. Not of the files' contents, and neither of workers nor of
    /// ranks, which may change when a loader goes on.
    pub fn fingerprint(&self) -> String {
        self.clips.fingerprint.clone()
    }
}

/// The recipe with the batch and the views that are asked for, checked.
fn recipe(wanted: &ClipLoading) -> Result<Recipe> {
    let mut recipe = wanted.recipe.resolve(|| match wanted.clips {
        ClipKind::Masked | ClipKind::Whole => Ok(Recipe::default()),
        ClipKind::Labelled(_) | ClipKind::Views { .. } => built_in("finetune-small"),
    })?;
    if let Some(batch) = wanted.batch {
        (recipe.optimiser.batch, recipe.optimiser.micro_batch) = (batch, 0);
    }
    if let ClipKind::Views { clips, crops, .. } = &wanted.clips {
        recipe.views.clips = clips.map_or(recipe.views.clips, |clips| clips as usize);
        recipe.views.crops = crops.map_or(recipe.views.crops, |crops| crops as usize);
        // A view is no row of several.
        recipe.clip.repeats = 1;
    }
    recipe_choice::check(&recipe)?;
    Ok(recipe)
}
