//! Frame shards: the decoded frames of drawn clips.

use std::sync::{Arc, atomic::AtomicBool};

use pipeline::{Slot, dataset::Dataset, preprocess};
use schemas::{
    MADE_BY,
    frame_shard::{FrameShardFacts, StoredPixels},
    settings::Resample,
};
use trainer::Recipe;

use super::{
    settings::{Preprocessed, Preprocessing},
    shards::Shards,
};
use crate::{
    data::masked::source,
    error::{Result, Usage},
    observer::Observer,
};

/// Makes frame shards.
pub(super) fn make(
    settings: &Preprocessing,
    dataset: &Dataset,
    recipe: &Recipe,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Preprocessed> {
    if let Dataset::FrameShards(_) = dataset {
        return Err(Usage::new("the input is already frame shards").into());
    }
    if recipe.clip.target_fps > 0.0 {
        return Err(Usage::new(
            "clip.target_fps cannot be used with frame shards: they store a fixed stride",
        )
        .into());
    }
    let number = |key: &str, value: usize| {
        u32::try_from(value).map_err(|_| Usage::new(format!("`{key} = {value}` is too large")))
    };
    let pixels = match settings.pixels {
        Some(StoredPixels::Rgb) => StoredPixels::Rgb,
        // Frames that are resized as RGB can only be kept as RGB.
        None if recipe.clip.resample == Resample::Rgb && recipe.clip.short_side > 0 => StoredPixels::Rgb,
        Some(StoredPixels::Planes) | None => StoredPixels::Planes,
    };
    let facts = FrameShardFacts {
        seed: recipe.run.seed,
        videos: dataset.videos(),
        clips_per_video: number("clip.clips_per_video", recipe.clip.clips_per_video)?,
        clips_per_shard: settings.clips_per_shard,
        frames: number("clip.frames", recipe.clip.frames)?,
        stride: number("clip.stride", recipe.clip.stride)?,
        short_side: number("clip.short_side", recipe.clip.short_side)?,
        pixels,
        source: dataset.digest(),
        made_by: MADE_BY.to_owned(),
    };
    let source = source(dataset, recipe)?;
    let named = Arc::clone(&source);
    let shards = Shards {
        what: "clips",
        name: &|key| named.name(Slot(key).video(facts.clips_per_video)),
        maker: preprocess::clips(source, facts.clone()),
    };
    shards.make(settings, dataset, recipe, &facts, stop, observer)
}
