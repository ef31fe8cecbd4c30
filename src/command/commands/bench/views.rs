//! `tubelet bench views`: the views of a test from one decode a video, beside decodes for each view.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use pipeline::{
    Slot, VideoNumber,
    clips::views::{Fit, ViewSettings},
    loader::{
        Workers,
        channel::{self, Batches},
        labelled,
    },
    profile::Profile,
    sampling::labelled::Pass,
    source::ClipSource,
};
use schemas::{LabelledBatch, predictions::Prediction, settings::Skip};
use trainer::{
    Device,
    inference::{classifier, classify::ClipClassifier},
    model::classifier::Classifier,
    weights::Weights,
};

use crate::{
    command::{
        arguments::{self, ModelArguments},
        terminal::Terminal,
    },
    data::{
        labelled::source,
        labels::labelled_videos::LabelledVideos,
        loading::{self, WAITING_BYTES},
    },
    inference::{by_video::ByVideo, model::LoadedModel},
};

/// Time three ways to make the views of a test: all from one decode, each from what it needs, each from a
/// full decode
///
/// The last is how the official code tests. The result says whether all three give the same views to the bit
/// and, with --model, the same logits. The seconds are those of the best repetition; the three ways take
/// turns.
///
/// Example: tubelet bench views films --views 5x3 --repeat 3
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of packet shards
    #[arg(value_name = "VIDEOS", required = true)]
    videos: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    /// Number of clips along time, and of crops of each
    #[arg(long, value_name = "TxS", value_parser = arguments::views, default_value = "5x3")]
    views: [u32; 2],
    /// Number of repetitions
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = arguments::clips)]
    repeat: usize,
}

/// What is decoded for the views of a video.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// What any of them needs, once.
    Once,
    /// What it needs, for each.
    Each,
    /// All of the video, for each.
    EachWhole,
}

/// How long one way through all views took, and what came out.
struct Outcome {
    seconds: f64,
    /// Pictures that came out of decoders.
    decoded: u64,
    views: u64,
    /// Digest of frames and pixels in order.
    pixels: blake3::Hash,
    answers: Vec<Prediction>,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let terminal = Terminal::default();
    let settings = arguments.model.settings();
    let videos = LabelledVideos::open(&arguments.videos, &terminal)?;
    let mut model = None;
    let mut recipe = match &arguments.model.model {
        None => settings.unmade(trainer::Recipe::default())?.0,
        Some(_) => {
            let loaded = settings.open(None, &terminal)?;
            loaded.classes()?;
            let LoadedModel { model: saved, recipe, device } = loaded;
            let (classifier, weights) = classifier::classifier_of(saved, &device)?;
            model = Some((classifier, weights, device));
            recipe
        }
    };
    (recipe.views.clips, recipe.views.crops) = (arguments.views[0] as usize, arguments.views[1] as usize);
    let go = |way| one_way(&videos, &recipe, way, &arguments.model, model.as_ref());
    let (mut once, mut each, mut whole) = (go(Way::Once)?, go(Way::Each)?, go(Way::EachWhole)?);
    for _ in 1..arguments.repeat.max(1) {
        once.seconds = once.seconds.min(go(Way::Once)?.seconds);
        each.seconds = each.seconds.min(go(Way::Each)?.seconds);
        whole.seconds = whole.seconds.min(go(Way::EachWhole)?.seconds);
    }
    ensure!(once.views > 0, "no video gave a view");
    let line = serde_json::json!({
        "videos": videos.len(),
        "views": once.views,
        "clips": recipe.views.clips,
        "crops": recipe.views.crops,
        "workers": arguments.model.workers,
        "once_seconds": once.seconds,
        "each_seconds": each.seconds,
        "each_whole_seconds": whole.seconds,
        "share_of_each": once.seconds / each.seconds,
        "share_of_each_whole": once.seconds / whole.seconds,
        "once_decoded": once.decoded,
        "each_decoded": each.decoded,
        "each_whole_decoded": whole.decoded,
        "same_pixels": once.pixels == each.pixels && once.pixels == whole.pixels,
        "same_logits": model.is_some().then(|| once.answers == each.answers && once.answers == whole.answers),
    });
    println!("{line}");
    Ok(())
}

fn one_way(
    videos: &LabelledVideos,
    recipe: &trainer::Recipe,
    way: Way,
    asked: &ModelArguments,
    model: Option<&(Classifier, Weights, Device)>,
) -> Result<Outcome> {
    let (clips, crops) = (recipe.views.clips as u32, recipe.views.crops as u32);
    let pass = if way == Way::Once { Pass::Test { clips } } else { Pass::Alone { clips, crops } };
    let mut recipe = recipe.clone();
    if way == Way::EachWhole {
        recipe.clip.skip = Skip::Nothing;
    }
    let source = source(videos, &recipe, pass)?;
    let short_side = recipe.views.short_side as u32;
    let settings = ViewSettings {
        geometry: recipe.geometry()?,
        clips,
        crops,
        short_side,
        slots_per_video: 1,
        fit: Fit::Windows,
    };
    let profile = Arc::<Profile>::default();
    let start = Instant::now();
    let workers = loading::workers(&recipe, asked.workers);
    let rows = rows(source, settings, way, videos.len(), workers, &profile)?;
    let judge = model.map(|(classifier, weights, device)| ClipClassifier::new(classifier, weights, device));
    let mut hash = blake3::Hasher::new();
    let (mut views, mut answers, mut hashing) = (0, Vec::new(), Duration::ZERO);
    for batch in ByVideo::new(rows, asked.batch) {
        let batch: LabelledBatch = batch?;
        let began = Instant::now();
        for clip in 0..batch.len() {
            for rank in batch.frames(clip) {
                hash.update(&rank.to_le_bytes());
            }
        }
        hash.update(batch.cubes());
        hashing += began.elapsed();
        views += batch.len() as u64;
        if let Some(judge) = &judge {
            answers.extend(judge.predictions(&batch).context("the views do not fit the model")?);
        }
    }
    // Comparing is no part of either way.
    let seconds = (start.elapsed() - hashing).as_secs_f64();
    Ok(Outcome {
        seconds,
        decoded: profile.figures().decoded.frames,
        views,
        pixels: hash.finalize(),
        answers,
    })
}

/// The views in batches of one row, in this way.
fn rows(
    source: Arc<dyn ClipSource>,
    settings: ViewSettings,
    way: Way,
    videos: u64,
    workers: Workers,
    profile: &Arc<Profile>,
) -> Result<Batches> {
    let ignore = Arc::new(|_| Ok(()));
    if way == Way::Once {
        // Every video has one slot.
        let slots = (0..videos).map(Slot).collect();
        let stream = labelled::views(source, settings, slots, 1, workers, ignore, Arc::clone(profile))?;
        return Ok(channel::spawn(stream, WAITING_BYTES, Arc::clone(profile))?);
    }
    let stream = labelled::views_alone(
        source,
        settings,
        (0..videos).map(VideoNumber),
        1,
        workers,
        ignore,
        Arc::clone(profile),
    )?;
    Ok(channel::spawn(stream, WAITING_BYTES, Arc::clone(profile))?)
}
