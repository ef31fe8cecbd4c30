//! `tubelet bench all`: what this machine does, in one table, and what limits a training on it.
//!
//! ```text
//! products ─▶ steps in f32 and bf16 ─▶ loading ─▶ what people load with from Python ─▶ one table
//! ```
//!
//! Each figure is taken by a command of its own, so that none finds memory or threads of another.

mod loading;
mod peers;
mod rows;
mod steps;

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use pipeline::names::shown;
use serde_json::Value;

use self::rows::Found;
use crate::{
    command::{arguments, report},
    machine::{self, default_workers},
};

/// Measure this machine: products, training steps, loading, and what limits a training; prints one table
///
/// Products and steps are timed on random clips, loading on VIDEOS, which are left out where none are named. With
/// --python, the readers that this Python has (torchcodec, decord, PyAV, OpenCV) load clips of the same videos beside it.
/// Every figure can be had alone: `bench products`, `bench train`, `bench load`.
///
/// Example: tubelet bench all films --python venv/bin/python
#[derive(clap::Args)]
pub struct Arguments {
    /// Files and folders of videos to load from
    #[arg(value_name = "VIDEOS")]
    data: Vec<PathBuf>,
    /// Size of the model
    #[arg(long, value_name = "M", default_value = "base")]
    model: String,
    /// Number of clips per step
    #[arg(long, value_name = "B", default_value_t = 2)]
    batch: usize,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
    /// Seconds per measurement of loading
    #[arg(long, value_name = "S", default_value_t = 6.0)]
    seconds: f64,
    /// Number of threads that decode
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = arguments::workers)]
    workers: usize,
    /// A Python with readers of videos to compare with
    #[arg(long, value_name = "PYTHON")]
    python: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let found = measure(arguments)?;
    if arguments.json {
        println!("{}", serde_json::to_string(&found)?);
    } else {
        print!("{}", report::table(&rows::table(&found)));
        println!("{}", rows::what_limits(&found));
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<Found> {
    report::say("products");
    let products = itself(&["products", "--device", &arguments.device], &[])?;
    let steps = ["f32", "bf16"].into_iter().map(|precision| steps::time(arguments, precision));
    let steps = steps.collect::<Result<_>>()?;
    let (mut loading, mut others) = (Vec::new(), Vec::new());
    if !arguments.data.is_empty() {
        loading =
            [1, 4].into_iter().map(|clips| loading::measure(arguments, clips)).collect::<Result<_>>()?;
        if let Some(python) = &arguments.python {
            report::say(format_args!("readers of {}", shown(python)));
            others = peers::measure(python, &arguments.data, arguments.seconds, arguments.workers)?;
        }
    }
    Ok(Found {
        machine: machine::in_words(),
        device: arguments.device.clone(),
        model: arguments.model.clone(),
        batch: arguments.batch,
        products,
        steps,
        loading,
        others,
    })
}

/// What another `bench` of this command prints, of these words and paths.
fn itself(words: &[&str], paths: &[PathBuf]) -> Result<Value> {
    let command = std::env::current_exe().context("the command does not know where it is")?;
    let done = Command::new(command)
        .arg("bench")
        .args(words)
        .arg("--")
        .args(paths)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("the command cannot be started again")?;
    ensure!(done.status.success(), "measuring `{}` failed", words.first().unwrap_or(&""));
    serde_json::from_slice(&done.stdout).context("what it printed is no JSON")
}
