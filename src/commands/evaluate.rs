//! `tubelet evaluate`: how often a classifier is right.

mod files;
mod other;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use pipeline::dataset::labels::Classes;
use schemas::{ProblemType, predictions::Predictions, run_state::Part, whole_file};
use trainer::{
    evaluation::{self, RegressionReport, Report, SeveralReport},
    recipe::By,
};

use self::{
    other::{Found, OtherSummary},
    summary::Summary,
};
use crate::{
    asking::{self, Asked, ModelArguments},
    labelling::{LabelArguments, LabelledVideos},
    report::{self, Progress, Usage},
    run::{self, Begun},
    stop,
    testing::Tester,
};

/// Test a classifier: accuracy over several views of each video
///
/// T clips along time and S crops of each come from one decode of a video, and no frame is decoded that no
/// view shows or that another one does not need. The views' probabilities (--by score: logits) are averaged. A
/// video that fails counts as wrong and is listed; `--set clip.verify=video` decodes all of each video, so that
/// damage where no view looks counts too.
///
/// --run RUN --split test tests a fine-tuning on exactly the videos that it held out, wherever they are now, and on
/// no others.
///
/// --out keeps what the model said of each view. --from sums such files again without the model: several
/// parts are joined, each view counts once, missing ones are named. With --part K/N many machines share one
/// test.
///
/// Example: tubelet evaluate --model run --data films/test --views 5x3 --out predictions.parquet
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// A fine-tuning's run; its newest checkpoint is the model where --model names no other
    #[arg(long, value_name = "RUN", conflicts_with = "from")]
    run: Option<PathBuf>,
    /// Test on these of the run's videos; --data says where they are, if they have moved
    #[arg(long, value_enum, value_name = "PART", requires = "run", conflicts_with_all = ["labels", "classes"])]
    split: Option<PartArgument>,
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards; classes stand behind the
    /// paths of a list, or are the first folders below the one that is given
    #[arg(long, value_name = "VIDEOS", num_args = 1.., required_unless_present_any = ["from", "split"])]
    data: Vec<PathBuf>,
    #[command(flatten)]
    labels: LabelArguments,
    /// Clips along time and crops of each; what the recipe says otherwise (5x3)
    #[arg(long, value_name = "TxS", value_parser = asking::views)]
    views: Option<[u32; 2]>,
    /// What is averaged over the views; what the recipe says otherwise (prob)
    #[arg(long, value_enum)]
    by: Option<ByArgument>,
    /// Test only part K of N of the videos, from 1
    #[arg(long, value_name = "K/N", value_parser = part)]
    part: Option<(u64, u64)>,
    /// Where the answers to each view go
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How --out is written
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    format: Format,
    /// Sum up these files of predictions instead of testing
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["model", "data", "labels", "classes", "views", "part"])]
    from: Vec<PathBuf>,
    /// Print one JSON line
    #[arg(long)]
    json: bool,
}

/// Which of a run's videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PartArgument {
    /// Those that it holds out
    Test,
    /// Those that it was trained on
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
    /// A row a view, with frames and logits
    Parquet,
    /// The text that the official code's merge reads
    Official,
}

/// Runs it.
pub fn run(mut arguments: Arguments) -> Result<()> {
    if let (None, Some(run)) = (&arguments.model.model, &arguments.run) {
        arguments.model.model = Some(run.clone());
    }
    let arguments = &arguments;
    let by = arguments.by.map(|by| match by {
        ByArgument::Score => By::Score,
        ByArgument::Prob => By::Prob,
    });
    if arguments.format == Format::Official && arguments.out.is_none() {
        return Err(Usage::new("--format official is how --out is written, and there is no --out").into());
    }
    if !arguments.from.is_empty() {
        let predictions = files::read_all(&arguments.from)?;
        if let Some(out) = &arguments.out {
            write(out, arguments.format, &predictions)?;
        }
        return conclude(arguments, &predictions, by.unwrap_or(By::Prob));
    }
    let mut asked = arguments.model.open(None)?;
    if let Some([clips, crops]) = arguments.views {
        (asked.recipe.views.clips, asked.recipe.views.crops) = (clips as usize, crops as usize);
    }
    let by = by.unwrap_or(asked.recipe.views.by);
    let (videos, classes) = labelled(arguments, &asked)?;
    asking::say_single_views(&asked.recipe);
    let tester = Tester::new(asked, classes, arguments.model.batch, arguments.model.workers)?;
    let rows: Vec<u64> = match arguments.part {
        None => (0..videos.len()).collect(),
        Some((part, parts)) => (0..videos.len()).filter(|row| row % parts == part - 1).collect(),
    };
    if rows.is_empty() {
        return Err(Usage::new(format!("no video of {} is in this part", videos.len())).into());
    }
    let stop = stop::flag_on_signals()?;
    let mut progress = Progress::new(rows.len() as u64, "videos");
    let (mut last, mut done) = (None, 0);
    let answered = tester.test(&videos, &rows, &stop, |batch, _| {
        if last != Some(batch.row(0)) {
            progress.at(done, "");
            last = Some(batch.row(0));
            done += 1;
        }
        Ok(())
    });
    progress.end();
    let answered = answered.map_err(|why| arguments.model.named_in(why))?;
    if let Some(out) = &arguments.out {
        write(out, arguments.format, &answered.predictions)?;
        report::say(format_args!("written: {}", out.display()));
    }
    if answered.stopped {
        let tested = done.saturating_sub(1);
        if arguments.out.is_none() {
            bail!("stopped after {tested} of {} videos; nothing is kept without --out", rows.len());
        }
        report::say(format_args!(
            "stopped after {tested} of {} videos; --from sums up what is there and names what is missing",
            rows.len()
        ));
        return Ok(());
    }
    conclude(arguments, &answered.predictions, by)?;
    if answered.predictions.predictions.is_empty() {
        bail!("no video could be tested");
    }
    Ok(())
}

/// The videos with their classes, which are the model's.
fn labelled(arguments: &Arguments, asked: &Asked) -> Result<(LabelledVideos, Classes)> {
    let own = asked.classes()?;
    if let (Some(part), Some(run)) = (arguments.split, &arguments.run) {
        let part = match part {
            PartArgument::Test => Part::Test,
            PartArgument::Train => Part::Train,
        };
        let (videos, classes) = run::held_out(&Begun::open(run, "finetune")?, part, &arguments.data)?;
        if classes.len() != own.len() {
            let (found, own) = (classes.len(), own.len());
            return Err(Usage::new(format!("the run has {found} classes, and the model's head {own}")).into());
        }
        return Ok((videos, classes));
    }
    if !asked.model.problem_type.is_single_label() {
        return answered(arguments, asked, own);
    }
    let named = !asked.model.labels.is_empty();
    let (videos, labelled) = arguments.labels.videos(&arguments.data, named.then(|| own.clone()))?;
    labelled.notes.iter().for_each(|note| report::say(format_args!("note: {note}")));
    let found = labelled.classes;
    if named && arguments.labels.classes.is_none() {
        return Ok((videos, found));
    }
    // Numbers of a list: a test set may lack the last classes.
    let numbers = found == Classes::numbered(found.len()) && found.len() <= own.len();
    if numbers && arguments.labels.classes.is_none() {
        return Ok((videos, own));
    }
    if found.len() != own.len() {
        let (found, own) = (found.len(), own.len());
        let what = if arguments.labels.classes.is_some() { "the list names" } else { "the videos have" };
        return Err(Usage::new(format!("{what} {found} classes, and the model's head {own}"))
            .hint("--classes CLASSES.TXT names the model's classes, one a line")
            .into());
    }
    let differing = own.names().iter().zip(found.names()).position(|(own, found)| own != found);
    if let Some(at) = differing.filter(|_| named && own != Classes::numbered(own.len())) {
        let (own, found) = (own.name(at), found.name(at));
        return Err(
            Usage::new(format!("class {at} is `{own}` in the model and `{found}` in the list")).into()
        );
    }
    Ok((videos, found))
}

/// The videos with several labels, or numbers, in the order of the model's answers, which have the names `own`.
fn answered(arguments: &Arguments, asked: &Asked, own: Classes) -> Result<(LabelledVideos, Classes)> {
    let (mut labels, head) = (arguments.labels.clone(), own.len());
    labels.problem_type = asked.model.problem_type;
    let (videos, labelled) = labels.videos(&arguments.data, Some(own))?;
    let found = labelled.classes;
    if found.len() != head {
        let found = found.len();
        return Err(Usage::new(format!("the list names {found} classes, and the model's head {head}"))
            .hint("--classes CLASSES.TXT names the model's classes, one a line")
            .into());
    }
    Ok((videos, found))
}

fn write(out: &Path, format: Format, predictions: &Predictions) -> Result<()> {
    match format {
        Format::Parquet => files::write(out, predictions),
        Format::Official if !predictions.tested.problem_type.is_single_label() => {
            let kind = predictions.tested.problem_type;
            Err(Usage::new(format!("the official merge knows one class a video, and this is {kind}"))
                .hint("--format parquet")
                .into())
        }
        Format::Official => {
            let text = evaluation::official_text(predictions);
            whole_file::write(out, text.as_bytes())
                .with_context(|| format!("{} cannot be written", out.display()))
        }
    }
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
    let names = &predictions.tested.classes;
    let pairs = || evaluation::with_labels(&answers, predictions);
    let found = match predictions.tested.problem_type {
        ProblemType::SingleLabelClassification => None,
        ProblemType::MultiLabelClassification => Some(Found::Several(SeveralReport::of(pairs(), names))),
        ProblemType::Regression => Some(Found::Numbers(RegressionReport::of(pairs(), names))),
    };
    let part = arguments.part;
    if let Some(found) = found {
        let summary = OtherSummary { predictions, found: &found, missing: &missing, by, part };
        return summary.print(arguments.json);
    }
    let found = Report::of(&answers, names);
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
