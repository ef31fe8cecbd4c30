//! `tubelet embed`: vectors of videos, for searches, probes and temporal localisation.

mod make;
mod search;
mod store;
mod windows;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pipeline::names;
use schemas::embeddings::{Embedding, Number};
use trainer::inference::frozen_encoder::Pool;

use self::{
    make::{Maker, Preprocess, Reasons, Taker, Taking},
    store::{Format, Store, VideoFile},
};
use crate::{
    asking::{self, ModelArguments},
    labelling::LabelledVideos,
    report::{self, Progress, Usage},
    stop,
};

/// Windows of temporal localisation where nobody says others: 16 frames, one begun every 4 (THUMOS14).
const TAD_WINDOWS: [u32; 2] = [16, 4];
/// Failed videos that are named.
const NAMED: usize = 20;

/// Make vectors of videos: one a video, or one a window of frames with its times
///
/// A classifier's vector is fc_norm of its mean token (the feature of the official code), a pre-trained
/// encoder's is its mean token. Without --windows a video is the mean over its test views (--views). All
/// windows of a video come from one pass over it. Interrupted and run again, it finishes the rest; the file
/// is the same to the byte.
///
/// With --nearest K it searches such a file: the K videos that lie nearest to each of VIDEOS, and where in
/// them. A video that is in the file needs no --model.
///
/// Example: tubelet embed films --model run --windows 16:4 --out films.parquet
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of packet shards; with --nearest
    /// the videos whose like is searched for
    #[arg(value_name = "VIDEOS", required = true)]
    videos: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    /// What is written: a file, for arrays a folder
    #[arg(long, value_name = "FILE|DIR", required_unless_present = "nearest")]
    out: Option<PathBuf>,
    /// A vector for each window of L neighbouring frames, one begun every E frames, such as 16:4
    #[arg(long, value_name = "L:E", value_parser = windows)]
    windows: Option<[u32; 2]>,
    /// Clips and crops that a video's vector is the mean of, such as 5x3
    #[arg(long, value_name = "TxS", value_parser = asking::views, conflicts_with = "windows")]
    views: Option<[u32; 2]>,
    /// What is written
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    format: Format,
    /// What is kept of a clip
    #[arg(long, value_enum, default_value_t = PoolArgument::Mean)]
    pool: PoolArgument,
    /// Keep numbers in 16 bits
    #[arg(long)]
    half: bool,
    /// How frames become pixels; tad where tad-npy is written, else normalised
    #[arg(long, value_enum)]
    preprocess: Option<Preprocess>,
    /// Search --in for the K videos that lie nearest to each of VIDEOS
    #[arg(long, value_name = "K", requires = "within", value_parser = clap::value_parser!(u32).range(1..))]
    nearest: Option<u32>,
    /// The file that is searched
    #[arg(long = "in", id = "within", value_name = "FILE", requires = "nearest")]
    within: Option<PathBuf>,
    /// Print JSON: what was made, or a line for each video found
    #[arg(long)]
    json: bool,
}

/// What is kept of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PoolArgument {
    /// One vector
    Mean,
    /// All tokens of the encoder: time, height and width of them
    Tokens,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    if let (Some(nearest), Some(within)) = (arguments.nearest, &arguments.within) {
        return search::run(&arguments.videos, &arguments.model, within, nearest as usize, arguments.json);
    }
    let out = arguments.out.as_ref().expect("because only a search does without");
    let taking = taking(arguments)?;
    let videos = LabelledVideos::open(&arguments.videos)?;
    let mut asked = arguments.model.open(taking.windows.map(|[length, _]| length as usize))?;
    if let Some([clips, crops]) = arguments.views {
        (asked.recipe.views.clips, asked.recipe.views.crops) = (clips as usize, crops as usize);
    }
    check(taking, &asked)?;
    let maker = Maker::new(asked, taking, arguments.model.batch, arguments.model.workers)?;
    let embedded = maker.embedded(&videos);
    let Some(store) = Store::open(out, arguments.format, &embedded, videos.entries())? else {
        report::say(format_args!("done already: {}", out.display()));
        return Ok(());
    };
    let wanted: Vec<bool> = (0..videos.len()).map(|video| !store.has(video)).collect();
    let missing = wanted.iter().filter(|wanted| **wanted).count() as u64;
    let stop = stop::flag_on_signals()?;
    let mut keeper = Keeper {
        store: &store,
        file: None,
        rows: 0,
        videos: 0,
        before: videos.len() - missing,
        progress: Progress::new(videos.len(), "videos"),
    };
    let made = maker.make(&videos, &wanted, &stop, &mut keeper);
    let Keeper { rows, videos: finished, progress, .. } = keeper;
    progress.end();
    let (reasons, stopped) = made.map_err(|why| arguments.model.named_in(why))?;
    report::say(format_args!("{rows} vectors of {finished} videos: {}", maker.embedder.what(taking.pool)));
    say_failures(&reasons, &videos);
    if stopped {
        report::say("stopped; run the same command again and it does the rest");
        return Ok(());
    }
    if reasons.len() as u64 == videos.len() {
        store.give_up()?;
        bail!("no video gave a vector");
    }
    store.finish()?;
    if arguments.json {
        print_json(out, rows, &embedded.lengths, &reasons, &videos)?;
    }
    report::say(format_args!("done: {}", out.display()));
    Ok(())
}

/// Which vectors are asked for.
fn taking(arguments: &Arguments) -> Result<Taking> {
    let tad = arguments.format == Format::TadNpy;
    if tad && arguments.half {
        return Err(Usage::new("tad-npy holds 32 bits a number: --half makes other files").into());
    }
    if tad && arguments.views.is_some() {
        return Err(Usage::new("tad-npy holds windows: --views makes other files").into());
    }
    if tad && arguments.pool == PoolArgument::Tokens {
        return Err(Usage::new("tad-npy holds one vector a window: --pool tokens makes other files").into());
    }
    Ok(Taking {
        windows: arguments.windows.or(tad.then_some(TAD_WINDOWS)),
        pool: match arguments.pool {
            PoolArgument::Mean => Pool::Mean,
            PoolArgument::Tokens => Pool::Tokens,
        },
        preprocess: arguments.preprocess.unwrap_or(if tad {
            Preprocess::Tad
        } else {
            Preprocess::Normalised
        }),
        number: if arguments.half { Number::F16 } else { Number::F32 },
    })
}

/// Refuses what has no meaning for this model.
fn check(taking: Taking, asked: &asking::Asked) -> Result<()> {
    let frames = asked.model.shape.geometry.frames();
    match taking.windows {
        Some([length, _]) if length as usize != frames => {
            return Err(
                Usage::new(format!("a window has {length} frames, and --frames says {frames}")).into()
            );
        }
        Some(_) => {}
        None if taking.preprocess == Preprocess::Tad => {
            return Err(Usage::new("--preprocess tad is for windows")
                .hint("--windows 16:4 as for THUMOS14, 16:16 as for FineAction")
                .into());
        }
        None => {
            let views = &asked.recipe.views;
            if taking.pool == Pool::Tokens && (views.clips, views.crops) != (1, 1) {
                let (clips, crops) = (views.clips, views.crops);
                return Err(Usage::new(format!(
                    "tokens of {clips}x{crops} views show different places and have no mean"
                ))
                .hint("--views 1x1, or --windows 16:16")
                .into());
            }
            asking::say_single_views(&asked.recipe);
        }
    }
    Ok(())
}

/// Keeps vectors in a store and counts them.
struct Keeper<'a> {
    store: &'a Store,
    file: Option<VideoFile>,
    rows: u64,
    videos: u64,
    /// Videos that were there before.
    before: u64,
    progress: Progress,
}

impl Taker for Keeper<'_> {
    fn begin(&mut self, video: u64, rows: u32) -> Result<()> {
        self.file = Some(self.store.create(video, rows as usize)?);
        Ok(())
    }

    fn push(&mut self, rows: &[Embedding]) -> Result<()> {
        self.rows += rows.len() as u64;
        self.file.as_mut().map_or(Ok(()), |file| file.push(rows))
    }

    fn end(&mut self, whole: bool) -> Result<()> {
        if let Some(file) = self.file.take().filter(|_| whole) {
            file.finish()?;
            self.videos += 1;
        }
        self.progress.at(self.before + self.videos, format_args!("{} vectors", self.rows));
        Ok(())
    }
}

fn say_failures(reasons: &Reasons, videos: &LabelledVideos) {
    if reasons.is_empty() {
        return;
    }
    report::say(format_args!("{} of {} videos gave no vector:", reasons.len(), videos.len()));
    let mut rows: Vec<_> = reasons.iter().collect();
    rows.sort();
    for (row, why) in rows.iter().take(NAMED) {
        report::say(format_args!("  {}: {why}", names::shown(&videos.entries()[**row as usize].path)));
    }
    if rows.len() > NAMED {
        report::say(format_args!("  and {} more; --json names all", rows.len() - NAMED));
    }
}

fn print_json(
    out: &Path,
    rows: u64,
    lengths: &[usize],
    reasons: &Reasons,
    videos: &LabelledVideos,
) -> Result<()> {
    use std::io::Write as _;
    let mut failed: Vec<_> = reasons.iter().collect();
    failed.sort();
    let failed: Vec<_> = failed
        .into_iter()
        .map(|(row, why)| {
            let path = names::name_of(&videos.entries()[*row as usize].path);
            serde_json::json!({ "row": row, "video": path, "reason": why })
        })
        .collect();
    let line = serde_json::json!({
        "out": out.display().to_string(),
        "videos": videos.len(),
        "made_now": rows,
        "lengths": lengths,
        "failed": failed,
    });
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// `16:4`.
fn windows(text: &str) -> Result<[u32; 2], String> {
    let wrong = || format!("`{text}` is no length and distance of windows such as 16:4");
    let number = |text: &str| text.parse().ok().filter(|number| (1..=1 << 16).contains(number));
    let (length, every) = text.split_once(':').ok_or_else(wrong)?;
    Ok([number(length).ok_or_else(wrong)?, number(every).ok_or_else(wrong)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_a_length_and_a_distance() {
        assert_eq!(windows("16:4"), Ok([16, 4]));
        for wrong in ["16", "16:0", ":4", "a:b"] {
            assert!(windows(wrong).is_err(), "{wrong}");
        }
    }
}
