//! What a frozen encoder knows of the classes of videos.

mod features;
pub mod settings;

use std::path::Path;

use pipeline::names;
use schemas::ProblemType;
use serde::Serialize;
use trainer::{
    Device, Recipe,
    evaluation::{Interval, rank_of, wilson},
    inference::frozen_encoder::{FrozenEncoder, Source},
    probe::{
        Outcome, Select,
        attentive::AttentiveProbe,
        features::{FailedVideo, Features},
        grid::{self, Manner, Training},
        hold_out, knn, linear,
    },
};

use self::{
    features::{Both, Making},
    settings::{ProbeKind, Probing},
};
use super::model::{LoadedModel, ModelSettings};
use crate::{
    data::labels::parts::Parts,
    error::{Error, Result, Usage},
    observer::{Event, Observer},
    recipe_choice::built_in,
    run::ranks::{Meeting, Ranks, together},
};

/// Failed videos that are named; the others are counted.
const NAMED: usize = 5;
/// V-JEPA's batch of a probe.
const PROBE_BATCH: usize = 256;
/// Least updates of an epoch, so that few videos make no run of 20 updates.
const LEAST_UPDATES: usize = 8;
/// Rows of the picture that a clip's frames are averaged to for the row of raw pixels.
const PICTURE: usize = 16;

/// All that a probe found.
#[derive(Serialize)]
pub struct Probed {
    /// Which probe.
    pub probe: &'static str,
    /// What settings were chosen on.
    pub select: Select,
    /// Classes.
    pub classes: usize,
    /// Videos to learn from.
    pub train: u64,
    /// Videos to be tested on.
    pub test: u64,
    /// Clips of each.
    pub clips: u32,
    /// Crops of each clip.
    pub crops: u32,
    /// A row a source of features.
    pub rows: Vec<Row>,
    /// Videos that gave no clip.
    pub failed: Vec<FailedVideo>,
}

/// What was found with one source of features.
#[derive(Serialize)]
pub struct Row {
    /// What the features are of: `the model`, `random weights`, `raw pixels`.
    pub encoder: String,
    /// Test videos whose class is the first answer.
    pub top1: Interval,
    /// Test videos whose class is among the first five.
    pub top5: Interval,
    /// The setting that was chosen.
    pub chosen: String,
    /// Each setting and the share of videos it was right on, among those it is chosen on.
    pub settings: Vec<(String, f64)>,
}

impl Row {
    /// That of an outcome. Test videos that failed count as wrong.
    fn of(encoder: &str, outcome: Outcome, test: &Features) -> Self {
        let ranks =
            outcome.scores.iter().zip(&test.videos).map(|(scores, video)| rank_of(scores, video.label));
        let ranks: Vec<usize> = ranks.collect();
        let of = (test.len() + test.failed.len()) as u64;
        let within = |places| wilson(ranks.iter().filter(|rank| **rank < places).count() as u64, of);
        let Outcome { chosen, settings, .. } = outcome;
        Self { encoder: encoder.to_owned(), top1: within(1), top5: within(5), chosen, settings }
    }
}

/// Fits a probe on features of videos, and tests it.
///
/// Where a launcher started several processes, each computes the features of its share of the videos; the first one fits
/// the probe, and none of the others finds anything.
///
/// # Errors
/// Usage error: settings, classes or the model do not fit. When no video gives a clip, or features cannot be kept.
pub fn probe(wanted: &Probing, observer: &dyn Observer) -> Result<Option<Probed>> {
    wanted.check()?;
    let cache = wanted.cache_folder()?;
    let ModelSettings { device, workers, .. } = &wanted.model;
    let meeting = Meeting { device, workers: *workers, folder: &cache };
    together(meeting, observer, |ranks, observer| {
        let (device, workers) = (ranks.device().name().to_owned(), ranks.workers());
        let model = ModelSettings { device, workers, ..wanted.model.clone() };
        probe_together(&Probing { model, ..wanted.clone() }, &wanted.model.device, &cache, ranks, observer)
    })
}

/// The same in one of the processes, which computes on its own device; all were asked for the device `asked`.
fn probe_together(
    wanted: &Probing,
    asked: &str,
    cache: &Path,
    ranks: &Ranks,
    observer: &dyn Observer,
) -> Result<Option<Probed>> {
    let (frozen, recipe, device) = encoder(wanted, observer)?;
    let seed = recipe.run.seed;
    let parts = wanted.labels.parts(&wanted.data, wanted.split.as_deref(), seed, None, observer)?;
    observer.on(Event::Classes(&parts.counts(ProblemType::default())));
    let Parts { train, test: Some(test), classes, .. } = parts else {
        return Err(Usage::new("no videos are held out for a test")
            .hint("--split test=0.2, or --split train=LIST,test=LIST")
            .into());
    };
    let is_random = wanted.is_random();
    let other = (wanted.baseline && !is_random).then(|| frozen.random(seed, &device));
    let mut named = vec![(if is_random { "random weights" } else { "the model" }, Source::Encoder(&frozen))];
    named.extend(other.iter().map(|other| ("random weights", Source::Encoder(other))));
    if wanted.baseline {
        named.push(("raw pixels", Source::Pixels { cells: cells(&frozen) }));
    }
    let (names, sources): (Vec<&str>, Vec<Source>) = named.into_iter().unzip();
    let making = Making {
        sources: &sources,
        recipe: &recipe,
        views: wanted.views,
        pool: wanted.kind.pool(),
        classes: classes.len(),
        device: &device,
        asked_device: asked,
        batch: wanted.model.batch,
        workers: wanted.model.workers,
        cache,
        ranks,
        observer,
    };
    let Some(features) = making.of(&train, &test).map_err(|why| wanted.model.named_in(why))? else {
        return Ok(None);
    };
    let first = check_features(&features, wanted.select, seed, observer)?;
    let mut rows = Vec::new();
    for ((name, source), both) in names.iter().zip(&sources).zip(&features) {
        let outcome = fit(wanted, source, &frozen, both, classes.len(), seed, &device)?;
        rows.push(Row::of(name, outcome, &both.test));
    }
    Ok(Some(Probed {
        probe: name_of(wanted),
        select: wanted.select,
        classes: classes.len(),
        train: train.len(),
        test: test.len(),
        clips: wanted.views[0],
        crops: wanted.views[1],
        rows,
        failed: first.train.failed.iter().chain(&first.test.failed).cloned().collect(),
    }))
}

/// Which probe, in words.
fn name_of(wanted: &Probing) -> &'static str {
    match (wanted.kind, wanted.manner) {
        (ProbeKind::Knn, _) => "k nearest neighbours",
        (ProbeKind::Linear, _) => "linear probe",
        (ProbeKind::Attentive, Manner::VJepa) => "attentive probe, one block",
        (ProbeKind::Attentive, Manner::VJepa2) => "attentive probe, four blocks",
    }
}

/// Features of the first source, once there are some to learn from and to be tested on.
fn check_features<'a>(
    features: &'a [Both],
    select: Select,
    seed: u64,
    observer: &dyn Observer,
) -> Result<&'a Both> {
    let Some(first) = features.first() else {
        return Err(Error::Nothing("no features were computed".to_owned()));
    };
    for (part, of_part) in [("to learn from", &first.train), ("to be tested on", &first.test)] {
        if of_part.is_empty() {
            let words = format!("no video {part} gave a clip{}", reasons(&of_part.failed));
            return Err(Error::Nothing(words));
        }
    }
    if select == Select::HeldOut && hold_out(&first.train, seed).1.is_empty() {
        observer.note(
            "note: no class has two training videos, so no setting can be chosen and the first is used",
        );
    }
    Ok(first)
}

/// The first failed videos with their reasons, a line each.
pub fn reasons(failed: &[FailedVideo]) -> String {
    let mut words: String = failed
        .iter()
        .take(NAMED)
        .map(|video| format!("\n  {}: {}", names::one_line(&video.video), video.reason))
        .collect();
    if failed.len() > NAMED {
        words += &format!("\n  and {} more (--json lists all)", failed.len() - NAMED);
    }
    words
}

/// Fits the probe and answers for the test videos.
fn fit(
    wanted: &Probing,
    source: &Source<'_>,
    frozen: &FrozenEncoder,
    Both { train, test }: &Both,
    classes: usize,
    seed: u64,
    device: &Device,
) -> Result<Outcome> {
    let select = wanted.select;
    match wanted.kind {
        ProbeKind::Knn => Ok(knn::probe(train, test, classes, &wanted.neighbours(), select, seed)),
        ProbeKind::Linear => Ok(linear::probe(train, test, classes, select, seed, device)?),
        ProbeKind::Attentive => {
            let manner = wanted.manner;
            let heads = match source {
                Source::Encoder(encoder) => encoder.shape().encoder.heads,
                // As many as the encoder has, where the width allows.
                Source::Pixels { .. } => largest_divisor(train.width, frozen.shape().encoder.heads),
            };
            let shape = AttentiveProbe { dim: train.width, heads, depth: manner.depth(), classes };
            let training = Training {
                manner,
                settings: wanted.settings(),
                epochs: wanted.epochs,
                batch: (train.len() / LEAST_UPDATES).clamp(1, PROBE_BATCH),
                seed,
            };
            grid::probe(shape, train, test, &training, select, device).map_err(|why| {
                Usage::new(why.to_string()).hint("--rates and --decays name those that are tried").into()
            })
        }
    }
}

/// The encoder, the settings that clips are made by (its own where it says them), and where it is computed.
fn encoder(wanted: &Probing, observer: &dyn Observer) -> Result<(FrozenEncoder, Recipe, Device)> {
    if wanted.is_random() {
        let (recipe, device) = wanted.model.unmade(built_in("laptop")?)?;
        let frozen = FrozenEncoder::drawn(recipe.model_shape()?, recipe.run.seed, &device);
        return Ok((frozen, recipe, device));
    }
    let LoadedModel { model, recipe, device } = wanted.model.open(None, observer)?;
    Ok((FrozenEncoder::of(model, &device)?, recipe, device))
}

/// Rows and columns of averages in a cube that make a picture of about [`PICTURE`] rows.
fn cells(frozen: &FrozenEncoder) -> usize {
    let geometry = frozen.geometry();
    let [_, rows, _] = geometry.grid();
    largest_divisor(geometry.patch(), PICTURE / rows.clamp(1, PICTURE))
}

/// The largest number up to `most` that divides `whole`.
fn largest_divisor(whole: usize, most: usize) -> usize {
    (1..=most.max(1)).rev().find(|part| whole.is_multiple_of(*part)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_s_cells_divide_the_cube() {
        assert_eq!([largest_divisor(16, 4), largest_divisor(14, 4), largest_divisor(7, 4)], [4, 2, 1]);
        assert_eq!([largest_divisor(24, 5), largest_divisor(6, 0)], [4, 1]);
    }
}
