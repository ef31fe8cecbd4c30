//! `tubelet probe`: what a frozen encoder knows of the classes of videos.

mod summary;

use std::path::PathBuf;

use anyhow::Result;
use trainer::probe::{Select, grid::Manner};

use crate::{
    Probing,
    command::{
        arguments::{self, ColumnArguments, LabelArguments, ModelArguments},
        terminal::Terminal,
    },
    inference::probe::settings::{EPOCHS, ProbeKind},
};

/// Measure what a frozen encoder knows about classes: nearest neighbours, a linear or an attentive probe
///
/// The encoder (--model, or `--model random`) is not trained. Its features of each video are computed once
/// and kept in --cache. Settings are chosen on held-out training videos (a fifth of each class); then the
/// probe is fitted to all training videos and tested. A video that fails is listed, and counts as wrong in
/// the test.
///
/// knn is DINO's (k of 10, 20, 100 and 200, or --k). linear is fitted to the standardised mean token, with
/// seven weight decays. attentive is V-JEPA's (one block) or, with --like v-jepa2, that of V-JEPA 2 (four
/// blocks, 20 settings at once).
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
    columns: ColumnArguments,
    #[command(flatten)]
    labels: LabelArguments,
    /// Which videos are held out for the test: `train=LIST,test=LIST` (without --data), or `test=0.2` for
    /// each video with a probability of 20 %, drawn from run.seed and its path (`test=0.2,by=content`: its
    /// bytes), so that adding videos moves no other
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// Also run the probe on the same encoder with random weights, and on raw pixels
    #[arg(long)]
    baseline: bool,
    /// Choose settings on held-out training videos, or on the test videos, as papers do; the latter results
    /// are too good, and are marked
    #[arg(long, value_enum, default_value_t = SelectOn::Train)]
    select: SelectOn,
    /// Number of clips along time, and of crops of each
    #[arg(long, value_name = "TxS", value_parser = arguments::views, default_value = "1x1")]
    views: [u32; 2],
    /// Numbers of neighbours that the knn probe tries; by default DINO's 10, 20, 100 and 200
    #[arg(long, value_name = "K,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    k: Vec<u32>,
    /// Which attentive probe to use
    #[arg(long, value_enum, default_value_t = Like::VJepa)]
    like: Like,
    /// Learning rates that the attentive probe tries; by default those of the paper
    #[arg(long, value_name = "RATES", value_delimiter = ',')]
    rates: Vec<f64>,
    /// Weight decays that the attentive probe tries; by default those of the paper
    #[arg(long, value_name = "DECAYS", value_delimiter = ',')]
    decays: Vec<f64>,
    /// Number of epochs of the attentive probe
    #[arg(long, value_name = "N", default_value_t = EPOCHS, value_parser = clap::value_parser!(u64).range(..=1 << 20))]
    epochs: u64,
    /// Folder to keep features in
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// k nearest neighbours; nothing is trained
    Knn,
    /// Linear map of the mean token
    Linear,
    /// Learned query that attends to all tokens
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

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    // Of several processes the first one answers.
    let Some(found) = crate::probe(&wanted(arguments), &Terminal::default())? else { return Ok(()) };
    if arguments.json { summary::print_json(&found) } else { summary::print_table(&found) }
}

/// The probe that is meant.
fn wanted(arguments: &Arguments) -> Probing {
    Probing {
        kind: match arguments.probe {
            Kind::Knn => ProbeKind::Knn,
            Kind::Linear => ProbeKind::Linear,
            Kind::Attentive => ProbeKind::Attentive,
        },
        model: arguments.model.settings(),
        data: arguments.columns.of(&arguments.data),
        labels: arguments.labels.settings(),
        split: arguments.columns.of_split(arguments.split.as_ref()),
        baseline: arguments.baseline,
        select: match arguments.select {
            SelectOn::Train => Select::HeldOut,
            SelectOn::Test => Select::Test,
        },
        views: arguments.views,
        neighbours: arguments.k.clone(),
        manner: match arguments.like {
            Like::VJepa => Manner::VJepa,
            Like::VJepa2 => Manner::VJepa2,
        },
        rates: arguments.rates.clone(),
        decays: arguments.decays.clone(),
        epochs: arguments.epochs,
        cache: arguments.cache.clone(),
    }
}
