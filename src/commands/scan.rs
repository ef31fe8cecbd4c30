//! `tubelet scan`: what is in a collection of videos, without decoding any unless that is asked for.

mod summary;

use std::path::PathBuf;

use anyhow::Result;
use anyhow::ensure;
use schemas::manifest::GOOD;
use tubelet::Scanning;
use tubelet::machine::default_workers;

use crate::arguments::Videos;
use crate::terminal::Terminal;

/// Open every video and write down what is in it: manifest.parquet
///
/// Packets are counted and their times read; nothing is decoded. Frames and times are those of a decode, except
/// where packets do not tell which of them show a frame: the table says of how many videos, and `numbers` of which.
/// With --verify each video is decoded whole, all numbers are the decode's, and a video of which its decoder
/// complains anywhere counts as unusable; runs that read the manifest need not do it again.
///
/// A video that cannot be used stays in the manifest with a verdict, a reason and its kind: damaged, unsupported
/// (the reason has the ffmpeg line that converts it), not a video, not there, above a limit. What the system cannot
/// read, because a disk fails or too many files are open, is no verdict: it is tried again, and then the scan stops.
///
/// Example: tubelet scan films --out manifest.parquet
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    videos: Videos,
    /// Where the manifest goes
    #[arg(long, value_name = "FILE", default_value = "manifest.parquet")]
    out: PathBuf,
    /// Videos that are read at the same time
    #[arg(long, value_name = "N", default_value_t = default_workers())]
    workers: usize,
    /// Decode each video whole; one complaint makes it unusable
    #[arg(long)]
    verify: bool,
    /// Print a JSON line a video to stdout
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = Scanning {
        videos: arguments.videos.videos.clone(),
        out: Some(arguments.out.clone()),
        workers: arguments.workers,
        verify: arguments.verify,
    };
    let rows = tubelet::scan(&wanted, &Terminal::default())?;
    if arguments.json {
        use std::io::Write as _;
        let mut stdout = std::io::stdout().lock();
        for row in &rows {
            writeln!(stdout, "{}", serde_json::to_string(row)?)?;
        }
    }
    summary::say(&rows, &arguments.out);
    ensure!(rows.iter().any(|row| row.verdict == GOOD), "none of {} videos can be used", rows.len());
    Ok(())
}
