//! `tubelet scan`: what is in a collection of videos, without decoding any unless that is asked for.

mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use pipeline::{dataset::manifest::ManifestRow, names};
use schemas::manifest::GOOD;

use crate::{
    Scanning,
    command::{
        arguments::{self, Videos},
        report,
        slice_arguments::SliceArguments,
        terminal::Terminal,
    },
    data::scan::{Scanned, slices},
    machine::default_workers,
    slices::Share,
};

/// List what is in each video, and what is wrong with it: manifest.parquet
///
/// Packets are counted and their times are read; nothing is decoded. Frames and times are those of a decode,
/// except for videos whose packets do not tell which of them show a frame: the table says how many these are,
/// and the column `numbers` which. With --verify each video is decoded completely, all numbers come from the
/// decode, and a video with any complaint of the decoder counts as unusable. Runs that read the manifest need
/// not verify again, nor runs on copies of these files with the setting `clip.verified_in=MANIFEST`, which compares
/// their BLAKE3 digests.
///
/// A video that cannot be used stays in the manifest (unless --only-good is given) with a verdict, a reason and its kind: damaged,
/// unsupported (the reason contains the ffmpeg command that converts it), not a video, not there, above a
/// limit. If the system cannot read a file, because a disk fails or too many files are open, this is not a
/// verdict on the video: reading is retried, and then the scan stops.
///
/// Example: tubelet scan films --out manifest.parquet
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    videos: Videos,
    /// The manifest to write
    #[arg(long, value_name = "FILE", default_value = "manifest.parquet")]
    out: PathBuf,
    /// Number of videos to read at the same time
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = arguments::workers)]
    workers: usize,
    /// Decode each video completely; any complaint of the decoder makes it unusable
    #[arg(long)]
    verify: bool,
    /// Leave videos that cannot be used out of the manifest: a training by it is one on the others alone. By default
    /// they keep their places in the order of clips
    #[arg(long)]
    only_good: bool,
    /// Decode on threads of this process, not in sandboxed processes of their own (Linux)
    #[arg(long)]
    no_sandbox: bool,
    /// Print one JSON object per video to stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    slices: SliceArguments,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = Scanning {
        videos: arguments.videos.given(),
        out: Some(arguments.out.clone()),
        workers: arguments.workers,
        verify: arguments.verify,
        only_good: arguments.only_good,
        sandbox: !arguments.no_sandbox,
    };
    let (terminal, out) = (Terminal::default(), &arguments.out);
    let rows = match arguments.slices.share()? {
        Share::All => {
            let rows = all_read(crate::scan(&wanted, terminal.stop(), &terminal)?)?;
            if arguments.json {
                rows.iter().try_for_each(print_json)?;
            }
            rows
        }
        Share::Slice(slice) => {
            let Some(scanned) = slices::scan_slice(&wanted, slice, terminal.stop(), &terminal)? else {
                return done_already(out);
            };
            let rows = all_read(scanned)?;
            if arguments.json {
                rows.iter().try_for_each(print_json)?;
            }
            report::say(format_args!(
                "slice {slice}: {} videos were read; --finish puts all slices together",
                rows.len()
            ));
            return Ok(());
        }
        Share::Finish => {
            let each = |row: &ManifestRow| if arguments.json { print_json(row) } else { Ok(()) };
            let Some(rows) = slices::finish(&wanted, &terminal, each)? else { return done_already(out) };
            rows
        }
    };
    summary::say(&rows, out, arguments.only_good);
    ensure!(rows.iter().any(|row| row.verdict == GOOD), "none of {} videos can be used", rows.len());
    Ok(())
}

/// The rows of a scan that was not stopped.
fn all_read(Scanned { rows, stopped_of }: Scanned) -> Result<Vec<ManifestRow>> {
    match stopped_of {
        Some(wanted) => bail!("stopped after {} of {wanted} videos; no manifest was written", rows.len()),
        None => Ok(rows),
    }
}

/// A slice that comes when all is done has nothing to do.
fn done_already(out: &Path) -> Result<()> {
    report::say(format_args!("done already: {}; remove it to scan again in slices", names::shown(out)));
    Ok(())
}

fn print_json(row: &ManifestRow) -> crate::Result<()> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout().lock(), "{}", serde_json::to_string(row)?)?)
}
