//! `tubelet report`: runs, a scan, a preprocess or a test in one HTML file, or served to browsers of this machine.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    Reporting,
    command::{report, terminal::Terminal},
    report::serve::Server,
};

/// Write a report of runs, a scan, a preprocess or a test: one HTML file that opens without a network
///
/// Of runs it shows what they cost, their curves side by side, what they predicted (run.reconstruct_every), where
/// the loader's time went, which videos failed and why, and their settings; of a fine-tuning also accuracy by
/// class, the confusion matrix, and the videos it got wrong. Of a manifest (`tubelet scan`) it shows formats, lengths,
/// sizes and rates, some of the videos, and what is wrong with the others. Of a folder of shards (`tubelet
/// preprocess`) it shows what they hold, and which videos gave nothing. Of predictions (`tubelet evaluate`) it shows
/// what it shows of a fine-tuning's test.
///
/// With --serve nothing is written: browsers of this machine are shown the report, and again whenever a run has gone
/// on, until Ctrl-C.
///
/// Example: tubelet report run --out report.html
#[derive(clap::Args)]
pub struct Arguments {
    /// Folders of runs or shards, manifests, predictions
    #[arg(value_name = "RUN|FILE", required = true)]
    inputs: Vec<PathBuf>,
    /// The HTML file to write
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Show it to browsers of this machine, under http://127.0.0.1:PORT, instead of writing a file
    #[arg(long, conflicts_with = "out")]
    serve: bool,
    /// The port to serve on; 0 takes one that is free
    #[arg(long, value_name = "PORT", default_value_t = 6070, requires = "serve")]
    port: u16,
    /// Print one JSON object: the file and its length in bytes, or the address it is served under
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.serve {
        return serve(arguments);
    }
    let wanted = Reporting::new(arguments.inputs.clone(), &arguments.out);
    let length = crate::report::report(&wanted, &Terminal::default())?;
    let out = pipeline::names::shown(&arguments.out);
    report::say(format_args!("{out} written: {} kB", length.div_ceil(1000)));
    if arguments.json {
        println!("{}", serde_json::json!({ "out": out, "bytes": length }));
    }
    Ok(())
}

/// Answers browsers until the process is ended.
fn serve(arguments: &Arguments) -> Result<()> {
    let server = Server::open(arguments.inputs.clone(), arguments.port, &Terminal::default())?;
    let address = format!("http://{}/", server.address());
    report::say(format_args!("{address}: Ctrl-C ends it"));
    if arguments.json {
        println!("{}", serde_json::json!({ "address": address }));
    }
    server.run();
    Ok(())
}
