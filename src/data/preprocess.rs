//! Videos made into Parquet shards once, to be trained from often.

mod frames;
#[cfg(feature = "video")]
mod packets;
pub mod settings;
mod shards;
mod slices;
#[cfg(feature = "video")]
mod videos;

use std::sync::atomic::AtomicBool;

#[cfg(not(feature = "video"))]
use pipeline::dataset::Dataset;
use pipeline::store;
use trainer::Recipe;

#[cfg(not(feature = "video"))]
use self::settings::already_shards;
use self::settings::{Preprocessed, Preprocessing, Store};
use super::{dataset, stores};
use crate::error::Result;
#[cfg(not(feature = "video"))]
use crate::error::Usage;
use crate::{observer::Observer, output_lock, recipe_choice, slices::Share};

/// Makes shards, or those that are missing. `stop` is read between rows.
///
/// # Errors
/// Usage error: settings, or videos that cannot be kept so. When too many videos fail, or a shard cannot be written.
pub fn preprocess(
    settings: &Preprocessing,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Preprocessed> {
    let mut recipe = settings.recipe.resolve(|| Ok(Recipe::default()))?;
    recipe.clip.clips_per_video = settings.clips_per_video.unwrap_or(recipe.clip.clips_per_video);
    recipe.clip.short_side = settings.short_side.unwrap_or(recipe.clip.short_side);
    recipe_choice::check(&recipe)?;
    let _lock = match settings.share {
        _ if store::is_address(&settings.out) => {
            stores::check_out(&settings.out, settings.share)?;
            None
        }
        Share::All | Share::Finish => Some(output_lock::folder(&settings.out, observer)?),
        // It shares the lock with other slices once it is known that something is to be made.
        Share::Slice(_) => None,
    };
    let dataset = dataset::open(&settings.videos, observer)?;
    match settings.store {
        Store::Frames => frames::make(settings, &dataset, &recipe, stop, observer),
        #[cfg(feature = "video")]
        Store::Packets => packets::make(settings, &dataset, &recipe, stop, observer),
        #[cfg(feature = "video")]
        Store::Transcode => packets::make_transcode(settings, &dataset, &recipe, stop, observer),
        #[cfg(feature = "video")]
        Store::Videos => videos::make(settings, &dataset, &recipe, stop, observer),
        #[cfg(not(feature = "video"))]
        Store::Packets | Store::Videos if !matches!(dataset, Dataset::Videos(_)) => {
            Err(already_shards().into())
        }
        #[cfg(not(feature = "video"))]
        Store::Packets | Store::Transcode | Store::Videos => {
            Err(Usage::new("this build cannot open videos").hint("build with `--features video`").into())
        }
    }
}
