//! From what a person names to batches of clips: the only place where recipe and pipeline meet.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use arrow::array::RecordBatch;
use pipeline::{
    dataset::Dataset,
    loader::{
        Workers,
        channel::{self, Batches},
        stream,
        worker::OnFailure,
    },
    names,
    profile::Profile,
    quarantine::Quarantine,
    sampling::{FrameRule, pretraining::Pace},
    settings::{ClipSettings, Flip},
    source::ClipSource,
};
use schemas::{frame_shard::StoredPixels, quarantine::QuarantineLine, settings::Resample};
use trainer::Recipe;

use crate::{
    arguments,
    report::{self, Usage},
};

/// Bytes of batches that wait for the trainer.
pub const WAITING_BYTES: u64 = 256 << 20;

/// Opens VIDEOS, a manifest, or a folder of shards.
///
/// # Errors
/// Asked wrongly where nothing is there; failed where it cannot be read.
pub fn open(given: &[PathBuf]) -> Result<Dataset> {
    match open_parquet(given)? {
        Some(dataset) => Ok(dataset),
        None => Ok(Dataset::of_videos(arguments::find_videos(given)?)),
    }
}

/// Opens a manifest, or a folder of shards; none where something else is given.
///
/// # Errors
/// Asked wrongly where it is not given alone; failed where it cannot be read.
pub fn open_parquet(given: &[PathBuf]) -> Result<Option<Dataset>> {
    if let [path] = given
        && is_parquet(path)
    {
        return Ok(Some(Dataset::open_parquet(path)?));
    }
    if let Some(path) = given.iter().find(|path| is_parquet(path)) {
        return Err(Usage::new(format!("{}: shards and manifests are given alone", path.display())).into());
    }
    Ok(None)
}

/// Whether this is a Parquet file, or a folder of shards.
fn is_parquet(path: &Path) -> bool {
    if path.is_dir() {
        return Dataset::is_shard_folder(path).unwrap_or(false);
    }
    path.is_file() && path.extension().is_some_and(|ending| ending == "parquet")
}

/// Tokens of a clip by what becomes of them.
pub struct TokenCounts {
    /// Seen by the encoder.
    pub visible: usize,
    /// Painted by the decoder.
    pub painted: usize,
    /// Of these, counted in the loss.
    pub counted: usize,
}

/// The tokens of a recipe's masks, counted on the first clip's.
///
/// # Errors
/// Asked wrongly: the mask does not fit.
pub fn token_counts(recipe: &Recipe) -> Result<TokenCounts> {
    let settings = settings(recipe, recipe.clip.clips_per_video as u32)?;
    let rule = settings.mask_rule().map_err(|why| Usage::new(why.to_string()))?;
    let mask = rule.draw(&mut settings.schedule(1).row(0, 0));
    let counted = mask.target.len();
    Ok(TokenCounts { visible: mask.visible.len(), painted: counted + mask.context.len(), counted })
}

/// The pipeline's settings of a recipe: a batch is one micro-batch.
///
/// # Errors
/// Asked wrongly: lengths or masks do not fit.
pub fn settings(recipe: &Recipe, clips_per_video: u32) -> Result<ClipSettings> {
    let geometry = recipe.geometry()?;
    let (micro_batch, parts) = recipe.accumulation()?;
    let clip = &recipe.clip;
    Ok(ClipSettings {
        geometry,
        pace: if clip.target_fps > 0.0 {
            Pace::Rate(clip.target_fps)
        } else {
            Pace::Stride(clip.stride as u32)
        },
        short_videos: clip.short_video,
        short_side: clip.short_side as u32,
        resample: clip.resample,
        crop: clip.crop,
        flip: Flip::Never,
        mask: recipe.mask.kind,
        mask_ratio: recipe.mask.ratio,
        decoder_mask: recipe.mask.decoder,
        decoder_ratio: recipe.mask.decoder_ratio,
        clips_per_video,
        clip_order: clip.order,
        repeats: clip.repeats as u32,
        batch: (micro_batch / clip.repeats) as u32,
        batches_per_update: parts as u32,
        seed: recipe.run.seed,
    })
}

/// The dataset as a source of clips.
///
/// # Errors
/// When this build has no video decoder and the data are videos; asked wrongly when shards hold other
/// clips than the recipe asks for.
pub fn source(dataset: &Dataset, recipe: &Recipe) -> Result<Arc<dyn ClipSource>> {
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
            return Err(
                Usage::new("clip.target_fps cannot be chosen for shards: their frames are stored").into()
            );
        }
    }
    source_by(dataset, recipe, settings(recipe, 1)?.sampling().into())
}

/// The dataset as a source of clips whose frames are chosen by `rule`; frame shards hold theirs.
///
/// # Errors
/// When this build has no video decoder and the data are videos.
pub fn source_by(dataset: &Dataset, recipe: &Recipe, rule: FrameRule) -> Result<Arc<dyn ClipSource>> {
    match dataset {
        Dataset::Videos(videos) => raw(videos, recipe, rule),
        Dataset::FrameShards(shards) => Ok(Arc::new(shards.clone())),
        Dataset::PacketShards(shards) => packets(shards, recipe, rule),
    }
}

#[cfg(feature = "video")]
fn raw(
    videos: &pipeline::dataset::VideoList,
    recipe: &Recipe,
    rule: FrameRule,
) -> Result<Arc<dyn ClipSource>> {
    let videos = pipeline::source::videos::VideoSource::new(videos.clone(), rule, limits(recipe));
    Ok(Arc::new(videos.with_verify(recipe.clip.verify).with_skipping(recipe.clip.skip)))
}

#[cfg(feature = "video")]
fn packets(
    shards: &pipeline::shard::PacketShards,
    recipe: &Recipe,
    rule: FrameRule,
) -> Result<Arc<dyn ClipSource>> {
    use pipeline::source::packet_shards::PacketVideos;
    let videos = PacketVideos::new(shards.clone(), rule, limits(recipe));
    Ok(Arc::new(videos.with_skipping(recipe.clip.skip)))
}

/// What a video may cost before it is refused.
#[cfg(feature = "video")]
pub fn limits(recipe: &Recipe) -> pipeline::video::Limits {
    pipeline::video::Limits { seconds: recipe.run.seconds_per_clip, ..pipeline::video::Limits::default() }
}

#[cfg(not(feature = "video"))]
fn packets(_: &pipeline::shard::PacketShards, _: &Recipe, _: FrameRule) -> Result<Arc<dyn ClipSource>> {
    Err(Usage::new("this build reads frame shards only")
        .hint("build with `--features video` to decode packets")
        .into())
}

#[cfg(not(feature = "video"))]
fn raw(_: &pipeline::dataset::VideoList, _: &Recipe, _: FrameRule) -> Result<Arc<dyn ClipSource>> {
    Err(Usage::new("this build reads frame shards only")
        .hint("build with `--features video` to decode videos")
        .into())
}

/// How the clips of a run are made and watched.
pub struct Run {
    /// What failed.
    pub quarantine: Arc<Quarantine>,
    /// Where the time goes.
    pub profile: Arc<Profile>,
}

impl Run {
    /// What happens to a video that fails: it goes into the quarantine.
    pub fn on_failure(&self) -> Arc<OnFailure> {
        let quarantine = Arc::clone(&self.quarantine);
        Arc::new(move |line: QuarantineLine| {
            Ok(quarantine.record(&line.video, &line.verdict, &line.reason)?)
        })
    }
}

/// So many threads, with what they may hold and how long they may take.
pub fn workers(recipe: &Recipe, count: usize) -> Workers {
    Workers {
        count: count.max(1),
        budget_bytes: u64::from(recipe.run.loading_mib) << 20,
        // A reader ends by itself at its limit; only one that is stuck is still there then.
        seconds_per_clip: recipe.run.seconds_per_clip.saturating_add(2),
    }
}

/// Micro-batches from number `first` on, for ever.
///
/// # Errors
/// When the settings make no batch or threads cannot be started.
pub fn batches(dataset: &Dataset, recipe: &Recipe, first: u64, workers: usize, run: &Run) -> Result<Batches> {
    let settings = settings(recipe, dataset.clips_per_video(recipe.clip.clips_per_video as u32))?;
    let source = source(dataset, recipe)?;
    let workers = self::workers(recipe, workers);
    let stream =
        stream::batches(source, settings, first, workers, run.on_failure(), Arc::clone(&run.profile))?;
    Ok(channel::spawn(stream, WAITING_BYTES, Arc::clone(&run.profile))?)
}

/// One micro-batch, from a dataset whose failures are errors.
///
/// # Errors
/// When its clips cannot be made.
pub fn one_batch(dataset: &Dataset, recipe: &Recipe, number: u64) -> Result<RecordBatch> {
    let run =
        Run { quarantine: Arc::new(Quarantine::open(None, dataset.videos(), 0.0)?), profile: Arc::default() };
    let mut batches = batches(dataset, recipe, number, 1, &run)?;
    Ok(batches.next().context("the pipeline ended without a batch")??)
}

/// Says how many of so many videos gave no clip.
pub fn say_failed(quarantine: &Quarantine, videos: u64) {
    let failed = quarantine.failed();
    if failed > 0 {
        let kinds = quarantine.kinds_in_words();
        report::say(format_args!("{failed} of {videos} videos gave no clip ({kinds})"));
    }
}

/// Says how many of so many videos gave no clip, and where the reasons are.
pub fn say_failures(quarantine: &Quarantine, videos: u64, file: &Path) {
    let failed = quarantine.failed();
    if failed > 0 {
        let (kinds, file) = (quarantine.kinds_in_words(), names::shown(file));
        report::say(format_args!("{failed} of {videos} videos gave no clip ({kinds}): see {file}"));
    }
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
