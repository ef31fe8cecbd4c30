//! `tubelet probe`: what a frozen encoder knows of the classes of videos.

mod features;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use schemas::ProblemType;
use trainer::{
    Device, Recipe,
    inference::frozen_encoder::{FrozenEncoder, Pool, Source},
    probe::{
        Outcome, Select,
        attentive::AttentiveProbe,
        grid::{self, Manner, Setting, Training},
        hold_out, knn, linear,
    },
};

use self::{
    features::{Both, Making},
    summary::{Row, Summary},
};
use crate::{
    arguments,
    asking::{self, Asked, ModelArguments},
    labelling::{LabelArguments, Parts},
    report::{self, Usage},
};

/// What stands for an encoder that nobody trained.
const RANDOM: &str = "random";
/// V-JEPA's batch of a probe, and its times that every video is seen.
const PROBE_BATCH: usize = 256;
const EPOCHS: u64 = 20;
/// Least updates of an epoch, so that few videos make no run of 20 updates.
const LEAST_UPDATES: usize = 8;
/// Rows of the picture that a clip's frames are averaged to for the row of raw pixels.
const PICTURE: usize = 16;

/// Ask how much a frozen encoder knows of classes: neighbours, a linear map, an attentive probe
///
/// The encoder (--model, or `--model random`) is not trained. What it makes of each video is computed once and kept in --cache. Settings are
/// chosen on held-out training videos (a fifth of each class), then the probe is fitted on all of them and
/// tested. A video that fails is listed; in the test it counts as wrong.
///
/// knn: DINO's (k of 10, 20, 100, 200, or --k). linear: on the standardised mean token, seven decays. attentive: V-JEPA's
/// (one block) or, --like v-jepa2, V-JEPA 2's (four blocks, 20 settings at once).
///
/// Example: tubelet probe knn --model run --data films --split test=0.2 --baseline
#[derive(clap::Args)]
pub struct Arguments {
    /// Which probe
    #[arg(value_enum, value_name = "PROBE")]
    probe: Kind,
    #[command(flatten)]
    model: ModelArguments,
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards
    #[arg(long, value_name = "VIDEOS", num_args = 1..)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    labels: LabelArguments,
    /// What is tested: `train=LIST,test=LIST` (then no --data), or `test=0.2`: each video by a chance of its own,
    /// drawn from run.seed and its name (`test=0.2,by=content`: its bytes), so that adding videos moves none
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// The same probe of the same encoder with random weights, and of raw pixels, beside it
    #[arg(long)]
    baseline: bool,
    /// Choose settings on held-out training videos, or on the test videos, as papers do: too good, and marked
    #[arg(long, value_enum, default_value_t = SelectOn::Train)]
    select: SelectOn,
    /// Clips along time and crops of each video
    #[arg(long, value_name = "TxS", value_parser = asking::views, default_value = "1x1")]
    views: [u32; 2],
    /// Numbers of neighbours of the knn probe that are tried; DINO's 10, 20, 100, 200 otherwise
    #[arg(long, value_name = "K,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    k: Vec<u32>,
    /// Whose attentive probe
    #[arg(long, value_enum, default_value_t = Like::VJepa)]
    like: Like,
    /// Learning rates of the attentive probe that are tried; the paper's otherwise
    #[arg(long, value_name = "RATES", value_delimiter = ',')]
    rates: Vec<f64>,
    /// Weight decays of the attentive probe that are tried; the paper's otherwise
    #[arg(long, value_name = "DECAYS", value_delimiter = ',')]
    decays: Vec<f64>,
    /// Times that the attentive probe sees every video
    #[arg(long, value_name = "N", default_value_t = EPOCHS)]
    epochs: u64,
    /// Where features are kept
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Print one JSON line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// k nearest neighbours; nothing is trained
    Knn,
    /// A linear map of the mean token
    Linear,
    /// A learnt query that looks at all tokens
    Attentive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SelectOn {
    /// Held-out training videos
    Train,
    /// The test videos
    Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Like {
    /// One block
    VJepa,
    /// Four blocks, twenty settings
    #[value(name = "v-jepa2")]
    VJepa2,
}

impl Kind {
    fn pool(self) -> Pool {
        match self {
            Self::Knn | Self::Linear => Pool::Mean,
            Self::Attentive => Pool::Tokens,
        }
    }
}

impl Arguments {
    fn is_random(&self) -> bool {
        self.model.model.as_deref() == Some(Path::new(RANDOM))
    }
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    check_settings(arguments)?;
    let (frozen, recipe, device) = encoder(arguments)?;
    let seed = recipe.run.seed;
    let parts = arguments.labels.parts(&arguments.data, arguments.split.as_deref(), seed, None)?;
    parts.show(ProblemType::default());
    let Parts { train, test: Some(test), classes, .. } = parts else {
        return Err(Usage::new("nothing is held out for a test")
            .hint("--split test=0.2, or --split train=LIST,test=LIST")
            .into());
    };
    let is_random = arguments.is_random();
    let other = (arguments.baseline && !is_random).then(|| frozen.random(seed, &device));
    let mut named = vec![(if is_random { "random weights" } else { "the model" }, Source::Encoder(&frozen))];
    named.extend(other.iter().map(|other| ("random weights", Source::Encoder(other))));
    if arguments.baseline {
        named.push(("raw pixels", Source::Pixels { cells: cells(&frozen) }));
    }
    let (names, sources): (Vec<&str>, Vec<Source>) = named.into_iter().unzip();
    let making = Making {
        sources: &sources,
        recipe: &recipe,
        views: arguments.views,
        pool: arguments.probe.pool(),
        classes: classes.len(),
        device: &device,
        batch: arguments.model.batch,
        workers: arguments.model.workers,
        cache: &cache_folder(arguments)?,
    };
    let features = making.of(&train, &test).map_err(|why| arguments.model.named_in(why))?;
    let select = match arguments.select {
        SelectOn::Train => Select::HeldOut,
        SelectOn::Test => Select::Test,
    };
    let Some(first) = features.first() else { bail!("no features were made") };
    for (part, of_part) in [("to learn from", &first.train), ("to be tested on", &first.test)] {
        if of_part.is_empty() {
            bail!("no video {part} gave a clip{}", summary::reasons(&of_part.failed));
        }
    }
    if select == Select::HeldOut && hold_out(&first.train, seed).1.is_empty() {
        report::say("note: no class has two training videos, so the first setting is taken unchosen");
    }
    let mut rows = Vec::new();
    for ((name, source), both) in names.iter().zip(&sources).zip(&features) {
        let outcome = probe(arguments, source, &frozen, both, classes.len(), (select, seed), &device)?;
        rows.push(Row::of(name, outcome, &both.test));
    }
    let probe = match (arguments.probe, arguments.like) {
        (Kind::Knn, _) => "k nearest neighbours",
        (Kind::Linear, _) => "linear probe",
        (Kind::Attentive, Like::VJepa) => "attentive probe, one block",
        (Kind::Attentive, Like::VJepa2) => "attentive probe, four blocks",
    };
    let summary = Summary {
        probe,
        select,
        classes: classes.len(),
        train: train.len(),
        test: test.len(),
        clips: arguments.views[0],
        crops: arguments.views[1],
        rows,
        failed: first.train.failed.iter().chain(&first.test.failed).cloned().collect(),
    };
    if arguments.json { summary.print_json() } else { summary.print_table() }
}

/// Fits the probe and answers for the test videos.
fn probe(
    arguments: &Arguments,
    source: &Source<'_>,
    frozen: &FrozenEncoder,
    Both { train, test }: &Both,
    classes: usize,
    (select, seed): (Select, u64),
    device: &Device,
) -> Result<Outcome> {
    match arguments.probe {
        Kind::Knn => Ok(knn::probe(train, test, classes, &neighbours(arguments), select, seed)),
        Kind::Linear => Ok(linear::probe(train, test, classes, select, seed, device)?),
        Kind::Attentive => {
            let manner = match arguments.like {
                Like::VJepa => Manner::VJepa,
                Like::VJepa2 => Manner::VJepa2,
            };
            let heads = match source {
                Source::Encoder(encoder) => encoder.shape().encoder.heads,
                // As many as the encoder has, where the width allows.
                Source::Pixels { .. } => largest_divisor(train.width, frozen.shape().encoder.heads),
            };
            let shape = AttentiveProbe { dim: train.width, heads, depth: manner.depth(), classes };
            let training = Training {
                manner,
                settings: settings(arguments, manner),
                epochs: arguments.epochs,
                batch: (train.len() / LEAST_UPDATES).clamp(1, PROBE_BATCH),
                seed,
            };
            grid::probe(shape, train, test, &training, select, device).map_err(|why| {
                Usage::new(why.to_string()).hint("--rates and --decays name those that are tried").into()
            })
        }
    }
}

/// Numbers of neighbours that are tried, each once.
fn neighbours(arguments: &Arguments) -> Vec<usize> {
    if arguments.k.is_empty() {
        return knn::NEIGHBOURS.to_vec();
    }
    let mut distinct = Vec::new();
    for k in arguments.k.iter().map(|k| *k as usize) {
        if !distinct.contains(&k) {
            distinct.push(k);
        }
    }
    distinct
}

/// What is tried: every rate with every decay.
fn settings(arguments: &Arguments, manner: Manner) -> Vec<Setting> {
    let own = manner.settings();
    let distinct = |given: &[f64], of: fn(&Setting) -> f64| -> Vec<f64> {
        let values: Vec<f64> = if given.is_empty() { own.iter().map(of).collect() } else { given.to_vec() };
        let first = |(at, value): &(usize, &f64)| !values[..*at].contains(value);
        values.iter().enumerate().filter(first).map(|(_, value)| *value).collect()
    };
    let decays = distinct(&arguments.decays, |setting| setting.decay);
    let rates = distinct(&arguments.rates, |setting| setting.rate);
    rates.iter().flat_map(|&rate| decays.iter().map(move |&decay| Setting { rate, decay })).collect()
}

fn check_settings(arguments: &Arguments) -> Result<()> {
    let positive = |value: &f64| value.is_finite() && *value >= 0.0;
    if let Some(wrong) = arguments.rates.iter().chain(&arguments.decays).find(|value| !positive(value)) {
        return Err(Usage::new(format!("{wrong} is no rate or decay")).into());
    }
    let given = !arguments.rates.is_empty() || !arguments.decays.is_empty() || arguments.like != Like::VJepa;
    if given && arguments.probe != Kind::Attentive {
        return Err(Usage::new("--like, --rates and --decays are the attentive probe's").into());
    }
    if !arguments.k.is_empty() && arguments.probe != Kind::Knn {
        return Err(Usage::new("--k is the knn probe's").into());
    }
    if arguments.epochs == 0 {
        return Err(Usage::new("`--epochs 0` trains nothing").into());
    }
    Ok(())
}

/// The encoder, the settings that clips are made by (its own where it says them), and where it is computed.
fn encoder(arguments: &Arguments) -> Result<(FrozenEncoder, Recipe, Device)> {
    if arguments.is_random() {
        let (recipe, device) = arguments.model.unmade(arguments::built_in("laptop")?)?;
        let frozen = FrozenEncoder::drawn(recipe.model_shape()?, recipe.run.seed, &device);
        return Ok((frozen, recipe, device));
    }
    let Asked { model, recipe, device } = arguments.model.open(None)?;
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

/// `$XDG_CACHE_HOME/tubelet`, else `~/.cache/tubelet`.
fn cache_folder(arguments: &Arguments) -> Result<PathBuf> {
    if let Some(folder) = &arguments.cache {
        return Ok(folder.clone());
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    match cache {
        Some(cache) => Ok(cache.join("tubelet")),
        None => Err(Usage::new("there is no folder to keep features in").hint("--cache FOLDER").into()),
    }
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
