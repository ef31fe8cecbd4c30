//! `tubelet embed`: vectors of videos, for searches, probes and temporal localisation.

mod found;

use std::path::{Path, PathBuf};

use anyhow::Result;
use pipeline::names;
use trainer::inference::frozen_encoder::Pool;

use crate::{
    Embeddings,
    command::{
        arguments::{self, ColumnArguments, ModelArguments},
        report,
        slice_arguments::SliceArguments,
        terminal::Terminal,
    },
    inference::embed::{End, Failed, Made, format::Format, make::Preprocess, search::Searching, slices},
    slices::Share,
};

/// Compute feature vectors: one per video, or one per window of frames with its times
///
/// The vector of a classifier is fc_norm of its mean token (the feature of the official code); that of a
/// pre-trained encoder is its mean token. Without --windows, the vector of a video is the mean over its test
/// views (--views). All windows of a video come from one pass over it. If it is interrupted, run it again: it
/// continues with the rest, and the file is the same to the byte.
///
/// With --nearest K it searches such a file: it prints the K videos nearest to each of VIDEOS, and where in
/// them. Videos that are in the file need no --model.
///
/// Example: tubelet embed films --model run --windows 16:4 --out films.parquet
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of packet shards; with --nearest,
    /// the videos to search for
    #[arg(value_name = "VIDEOS", required = true)]
    videos: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnArguments,
    #[command(flatten)]
    model: ModelArguments,
    /// What to write: a file, or a folder for arrays
    #[arg(long, value_name = "FILE|DIR", required_unless_present = "nearest")]
    out: Option<PathBuf>,
    /// Compute a vector for each window of L consecutive frames, one every E frames, such as 16:4
    #[arg(long, value_name = "L:E", value_parser = windows)]
    windows: Option<[u32; 2]>,
    /// Number of clips and crops that the vector of a video averages, such as 5x3
    #[arg(long, value_name = "TxS", value_parser = arguments::views, conflicts_with = "windows")]
    views: Option<[u32; 2]>,
    /// What is written
    #[arg(long, value_enum, default_value_t = FormatArgument::Parquet)]
    format: FormatArgument,
    /// What to store of a clip
    #[arg(long, value_enum, default_value_t = PoolArgument::Mean)]
    pool: PoolArgument,
    /// Store numbers in 16 bits
    #[arg(long)]
    half: bool,
    /// How frames become the model's input; by default tad with `--format tad-npy`, otherwise normalised
    #[arg(long, value_enum)]
    preprocess: Option<PreprocessArgument>,
    /// Search --in for the K videos nearest to each of VIDEOS
    #[arg(long, value_name = "K", requires = "within", conflicts_with_all = ["slice", "finish"], value_parser = clap::value_parser!(u32).range(1..))]
    nearest: Option<u32>,
    /// The file to search
    #[arg(long = "in", id = "within", value_name = "FILE", requires = "nearest")]
    within: Option<PathBuf>,
    /// Print JSON: what was written, or one object per video found
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    slices: SliceArguments,
}

/// What to store of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PoolArgument {
    /// One vector
    Mean,
    /// All tokens of the encoder, by time, height and width
    Tokens,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FormatArgument {
    /// One Parquet file with times and vectors
    Parquet,
    /// One NumPy array per video, in the folder --out
    Npy,
    /// The files that VideoMAEv2's extract_tad_feature.py writes, from the same pixels
    TadNpy,
}

/// How frames become the pixels that the model sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PreprocessArgument {
    /// As in training: short side resized, centre cropped, normalised by mean and deviation
    Normalised,
    /// As in extract_tad_feature.py: resized to the clip's size without keeping the aspect ratio, floats from
    /// 0 to 1
    Tad,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let terminal = Terminal::default();
    if let (Some(nearest), Some(within)) = (arguments.nearest, &arguments.within) {
        let wanted = Searching {
            videos: arguments.columns.of(&arguments.videos),
            model: arguments.model.settings(),
            within: within.clone(),
            nearest: nearest as usize,
        };
        let neighbours = crate::search(&wanted, &terminal)?;
        return neighbours.iter().try_for_each(|neighbours| found::print(neighbours, arguments.json));
    }
    let out = arguments.out.clone().expect("because only a search does without");
    let (wanted, share) = (wanted(arguments, out.clone()), arguments.slices.share()?);
    let made = match share {
        Share::All => crate::embed(&wanted, terminal.stop(), &terminal)?,
        Share::Slice(slice) => slices::embed_slice(&wanted, slice, terminal.stop(), &terminal)?,
        Share::Finish => slices::finish(&wanted, &terminal)?,
    };
    match made.end {
        End::Before => report::say(format_args!("done already: {}", names::shown(&out))),
        End::Stopped => report::say("stopped; run the same command again to continue"),
        End::Done => {
            if arguments.json {
                print_json(&out, &made)?;
            }
            match share {
                Share::Slice(slice) => {
                    report::say(format_args!("slice {slice} is done; --finish puts all slices together"));
                }
                Share::All | Share::Finish => report::say(format_args!("done: {}", names::shown(&out))),
            }
        }
    }
    Ok(())
}

/// The vectors that are meant.
fn wanted(arguments: &Arguments, out: PathBuf) -> Embeddings {
    Embeddings {
        videos: arguments.columns.of(&arguments.videos),
        model: arguments.model.settings(),
        out,
        windows: arguments.windows,
        views: arguments.views,
        format: match arguments.format {
            FormatArgument::Parquet => Format::Parquet,
            FormatArgument::Npy => Format::Npy,
            FormatArgument::TadNpy => Format::TadNpy,
        },
        pool: match arguments.pool {
            PoolArgument::Mean => Pool::Mean,
            PoolArgument::Tokens => Pool::Tokens,
        },
        half: arguments.half,
        preprocess: arguments.preprocess.map(|preprocess| match preprocess {
            PreprocessArgument::Normalised => Preprocess::Normalised,
            PreprocessArgument::Tad => Preprocess::Tad,
        }),
    }
}

fn print_json(out: &Path, made: &Made) -> Result<()> {
    use std::io::Write as _;
    let failed = made.failed.iter().map(|Failed { row, path, reason }| {
        serde_json::json!({ "row": row, "video": names::name_of(path), "reason": reason })
    });
    let line = serde_json::json!({
        "out": out.display().to_string(),
        "videos": made.videos,
        "made_now": made.rows,
        "lengths": made.embedded.lengths,
        "failed": failed.collect::<Vec<_>>(),
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
