//! `tubelet finetune`: from labelled videos and a pre-trained encoder to a classifier.

mod test_json;

use std::path::PathBuf;

use anyhow::Result;
use schemas::{
    ProblemType,
    predictions::{Failure, Predictions},
};
use trainer::{
    checkpoint::Heads,
    evaluation::{self, RegressionReport, Report, SeveralReport},
    recipe::By,
};

use crate::{
    Finetuning,
    command::{
        arguments::{self, ColumnArguments, LabelArguments, RunArguments},
        report,
        terminal::{
            Terminal,
            training::{self, number, percent},
        },
    },
    run::final_evaluation::FinalTest,
};

/// Train a classifier on labelled videos, from a pre-trained model or from scratch
///
/// The class of a video is the first folder below the given one (--class-level), stands behind its path in a
/// list, or is in a column of a table (--labels). The classes are printed before the first step. With
/// --split, the test videos are validated with one view each after every epoch, and tested with several views
/// at the end.
///
/// The folder of the run gets run.json and videos.jsonl (what was asked for, and which videos are held out),
/// recipe.toml, classes.txt, metrics.jsonl, validation.jsonl, the same numbers as events for TensorBoard,
/// quarantine.jsonl, checkpoints, best.safetensors, and at the end predictions.parquet: what the last weights
/// answer to the test videos. Ctrl-C writes a checkpoint and ends with exit code 0. --resume continues bit-exactly
/// from the newest checkpoint, with the steps, initial weights and split that the run began with; videos
/// added since are left out.
///
/// Example: tubelet finetune --data films --split test=0.2 --init run --out classifier
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards; with --resume, where
    /// the videos of the run are now, if they have moved
    #[arg(long, value_name = "VIDEOS", num_args = 1..)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnArguments,
    #[command(flatten)]
    labels: LabelArguments,
    /// Which videos are held out for the test: `train=LIST,test=LIST` (without --data), or `test=0.2` for
    /// each video with a probability of 20 %, drawn from run.seed and the video's path below the given
    /// folder, so that adding videos moves no other. `test=0.2,by=content` draws from the bytes of the file
    /// instead
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,
    /// Start from the encoder of this run or file (official, Hugging Face, or tubelet's own), or from
    /// `scratch`
    #[arg(long, value_name = "FILE|RUN|scratch", required_unless_present_any = ["resume", "resume_from"])]
    init: Option<PathBuf>,
    /// Attention heads of --init, if an official file's width does not tell them
    #[arg(long, value_name = "N[,M]", value_parser = arguments::heads, requires = "init")]
    heads: Option<Heads>,
    /// Train only the head and its norm (fc_norm), the same as `--set classifier.freeze=encoder`
    #[arg(long, value_enum, value_name = "PART")]
    freeze: Option<Frozen>,
    #[command(flatten)]
    run: RunArguments,
}

/// What is not trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Frozen {
    /// The encoder: only the head is trained
    Encoder,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = Finetuning {
        data: arguments.columns.of(&arguments.data),
        labels: arguments.labels.settings(),
        split: arguments.columns.of_split(arguments.split.as_ref()),
        init: arguments.init.clone(),
        heads: arguments.heads,
        freeze_encoder: arguments.freeze == Some(Frozen::Encoder),
        run: arguments.run.settings(),
    };
    let terminal = Terminal::default();
    let (trained, test) = crate::finetune(&wanted, terminal.asked(), &terminal)?;
    match &test {
        _ if arguments.run.json => {
            let mut json = training::json(&trained);
            if let Some(test) = &test {
                json["test"] = test_json::of(test);
            }
            println!("{json}");
        }
        Some(test) => print(test),
        None => {}
    }
    Ok(())
}

/// Prints how the last weights and the best ones did.
fn print(test: &FinalTest) {
    let FinalTest { videos, clips, crops, by, weights } = test;
    let Some(last) = weights.last() else { return };
    let mut rows = vec![head(last.predictions.tested.problem_type)];
    for tested in weights {
        let of = vec![tested.name.to_owned(), tested.step.to_string()];
        rows.push([of, cells(&tested.predictions, *by)].concat());
    }
    println!("test of {videos} videos by {clips}×{crops} views:");
    print!("{}", report::table(&rows));
    println!(
        "the last weights are the result; the best ones were chosen by one view of these very videos, and \
         look better for it"
    );
    for Failure { video, reason, .. } in &last.predictions.failures {
        println!("no view, counts as wrong: {video}: {reason}");
    }
}

/// The head of the test's table.
fn head(problem_type: ProblemType) -> Vec<String> {
    let columns: &[&str] = match problem_type {
        ProblemType::SingleLabelClassification => &["top-1", "95 % interval", "top-5"],
        ProblemType::MultiLabelClassification => &["mAP", "all labels right"],
        ProblemType::Regression => &["R²", "correlation", "MSE"],
    };
    ["weights", "step"].iter().chain(columns).map(|column| (*column).to_owned()).collect()
}

/// The cells of a row under it, behind weights and step.
fn cells(said: &Predictions, by: By) -> Vec<String> {
    let answers = evaluation::answers(said, by);
    let names = &said.tested.classes;
    match said.tested.problem_type {
        ProblemType::SingleLabelClassification => {
            let report = Report::of(&answers, names);
            let interval = format!("{:.1} to {:.1}", 100.0 * report.top1.low, 100.0 * report.top1.high);
            vec![percent(report.top1.share), interval, percent(report.top5.share)]
        }
        ProblemType::MultiLabelClassification => {
            let report = SeveralReport::of(evaluation::with_labels(&answers, said), names);
            vec![percent(report.mean_average_precision), percent(report.exact)]
        }
        ProblemType::Regression => {
            let report = RegressionReport::of(evaluation::with_labels(&answers, said), names);
            vec![number(report.r2), number(report.correlation), format!("{:.4}", report.mse)]
        }
    }
}
