//! `tubelet pretrain`: from videos or shards to a trained model.

use std::path::PathBuf;

use anyhow::Result;
use trainer::checkpoint::Heads;
use tubelet::Pretraining;

use crate::arguments;
use crate::arguments::RunArguments;
use crate::terminal::Terminal;

/// Pre-train a model from video files, a manifest or shards
///
/// The run's folder gets run.json and videos.jsonl (what it was asked for), recipe.toml, metrics.jsonl,
/// quarantine.jsonl and checkpoints. Ctrl-C writes a checkpoint and ends with exit code 0; --resume goes on from
/// the newest one, to the bit, with the steps, weights and videos that it was begun with. Films that came since
/// are left out.
///
/// Example: tubelet pretrain --data films --out run --recipe tiny --steps 300
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards; with --resume, where the
    /// run's videos are now, if they have moved
    #[arg(long, value_name = "VIDEOS", num_args = 1.., required_unless_present = "resume")]
    data: Vec<PathBuf>,
    #[command(flatten)]
    run: RunArguments,
    /// Begin with the weights of this file or folder: official, Hugging Face, or tubelet's own; where they have no
    /// decoder a fresh one is drawn
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Attention heads of --init (and of its decoder), where an official file's widths do not tell them
    #[arg(long, value_name = "N[,M]", value_parser = arguments::heads, requires = "init")]
    heads: Option<Heads>,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = Pretraining {
        data: arguments.data.clone(),
        run: arguments.run.settings(),
        init: arguments.init.clone(),
        heads: arguments.heads,
    };
    let terminal = Terminal::default();
    tubelet::pretrain(&wanted, terminal.stop(), &terminal)?;
    Ok(())
}
