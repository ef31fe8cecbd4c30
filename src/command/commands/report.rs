//! `tubelet report`: runs, a scan or a test in one HTML file.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    Reporting,
    command::{report, terminal::Terminal},
};

/// Write a report of runs, a scan or a test: one HTML file that opens without a network
///
/// Of runs it shows what they cost, their curves side by side, what they predicted (run.reconstruct_every), where
/// the loader's time went, which videos failed and why, and their settings; of a fine-tuning also accuracy by
/// class, the confusion matrix, and the videos it got wrong. Of a manifest (`tubelet scan`) it shows formats, lengths,
/// sizes and rates, some of the videos, and what is wrong with the others. Of predictions (`tubelet evaluate`) it
/// shows what it shows of a fine-tuning's test.
///
/// Example: tubelet report run --out report.html
#[derive(clap::Args)]
pub struct Arguments {
    /// Folders of runs, manifests, predictions
    #[arg(value_name = "RUN|FILE", required = true)]
    inputs: Vec<PathBuf>,
    /// The HTML file to write
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Print one JSON object: the file and its length in bytes
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = Reporting::new(arguments.inputs.clone(), &arguments.out);
    let length = crate::report::report(&wanted, &Terminal::default())?;
    let out = pipeline::names::shown(&arguments.out);
    report::say(format_args!("{out} written: {} kB", length.div_ceil(1000)));
    if arguments.json {
        println!("{}", serde_json::json!({ "out": out, "bytes": length }));
    }
    Ok(())
}
