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
//! before_and_after, longer                            two smaller experiments, each with its page
//! ```

mod before_and_after;
mod chart;
mod claims;
mod command;
mod experiment;
mod figures;
mod film;
mod longer;
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
    #[arg(long, value_name = "FOLDER")]
    real: Option<PathBuf>,
    /// Another experiment: whether a model paints what comes after a frame better than copying it does
    #[arg(long, conflicts_with = "longer")]
    before_and_after: bool,
    /// Another experiment: what clips of 16, 32 and 64 frames give and cost
    #[arg(long, conflicts_with = "real")]
    longer: bool,
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
    if arguments.before_and_after || arguments.longer {
        return other(arguments);
    }
    anyhow::ensure!(arguments.real.is_none() || !arguments.quick, "--quick is for made videos");
    let (scale, source) = match &arguments.real {
        Some(films) => (Scale::real(), Source::films(films)?),
        None if arguments.quick => (Scale::quick(), Source::Drift),
        None => (Scale::full(), Source::Drift),
    };
    let bench = bench(arguments, scale.form, &serde_json::to_value(&scale)?, arguments.jobs)?;
    let out = bench.out.clone();
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

/// One of the smaller experiments; nothing is required of them.
fn other(arguments: &Arguments) -> Result<bool> {
    let (name, text) = if arguments.longer {
        let scale = longer::Scale::new(arguments.quick);
        let plan = serde_json::to_value(&scale)?;
        // What is timed has the machine for itself.
        let [bench, alone] =
            [arguments.jobs, 1].map(|jobs| bench(arguments, &folder(arguments, scale.form), &plan, jobs));
        longer::run(&bench?, &alone?, &scale, &Arc::new(Source::Drift))?
    } else {
        let scale = before_and_after::Scale::new(arguments.real.is_some(), arguments.quick);
        let source = arguments.real.as_ref().map_or(Ok(Source::Drift), |films| Source::films(films))?;
        let plan = serde_json::to_value(&scale)?;
        let bench = bench(arguments, &folder(arguments, scale.form), &plan, arguments.jobs)?;
        before_and_after::run(&bench, &scale, &Arc::new(source))?
    };
    println!("{text}");
    if let Some(folder) = arguments.write.as_ref().filter(|_| !arguments.quick) {
        schemas::whole_file::write(&folder.join(&name), text.as_bytes())
            .with_context(|| format!("cannot write {name}"))?;
    }
    Ok(true)
}

/// The folder of a form below `evidence`: quick ones are apart.
fn folder(arguments: &Arguments, form: &str) -> String {
    if arguments.quick { format!("quick/{form}") } else { form.to_owned() }
}

/// Where the work of a form is done.
fn bench(arguments: &Arguments, form: &str, plan: &serde_json::Value, jobs: usize) -> Result<Bench> {
    let tubelet = match &arguments.tubelet {
        Some(file) => file.clone(),
        None => {
            beside().context("no command `tubelet` beside this program; build it, or name it by --tubelet")?
        }
    };
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("evidence").join(form));
    let bench = Bench::new(&out, tubelet, arguments.device.clone(), jobs, plan)?;
    Ok(if arguments.read { bench.reading() } else { bench })
}

/// `target/debug/tubelet` of `target/debug/examples/evidence`.
fn beside() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let tubelet = own.parent()?.parent()?.join(format!("tubelet{}", std::env::consts::EXE_SUFFIX));
    tubelet.is_file().then_some(tubelet)
}
