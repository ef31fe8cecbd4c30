//! From a recipe to batches of masked clips: what pre-training sees.

use std::sync::Arc;

use arrow_array::RecordBatch;
use pipeline::{
    RowNumber,
    dataset::Dataset,
    loader::{
        channel::{self, Batches},
        epoch_cursor::RunPart,
        stream,
    },
    sampling::pretraining::Pace,
    settings::{ClipSettings, Flip},
    source::ClipSource,
};
use schemas::{frame_shard::StoredPixels, settings::Resample};
use trainer::Recipe;

use super::{
    loading::{Loading, WAITING_BYTES, workers},
    narrow::narrow,
    source,
};
use crate::error::{Context as _, Error, Result, Usage};

/// Tokens of a clip by what becomes of them.
pub struct TokenCounts {
    /// Seen by the encoder.
    pub visible: usize,
    /// Predicted by the decoder.
    pub predicted: usize,
    /// Of these, counted in the loss.
    pub counted: usize,
}

/// The tokens of a recipe's masks, counted on the first clip's.
///
/// # Errors
/// Usage error: the mask does not fit.
pub fn token_counts(recipe: &Recipe) -> Result<TokenCounts> {
    let settings = settings(recipe, narrow(recipe.clip.clips_per_video))?;
    let rule = settings.mask_rule().map_err(|why| Usage::new(why.to_string()))?;
    let mask = rule.draw(&mut settings.schedule(1).row(0, RowNumber(0)));
    let counted = mask.target.len();
    Ok(TokenCounts { visible: mask.visible.len(), predicted: counted + mask.context.len(), counted })
}

/// The pipeline's settings of a recipe: a batch is one micro-batch.
///
/// # Errors
/// Usage error: lengths or masks do not fit.
pub fn settings(recipe: &Recipe, clips_per_video: u32) -> Result<ClipSettings> {
    let geometry = recipe.geometry()?;
    let (micro_batch, parts) = recipe.accumulation()?;
    let clip = &recipe.clip;
    Ok(ClipSettings {
        geometry,
        pace: if clip.target_fps > 0.0 {
            Pace::Rate(clip.target_fps)
        } else {
            Pace::Stride(narrow(clip.stride))
        },
        short_videos: clip.short_video,
        short_side: narrow(clip.short_side),
        resample: clip.resample,
        crop: clip.crop,
        flip: Flip::Never,
        mask: recipe.mask.kind,
        mask_ratio: recipe.mask.ratio,
        decoder_mask: recipe.mask.decoder,
        decoder_ratio: recipe.mask.decoder_ratio,
        clips_per_video,
        clip_order: clip.order,
        repeats: narrow(clip.repeats),
        batch: narrow(micro_batch / clip.repeats),
        batches_per_update: narrow(parts),
        seed: recipe.run.seed,
    })
}

/// The dataset as a source of clips.
///
/// # Errors
/// When this build has no video decoder and the data are videos; usage error when shards hold other
/// clips than the recipe asks for.
pub fn source(dataset: &Dataset, recipe: &Recipe) -> Result<Arc<dyn ClipSource>> {
    check_stored(dataset, recipe)?;
    source::source_by(dataset, recipe, settings(recipe, 1)?.sampling().into())
}

/// Refuses frame shards of other clips than the recipe asks for.
fn check_stored(dataset: &Dataset, recipe: &Recipe) -> Result<()> {
    if let Dataset::Mixture(sets) = dataset {
        return sets.iter().try_for_each(|set| {
            check_stored(&set.set, recipe).map_err(|why| match why {
                Error::Usage(why) => {
                    let usage = Usage::new(format!("{}: {why}", pipeline::names::one_line(&set.name)));
                    why.hinted().into_iter().fold(usage, Usage::hint).into()
                }
                why => why,
            })
        });
    }
    if let Dataset::FrameShards(shards) = dataset {
        let facts = shards.facts();
        let clip = &recipe.clip;
        for (key, stored, wanted) in [
            ("clip.frames", facts.frames as usize, clip.frames),
            ("clip.stride", facts.stride as usize, clip.stride),
            ("clip.short_side", facts.short_side as usize, clip.short_side),
        ] {
            if stored != wanted {
                return Err(Usage::new(format!("the shards were made with {key} = {stored}, not {wanted}"))
                    .hint(format!("--set {key}={stored}"))
                    .into());
            }
        }
        // Planes of their own size become RGB as the files' would; resized ones cannot.
        let (kept, way) = match facts.pixels {
            StoredPixels::Rgb => ("RGB", Resample::Rgb),
            StoredPixels::Planes if facts.short_side > 0 => ("resized planes", Resample::Planes),
            StoredPixels::Planes => ("planes", clip.resample),
        };
        if way != clip.resample {
            let way = if way == Resample::Rgb { "rgb" } else { "planes" };
            return Err(Usage::new(format!("the shards hold {kept}, which clip.resample = {way} reads"))
                .hint(format!("--set clip.resample={way}"))
                .into());
        }
        if clip.target_fps > 0.0 {
            return Err(Usage::new(
                "clip.target_fps cannot be set for frame shards: their frames are already drawn",
            )
            .into());
        }
    }
    Ok(())
}

/// Micro-batches of masked clips from number `first` on, for ever: the same for any number of threads.
///
/// A batch is what [`schemas::ClipBatch`] describes; which clips it holds depends on its number alone, so that a
/// loader goes on anywhere.
///
/// # Errors
/// When the settings make no batch or threads cannot be started.
#[doc(alias = "DataLoader")]
pub fn batches(
    dataset: &Dataset,
    recipe: &Recipe,
    first: u64,
    workers: usize,
    loading: &Loading,
) -> Result<Batches> {
    batches_of(dataset, recipe, first.into(), workers, loading)
}

/// Some of these micro-batches: those that one process of several computes.
///
/// # Errors
/// As [`batches`].
pub fn batches_of(
    dataset: &Dataset,
    recipe: &Recipe,
    part: RunPart,
    workers: usize,
    loading: &Loading,
) -> Result<Batches> {
    let settings = settings(recipe, dataset.clips_per_video(narrow(recipe.clip.clips_per_video)))?;
    let source = source(dataset, recipe)?;
    let workers = self::workers(recipe, workers);
    let stream =
        stream::batches(source, settings, part, workers, loading.on_failure(), Arc::clone(&loading.profile))?;
    Ok(channel::spawn(stream, WAITING_BYTES, Arc::clone(&loading.profile))?)
}

/// One micro-batch, from a dataset whose failures are errors.
///
/// # Errors
/// When its clips cannot be made.
pub fn one_batch(dataset: &Dataset, recipe: &Recipe, number: u64) -> Result<RecordBatch> {
    let loading = Loading::begin(None, dataset.videos(), 0.0)?;
    let mut batches = batches(dataset, recipe, number, 1, &loading)?;
    Ok(batches.next().context("the loader ended without a batch")??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_out_of_a_frame_is_the_recipe_s_word() {
        let mut recipe = Recipe::built_in("tiny").unwrap();
        assert_eq!(settings(&recipe, 1).unwrap().crop, schemas::settings::Crop::MultiScale);
        recipe.set("clip.crop=centre").unwrap();
        assert_eq!(settings(&recipe, 1).unwrap().crop, schemas::settings::Crop::Centre);
    }
}
