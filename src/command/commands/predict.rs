//! `tubelet predict`: what a classifier says of videos, in words, in JSON, or as a picture.

mod class_name;
mod numbers;
mod picture;

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::{Result, bail};
use pipeline::names;
use schemas::{
    ProblemType,
    predictions::{Failure, Tested},
};
use serde_json::json;
use trainer::evaluation::Answer;

use self::{class_name::shown, picture::Strips};

use crate::{
    Predicting,
    command::{
        arguments::{self, ColumnArguments, ModelArguments},
        report,
        terminal::Terminal,
    },
    inference::predict::{Seen, VideoAnswers},
    output_lock,
};

/// Longest bar of a probability, in letters.
const BAR: f64 = 20.0;

/// Predict the classes of videos, and with --over-time where in a video they occur
///
/// The classifier sees several views of each video (T clips along time, S crops of each), and their
/// probabilities are averaged. If a video may have several labels, each has a probability of its own; a
/// regression model predicts numbers. --over-time also shows each clip by itself: `--views 20x1 --over-time`
/// looks at 20 places. The picture of --out has a row of frames per clip, with the prediction.
///
/// Example: tubelet predict --model run film.mp4 --top 5 --over-time --out film.png
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, or one folder of shards
    #[arg(value_name = "VIDEO", required = true)]
    videos: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnArguments,
    #[command(flatten)]
    model: ModelArguments,
    /// Names of the classes, one per line, if the model has none
    #[arg(long, value_name = "CLASSES.TXT")]
    classes: Option<PathBuf>,
    /// Number of classes to show for each video
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// Also show each clip by itself: what occurs where in the video
    #[arg(long)]
    over_time: bool,
    /// Number of clips along time, and of crops of each; by default as in the recipe (5x3)
    #[arg(long, value_name = "TxS", value_parser = arguments::views)]
    views: Option<[u32; 2]>,
    /// Print one JSON object per video
    #[arg(long)]
    json: bool,
    /// Draw frames with their predictions: a .png, or an animated .gif
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(out) = &arguments.out {
        picture::check(out)?;
    }
    let wanted = Predicting {
        videos: arguments.columns.of(&arguments.videos),
        model: arguments.model.settings(),
        classes: arguments.classes.clone(),
        views: arguments.views,
    };
    let terminal = Terminal::default();
    let _lock = arguments.out.as_ref().map(|out| output_lock::file(out, &terminal)).transpose()?;
    let mut strips = arguments.out.as_ref().map(|_| Strips::default());
    let found = crate::predict(&wanted, terminal.stop(), &terminal, |seen| {
        match seen {
            Seen::Clips { batch, crops } => {
                if let Some(strips) = &mut strips {
                    strips.note(batch, crops);
                }
            }
            Seen::Video(answers) => Show { arguments, tested: answers.tested }.video(answers)?,
        }
        Ok(())
    })?;
    if found.stopped {
        report::say("stopped");
    }
    let predictions = &found.predictions;
    for failure in &predictions.failures {
        say_failure(failure, arguments.json)?;
    }
    if let (Some(out), Some(strips)) = (&arguments.out, strips) {
        strips.save(out, predictions, found.by)?;
        report::say(format_args!("{} written", names::shown(out)));
    }
    if predictions.predictions.is_empty() && !found.stopped {
        bail!("none of {} videos could be read", predictions.tested.videos);
    }
    Ok(())
}

/// How answers are shown.
struct Show<'a> {
    arguments: &'a Arguments,
    tested: &'a Tested,
}

impl Show<'_> {
    /// Shows what the views of a video say.
    fn video(&self, answers: VideoAnswers<'_>) -> io::Result<()> {
        let Some(whole) = answers.whole() else { return Ok(()) };
        let clips = answers.clips();
        let mut stdout = io::stdout().lock();
        if self.arguments.json {
            let over_time: Vec<_> = clips
                .iter()
                .map(|((start, end), answer)| {
                    let mut line = json!({ "start": start, "end": end });
                    self.say_json(&mut line, answer);
                    line
                })
                .collect();
            let mut line = json!({ "video": whole.video });
            self.say_json(&mut line, &whole);
            if self.arguments.over_time {
                line["over_time"] = json!(over_time);
            }
            writeln!(stdout, "{line}")?;
            return Ok(());
        }
        writeln!(stdout, "{}", names::one_line(&whole.video))?;
        let numbers = self.tested.problem_type == ProblemType::Regression;
        let classes = &self.tested.classes;
        let table = if numbers { numbers::table(classes, &whole) } else { self.top_table(&whole) };
        write!(stdout, "{}", indented(&table))?;
        if self.arguments.over_time {
            writeln!(stdout)?;
            let table = if numbers { numbers::time_table(classes, &clips) } else { self.time_table(&clips) };
            write!(stdout, "{}", indented(&table))?;
        }
        writeln!(stdout)?;
        Ok(())
    }

    /// The first classes with their probabilities.
    fn top<'a>(&'a self, answer: &'a Answer) -> impl Iterator<Item = (usize, String, f64)> + 'a {
        answer
            .ranked()
            .into_iter()
            .take(self.arguments.top as usize)
            .map(|class| (class, shown(&self.tested.classes, class), answer.probabilities[class]))
    }

    /// Puts what is said into a line of JSON.
    fn say_json(&self, line: &mut serde_json::Value, answer: &Answer) {
        match self.tested.problem_type {
            ProblemType::SingleLabelClassification => line["top"] = self.top_json(answer),
            ProblemType::MultiLabelClassification => {
                line["problem_type"] = json!(self.tested.problem_type);
                line["top"] = self.top_json(answer);
            }
            ProblemType::Regression => {
                line["problem_type"] = json!(self.tested.problem_type);
                line["values"] = numbers::json(&self.tested.classes, answer);
            }
        }
    }

    fn top_json(&self, answer: &Answer) -> serde_json::Value {
        let top: Vec<_> = self
            .top(answer)
            .map(|(class, name, probability)| json!({ "class": class, "name": name, "probability": probability }))
            .collect();
        json!(top)
    }

    fn top_table(&self, answer: &Answer) -> String {
        let rows = self.top(answer).map(|(_, name, probability)| {
            let bar = "#".repeat((BAR * probability).round() as usize);
            vec![name, percent(probability), bar]
        });
        report::table(&rows.collect::<Vec<_>>())
    }

    fn time_table(&self, clips: &[((f64, f64), Answer)]) -> String {
        let head = ["from", "to", "answer", "", "then"].map(String::from).to_vec();
        let rows = clips.iter().map(|((start, end), answer)| {
            let mut top = self.top(answer);
            let (name, probability) =
                top.next().map_or((String::new(), 0.0), |(_, name, probability)| (name, probability));
            let then: Vec<_> = top
                .take(2)
                .map(|(_, name, probability)| format!("{name} {}", percent(probability)))
                .collect();
            vec![format!("{start:.1} s"), format!("{end:.1} s"), name, percent(probability), then.join(", ")]
        });
        report::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    }
}

/// Says that a video failed.
fn say_failure(failure: &Failure, as_json: bool) -> io::Result<()> {
    if as_json {
        let line = json!({ "video": failure.video, "error": failure.reason });
        writeln!(io::stdout().lock(), "{line}")?;
    }
    report::say(format_args!("{}: {}", names::one_line(&failure.video), failure.reason));
    Ok(())
}

/// A probability as people say it.
fn percent(probability: f64) -> String {
    format!("{:.1} %", 100.0 * probability)
}

fn indented(table: &str) -> String {
    table.lines().map(|line| format!("  {line}\n")).collect()
}
