//! `tubelet pretrain`: from videos or shards to a trained model.

use std::path::PathBuf;

use anyhow::Result;
use trainer::checkpoint::Heads;

use crate::{
    Pretraining,
    command::{
        arguments::{self, ColumnArguments, RunArguments},
        terminal::{Terminal, training},
    },
};

/// Pre-train a model from video files, a manifest or shards
///
/// The folder of the run gets run.json and videos.jsonl (what was asked for), recipe.toml, metrics.jsonl, the
/// same numbers as events for TensorBoard, quarantine.jsonl and checkpoints; with run.probe_every and
/// run.probe_data also best.safetensors, the weights that a probe did best with. Ctrl-C writes a checkpoint and ends with exit code 0. --resume continues
/// bit-exactly from the newest checkpoint, with the steps, initial weights and videos that the run began
/// with; videos added since are left out.
///
/// Data sets with weights (--data films=2,robots=1, or a mixture file: mixture.toml) are mixed: an epoch has as
/// many clips as all of them together, and of every 64 clips a set has its share, here 42 or 43 of films. The
/// videos of a set come equally often, those of a small one several times an epoch. metrics.jsonl has the share
/// and the loss of each set.
///
/// Example: tubelet pretrain --data films --out run --recipe tiny --steps 300
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, one folder of shards, or several of these with
    /// weights, as in `films=2,robots=1`; with --resume, where the videos of the run are now, if they have moved
    #[arg(long, value_name = "VIDEOS", num_args = 1.., required_unless_present_any = ["resume", "resume_from"])]
    data: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnArguments,
    #[command(flatten)]
    run: RunArguments,
    /// Start from the weights of this file or folder: official, Hugging Face, or tubelet's own; if they have
    /// no decoder, a new one is initialised
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Attention heads of --init (and of its decoder), if an official file's widths do not tell them
    #[arg(long, value_name = "N[,M]", value_parser = arguments::heads, requires = "init")]
    heads: Option<Heads>,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = Pretraining {
        data: arguments.columns.of(&arguments.data),
        run: arguments.run.settings(),
        init: arguments.init.clone(),
        heads: arguments.heads,
    };
    let terminal = Terminal::default();
    let trained = crate::pretrain(&wanted, terminal.asked(), &terminal)?;
    if arguments.run.json {
        println!("{}", training::json(&trained));
    }
    Ok(())
}
