//! Whether pre-training teaches anything, shown on videos that this program makes: what `make evidence` runs.
//!
//! Videos of a thing that drifts in one of eight directions are rendered, encoded and pre-trained on; then
//! classifiers of the direction are fine-tuned from the pre-trained encoder and from drawn weights, encoders
//! are probed, and controls that can fail are run. EVIDENCE.md says what came out, and for what it does not
//! speak. Everything but the pictures is done by the command `tubelet`.
//!
//! ```text
//! scene, film     frames, and videos of them          source, videos   which there are; lists of them
//! scale           how large everything is             experiment       what is trained and measured
//! work            tasks that are done once            readout          what a token holds
//! figures, claims, chart, summary, report             what is made of it
//! ```

mod chart;
mod claims;
mod command;
mod experiment;
mod figures;
mod film;
mod readout;
mod report;
mod scale;
mod scene;
mod source;
mod summary;
#[cfg(test)]
mod tests;
mod videos;
mod work;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::{experiment::Experiment, figures::Figures, scale::Scale, source::Source, work::Bench};

/// Make videos, train and test on them, and write EVIDENCE.md
///
/// Exit codes: 0 all that was required holds, 1 something does not or failed, 2 usage error.
#[derive(Parser)]
#[command(max_term_width = 100)]
struct Arguments {
    /// One seed, one number of labels, fewer steps
    #[arg(long)]
    quick: bool,
    /// Windows that pan over the films of this folder, instead of rendered scenes; nothing is required then
    #[arg(long, value_name = "FOLDER", conflicts_with = "quick")]
    real: Option<PathBuf>,
    /// Do nothing, and write what is finished
    #[arg(long)]
    read: bool,
    /// Folder of videos, runs and results; what is finished there is not done again [default: evidence/FORM]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Where EVIDENCE.md and docs/ are written besides
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// The command; without it the one that was built beside this program
    #[arg(long, value_name = "FILE")]
    tubelet: Option<PathBuf>,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
    /// Trainings at a time, each on one processor
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("error: {why:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    let (scale, source) = match &arguments.real {
        Some(films) => (Scale::real(), Source::films(films)?),
        None if arguments.quick => (Scale::quick(), Source::Drift),
        None => (Scale::full(), Source::Drift),
    };
    let tubelet = match &arguments.tubelet {
        Some(file) => file.clone(),
        None => {
            beside().context("no command `tubelet` beside this program; build it, or name it by --tubelet")?
        }
    };
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("evidence").join(scale.form));
    let plan = serde_json::to_value(&scale)?;
    let bench = Bench::new(&out, tubelet, arguments.device.clone(), arguments.jobs, &plan)?;
    let bench = if arguments.read { bench.reading() } else { bench };
    let experiment = Experiment { bench, scale, source: Arc::new(source) };
    let findings = experiment.run()?;
    let figures = Figures::of(&experiment, &findings)?;
    let page = report::page(&experiment, &figures);
    page.write(&out)?;
    if let Some(folder) = &arguments.write {
        page.write(folder)?;
    }
    println!("{}", report::verdicts(&figures));
    Ok(arguments.real.is_some() || figures.claims.iter().all(|claim| claim.holds))
}

/// `target/debug/tubelet` of `target/debug/examples/evidence`.
fn beside() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let tubelet = own.parent()?.parent()?.join(format!("tubelet{}", std::env::consts::EXE_SUFFIX));
    tubelet.is_file().then_some(tubelet)
}
