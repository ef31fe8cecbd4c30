//! A dataset as a source of clips, by what a recipe says of decoding.

use std::sync::Arc;
#[cfg(feature = "video")]
use std::{fmt::Display, path::Path};

#[cfg(feature = "video")]
use pipeline::dataset::manifest;
use pipeline::{
    dataset::{Dataset, VideoList},
    mixture::Weighted,
    sampling::FrameRule,
    source::{ClipSource, mixture::MixtureSource},
};
#[cfg(feature = "video")]
use schemas::secrets::without_secrets;
use trainer::Recipe;

use super::{narrow::narrow, pretraining_videos::check_clips};
use crate::error::{Result, Usage};

/// The dataset as a source of clips whose frames are chosen by `rule`; frame shards hold theirs.
///
/// # Errors
/// When this build has no video decoder and the data are videos.
pub fn source_by(dataset: &Dataset, recipe: &Recipe, rule: FrameRule) -> Result<Arc<dyn ClipSource>> {
    match dataset {
        Dataset::Videos(videos) => raw(videos, recipe, rule),
        Dataset::FrameShards(shards) => Ok(Arc::new(shards.clone())),
        Dataset::PacketShards(shards) => packets(shards, recipe, rule),
        Dataset::Mixture(sets) => {
            let source = |set: &Weighted<Dataset>| Ok(set.with(source_by(&set.set, recipe, rule)?));
            let sources = sets.iter().map(source).collect::<Result<_>>()?;
            let clips_per_video = dataset.clips_per_video(narrow(recipe.clip.clips_per_video));
            check_clips(sets, clips_per_video)?;
            Ok(Arc::new(MixtureSource::new(sources, clips_per_video)))
        }
    }
}

#[cfg(feature = "video")]
fn raw(videos: &VideoList, recipe: &Recipe, rule: FrameRule) -> Result<Arc<dyn ClipSource>> {
    use pipeline::source::videos;
    let stills = recipe.clip.stills || matches!(rule, FrameRule::Labelled(_));
    let videos = with_verified_digests(videos.clone(), recipe)?;
    let videos = videos::VideoSource::new(videos, rule, limits(recipe)).with_stills(stills);
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

/// The videos, told which files the recipe's manifest of earlier films has verified.
///
/// # Errors
/// Usage error: the manifest cannot be read, or has no digest of a verified video.
#[cfg(feature = "video")]
fn with_verified_digests(videos: VideoList, recipe: &Recipe) -> Result<VideoList> {
    if recipe.clip.verified_in.is_empty() {
        return Ok(videos);
    }
    let unusable = |why: &dyn Display| {
        let hint = "it names a manifest of `tubelet scan --verify`, which keeps a digest of each video";
        Usage::new(without_secrets(&format!("clip.verified_in: {why}")).into_owned()).hint(hint)
    };
    let manifest = &recipe.clip.verified_in;
    let digests = manifest::verified_digests(Path::new(manifest)).map_err(|why| unusable(&why))?;
    if digests.is_empty() {
        return Err(unusable(&format_args!("{manifest} lists no verified video")).into());
    }
    Ok(videos.with_verified_digests(digests))
}

/// What a video may cost before it is refused.
#[cfg(feature = "video")]
pub fn limits(recipe: &Recipe) -> pipeline::video::Limits {
    let (seconds, sandbox) = (recipe.run.seconds_per_clip, recipe.run.sandbox);
    pipeline::video::Limits { seconds, sandbox, ..pipeline::video::Limits::default() }
}

#[cfg(not(feature = "video"))]
fn packets(_: &pipeline::shard::PacketShards, _: &Recipe, _: FrameRule) -> Result<Arc<dyn ClipSource>> {
    Err(Usage::new("this build reads frame shards only")
        .hint("build with `--features video` to decode packets")
        .into())
}

#[cfg(not(feature = "video"))]
fn raw(_: &VideoList, _: &Recipe, _: FrameRule) -> Result<Arc<dyn ClipSource>> {
    Err(Usage::new("this build reads frame shards only")
        .hint("build with `--features video` to decode videos")
        .into())
}
