//! `tubelet evaluate`: how often a classifier is right.

mod other;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pipeline::names;
use schemas::{ProblemType, Slice, predictions::Predictions, run_state::Part};
use trainer::{
    evaluation::{self, RegressionReport, Report, SeveralReport},
    recipe::By,
};

use self::{
    other::{Found, OtherSummary},
    summary::Summary,
};

use crate::{
    Evaluation, Usage,
    command::{
        arguments::{self, ColumnArguments, LabelArguments, ModelArguments},
        report,
        slice_arguments::SliceArguments,
        terminal::Terminal,
    },
    evaluate::slices,
    inference::prediction_files,
    output_lock,
    slices::Share,
};

/// Test a classifier: accuracy over several views of each video
///
/// T clips along time and S crops of each come from one decode of a video; frames that no view needs are not
/// decoded. The probabilities of the views (with --by score: their logits) are averaged. A video that fails
/// counts as wrong and is listed. `--set clip.verify=video` decodes each video completely, so that damage
/// outside of the views is found too.
///
/// --run RUN --split test tests a fine-tuned model on exactly the videos that were held out, wherever they
/// are now.
///
/// --out stores the predictions for each view. --from evaluates such files again without the model: parts are
/// joined, each view counts once, and missing views are reported. With --part K/N several machines can share
/// one test.
///
/// Example: tubelet evaluate --model run --data films/test --views 5x3 --out predictions.parquet
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// The run of a fine-tuning; its newest checkpoint is the model, unless --model names another
    #[arg(long, value_name = "RUN", conflicts_with = "from")]
    run: Option<PathBuf>,
    /// Which part of the run's videos to test on; --data says where they are, if they have moved
    #[arg(long, value_enum, value_name = "PART", requires = "run", conflicts_with_all = ["labels", "classes"])]
    split: Option<PartArgument>,
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards. The class of a video
    /// stands behind its path in a list, or is the first folder below the given one
    #[arg(long, value_name = "VIDEOS", num_args = 1.., required_unless_present_any = ["from", "split", "finish"])]
    data: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnArguments,
    #[command(flatten)]
    labels: LabelArguments,
    /// Number of clips along time, and of crops of each; by default as in the recipe (5x3)
    #[arg(long, value_name = "TxS", value_parser = arguments::views)]
    views: Option<[u32; 2]>,
    /// What is averaged over the views; by default as in the recipe (prob)
    #[arg(long, value_enum)]
    by: Option<ByArgument>,
    /// Test only part K of N of the videos, counted from 1
    #[arg(long, value_name = "K/N", value_parser = part, conflicts_with_all = ["slice", "finish"])]
    part: Option<(u64, u64)>,
    /// File to write the predictions for each view to
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Format of --out
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    format: Format,
    /// Evaluate these files of predictions instead of a model
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["model", "data", "labels", "classes", "views", "part", "slice", "finish"])]
    from: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    slices: SliceArguments,
}

/// Which of a run's videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PartArgument {
    /// The videos that were held out
    Test,
    /// The videos that were trained on
    Train,
}

/// What is averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ByArgument {
    /// Logits
    Score,
    /// Probabilities, as the official code does
    Prob,
}

/// How predictions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One row per view, with frames and logits
    Parquet,
    /// The text file that the official code merges
    Official,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let by = arguments.by.map(|by| match by {
        ByArgument::Score => By::Score,
        ByArgument::Prob => By::Prob,
    });
    if arguments.format == Format::Official && arguments.out.is_none() {
        return Err(Usage::new("--format official is how --out is written, and there is no --out").into());
    }
    let terminal = Terminal::default();
    match (arguments.slices.share()?, &arguments.out) {
        (Share::All, _) => {}
        (_, None) => return Err(Usage::new("slices are put together in --out, and there is no --out").into()),
        (Share::Slice(slice), Some(out)) => return run_slice(arguments, by, slice, out, &terminal),
        (Share::Finish, Some(out)) => return finish(arguments, by, out, &terminal),
    }
    let _lock = arguments.out.as_ref().map(|out| output_lock::file(out, &terminal)).transpose()?;
    if !arguments.from.is_empty() {
        let predictions = prediction_files::read_all(&arguments.from)?;
        if let Some(out) = &arguments.out {
            write(out, arguments.format, &predictions)?;
        }
        return conclude(arguments, &predictions, by.unwrap_or(By::Prob));
    }
    let found = crate::evaluate(&wanted(arguments, by), terminal.stop(), &terminal)?;
    if let Some(out) = &arguments.out {
        write(out, arguments.format, &found.predictions)?;
        report::say(format_args!("written: {}", names::shown(out)));
    }
    if let Some(tested) = found.stopped_after {
        let videos = found.wanted;
        if arguments.out.is_none() {
            bail!("stopped after {tested} of {videos} videos; nothing was stored, because there is no --out");
        }
        report::say(format_args!(
            "stopped after {tested} of {videos} videos; --from sums up what is there and names what is missing"
        ));
        return Ok(());
    }
    conclude(arguments, &found.predictions, found.by)?;
    if found.predictions.predictions.is_empty() {
        bail!("no video could be tested");
    }
    Ok(())
}

/// Tests the videos of a slice.
fn run_slice(
    arguments: &Arguments,
    by: Option<By>,
    slice: Slice,
    out: &Path,
    terminal: &Terminal,
) -> Result<()> {
    let wanted = wanted(arguments, by);
    match slices::evaluate_slice(&wanted, slice, out, terminal.stop(), terminal)? {
        None => report::say(format_args!("done already: {}", names::shown(out))),
        Some(found) => match found.stopped_after {
            Some(tested) => report::say(format_args!(
                "stopped after {tested} of {} videos; run the same command again to test the slice",
                found.wanted
            )),
            None => report::say(format_args!("slice {slice} is done; --finish puts all slices together")),
        },
    }
    Ok(())
}

/// Puts all slices together and says what was found.
fn finish(arguments: &Arguments, by: Option<By>, out: &Path, terminal: &Terminal) -> Result<()> {
    let _lock = output_lock::file(out, terminal)?;
    let Some(finished) = slices::read_all(out)? else {
        report::say(format_args!("done already: {}", names::shown(out)));
        return Ok(());
    };
    write(out, arguments.format, &finished.predictions)?;
    finished.slices.remove()?;
    report::say(format_args!("written: {}", names::shown(out)));
    conclude(arguments, &finished.predictions, by.unwrap_or(finished.by))?;
    if finished.predictions.predictions.is_empty() {
        bail!("no video could be tested");
    }
    Ok(())
}

/// The test that is meant.
fn wanted(arguments: &Arguments, by: Option<By>) -> Evaluation {
    Evaluation {
        model: arguments.model.settings(),
        run: arguments.run.clone(),
        part_of_run: arguments.split.map(|part| match part {
            PartArgument::Test => Part::Test,
            PartArgument::Train => Part::Train,
        }),
        data: arguments.columns.of(&arguments.data),
        labels: arguments.labels.settings(),
        views: arguments.views,
        by,
        part: arguments.part,
    }
}

fn write(out: &Path, format: Format, predictions: &Predictions) -> Result<()> {
    match format {
        Format::Parquet => prediction_files::write(out, predictions)?,
        Format::Official => prediction_files::write_official(out, predictions)?,
    }
    Ok(())
}

/// Says what was found: a table, or a line of JSON.
fn conclude(arguments: &Arguments, predictions: &Predictions, by: By) -> Result<()> {
    use std::io::Write as _;
    let answers = evaluation::answers(predictions, by);
    let missing = match arguments.part {
        // Other parts have the other videos.
        Some(_) => Vec::new(),
        None => evaluation::missing(predictions),
    };
    let classes = &predictions.tested.classes;
    let pairs = || evaluation::with_labels(&answers, predictions);
    let found = match predictions.tested.problem_type {
        ProblemType::SingleLabelClassification => None,
        ProblemType::MultiLabelClassification => Some(Found::Several(SeveralReport::of(pairs(), classes))),
        ProblemType::Regression => Some(Found::Numbers(RegressionReport::of(pairs(), classes))),
    };
    let part = arguments.part;
    if let Some(found) = found {
        let summary = OtherSummary { predictions, found: &found, missing: &missing, by, part };
        return summary.print(arguments.json);
    }
    let found = Report::of(&answers, classes);
    let summary = Summary { predictions, found: &found, missing: &missing, by, part };
    let mut stdout = std::io::stdout().lock();
    if arguments.json {
        writeln!(stdout, "{}", summary.json())?;
    } else {
        write!(stdout, "{}", summary.text())?;
    }
    Ok(())
}

/// `2/8`.
fn part(text: &str) -> Result<(u64, u64), String> {
    let wrong = || format!("`{text}` is no part such as 2/8");
    let (part, parts) = text.split_once('/').ok_or_else(wrong)?;
    let (part, parts): (u64, u64) = (part.parse().map_err(|_| wrong())?, parts.parse().map_err(|_| wrong())?);
    if (1..=parts).contains(&part) { Ok((part, parts)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_from_one() {
        assert_eq!(part("2/8"), Ok((2, 8)));
        for wrong in ["0/8", "9/8", "1", "a/b", "/"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }
}
