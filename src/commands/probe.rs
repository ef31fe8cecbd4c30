//! `tubelet probe`: what a frozen encoder knows of the classes of videos.

mod summary;

use std::path::PathBuf;

use anyhow::Result;
use trainer::probe::Select;
use trainer::probe::grid::Manner;
use tubelet::Probing;
use tubelet::inference::probe::settings::EPOCHS;
use tubelet::inference::probe::settings::ProbeKind;

use crate::arguments;
use crate::arguments::LabelArguments;
use crate::arguments::ModelArguments;
use crate::terminal::Terminal;

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
    #[arg(long, value_name = "TxS", value_parser = arguments::views, default_value = "1x1")]
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

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let found = tubelet::probe(&wanted(arguments), &Terminal::default())?;
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
        data: arguments.data.clone(),
        labels: arguments.labels.settings(),
        split: arguments.split.clone(),
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
