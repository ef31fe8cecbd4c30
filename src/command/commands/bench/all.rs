//! `tubelet bench all`: what this machine does, in one table, and what limits a training on it.
//!
//! ```text
//! products ─▶ steps in f32 and bf16 ─▶ loading ─▶ what people load with from Python ─▶ one table
//! ```
//!
//! Each figure is taken by a command of its own, so that none finds memory or threads of another.

mod another_bench;
mod loading;
mod peers;
mod rows;
mod steps;

use std::path::PathBuf;

use anyhow::Result;
use pipeline::names::shown;

use self::{another_bench::another_bench, rows::Found};
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
    let Arguments { model, batch, device, seconds, workers, .. } = arguments;
    report::say("products");
    let products = another_bench(&["products", "--device", device], &[])?;
    let steps = ["f32", "bf16"].into_iter().map(|precision| steps::time(model, *batch, device, precision));
    let steps = steps.collect::<Result<_>>()?;
    let (mut loading, mut others) = (Vec::new(), Vec::new());
    if !arguments.data.is_empty() {
        let load = |clips| loading::measure(&arguments.data, *seconds, *workers, clips);
        loading = [1, 4].into_iter().map(load).collect::<Result<_>>()?;
        if let Some(python) = &arguments.python {
            report::say(format_args!("readers of {}", shown(python)));
            others = peers::measure(python, &arguments.data, *seconds, *workers)?;
        }
    }
    Ok(Found {
        machine: machine::in_words(),
        device: device.clone(),
        model: model.clone(),
        batch: *batch,
        products,
        steps,
        loading,
        others,
    })
}
