//! What a test of several labels a video, or of numbers, found, for a person and for a program.

use std::io::Write as _;

use anyhow::Result;
use schemas::predictions::Predictions;
use serde_json::{Value, json};
use trainer::{
    evaluation::{MissingView, RegressionReport, SeveralReport},
    recipe::By,
};

use super::summary::{by, failures, failures_json, missing, missing_json, say};

use crate::command::report;

/// What was found.
pub enum Found {
    /// Of several labels a video.
    Several(SeveralReport),
    /// Of numbers.
    Numbers(RegressionReport),
}

/// A test, and what it found.
pub struct OtherSummary<'a> {
    pub predictions: &'a Predictions,
    pub found: &'a Found,
    pub missing: &'a [MissingView],
    pub by: By,
    pub part: Option<(u64, u64)>,
}

impl OtherSummary<'_> {
    /// Prints it.
    ///
    /// # Errors
    /// When nobody reads it.
    pub fn print(&self, as_json: bool) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        if as_json {
            writeln!(stdout, "{}", self.json()?)?;
        } else {
            write!(stdout, "{}", self.text())?;
        }
        Ok(())
    }

    /// One line of JSON.
    fn json(&self) -> Result<Value> {
        let tested = &self.predictions.tested;
        let mut line = match self.found {
            Found::Several(report) => serde_json::to_value(report)?,
            Found::Numbers(report) => serde_json::to_value(report)?,
        };
        line["problem_type"] = json!(tested.problem_type);
        (line["clips"], line["crops"]) = (json!(tested.clips), json!(tested.crops));
        line["by"] = json!(by(self.by).0);
        line["preprocessing"] = json!(tested.preprocessing);
        line["model"] = json!(tested.model);
        line["failures"] = json!(failures_json(self.predictions));
        line["missing"] = json!(missing_json(self.missing));
        Ok(line)
    }

    /// What a person reads.
    fn text(&self) -> String {
        let tested = &self.predictions.tested;
        let (mut rows, unlabelled) = match self.found {
            Found::Several(report) => (several_heads(report), report.unlabelled),
            Found::Numbers(report) => (number_heads(report), report.unlabelled),
        };
        let how = match self.found {
            Found::Several(_) => by(self.by).1,
            Found::Numbers(_) => "mean of their answers",
        };
        let views = format!("{} x {}", tested.clips, tested.crops);
        rows.push(["views".to_owned(), views, format!("clips x crops of each video, {how}")].to_vec());
        let mut text = report::table(&rows);
        if let Some((part, parts)) = self.part {
            say(&mut text, format_args!("this is part {part} of {parts} of {} videos", tested.videos));
        }
        if unlabelled > 0 {
            say(&mut text, format_args!("{unlabelled} videos have no known labels and count nowhere"));
        }
        failures(&mut text, self.predictions);
        if !self.predictions.failures.is_empty() {
            let what = match self.found {
                Found::Several(_) => "none of their labels is found",
                Found::Numbers(_) => "they count as if the mean had been answered",
            };
            say(&mut text, format_args!("  ({what})"));
        }
        missing(&mut text, self.predictions, self.missing);
        text.push('\n');
        text.push_str(&report::table(&match self.found {
            Found::Several(report) => several_lines(report),
            Found::Numbers(report) => number_lines(report),
        }));
        text
    }
}

fn row(name: &str, value: String, words: String) -> Vec<String> {
    vec![name.to_owned(), value, words]
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn several_heads(report: &SeveralReport) -> Vec<Vec<String>> {
    let with = report.classes.iter().filter(|line| line.videos > 0).count();
    let (all, videos) = (report.classes.len(), report.videos);
    vec![
        row(
            "mAP",
            percent(report.mean_average_precision),
            format!(
                "mean of the average precisions of {with} of {all} classes that videos have; {videos} videos"
            ),
        ),
        row("micro", percent(report.micro), "average precision over all pairs of video and class".to_owned()),
        row(
            "exact",
            percent(report.exact),
            "videos whose labels are all right at a probability of 0.5".to_owned(),
        ),
    ]
}

fn several_lines(report: &SeveralReport) -> Vec<Vec<String>> {
    let head = ["class", "videos", "AP", "found", "given"].map(String::from).to_vec();
    let lines = report.classes.iter().filter(|line| line.videos > 0 || line.given > 0).map(|line| {
        let precision = line.average_precision.map_or_else(|| "–".to_owned(), percent);
        vec![
            line.class.clone(),
            line.videos.to_string(),
            precision,
            format!("{} of {}", line.found, line.videos),
            line.given.to_string(),
        ]
    });
    std::iter::once(head).chain(lines).collect()
}

fn number_heads(report: &RegressionReport) -> Vec<Vec<String>> {
    let (count, videos) = (report.numbers.len(), report.videos);
    let mean = if count > 1 { format!("mean of {count} numbers; ") } else { String::new() };
    let root = report.mse.sqrt();
    vec![
        row("R²", number(report.r2), format!("{mean}0 is answering the mean, 1 is perfect; {videos} videos")),
        row("correlation", number(report.correlation), format!("{mean}Pearson's")),
        row("MSE", format!("{:.4}", report.mse), format!("{mean}squared error, its root is {root:.4}")),
        row("MAE", format!("{:.4}", report.mae), format!("{mean}absolute error")),
    ]
}

fn number_lines(report: &RegressionReport) -> Vec<Vec<String>> {
    let head = ["number", "mean", "deviation", "R²", "correlation", "MSE", "MAE"].map(String::from).to_vec();
    let lines = report.numbers.iter().map(|line| {
        vec![
            line.name.clone(),
            format!("{:.4}", line.mean),
            format!("{:.4}", line.deviation),
            number(line.r2),
            number(line.correlation),
            format!("{:.4}", line.mse),
            format!("{:.4}", line.mae),
        ]
    });
    std::iter::once(head).chain(lines).collect()
}

/// A number that may not be there, because what is right does not vary.
fn number(found: Option<f64>) -> String {
    found.map_or_else(|| "–".to_owned(), |found| format!("{found:.4}"))
}
