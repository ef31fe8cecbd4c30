//! What a test found, for a person and for a program.

use std::fmt::Write as _;

use pipeline::names;
use schemas::predictions::{Failure, Predictions};
use serde_json::json;
use trainer::{
    evaluation::{Interval, MissingView, Report},
    recipe::By,
};

use crate::command::report;

/// Classes up to which the whole confusion matrix is shown.
const MATRIX: usize = 12;
/// Columns of the matrix that are as wide as a name.
const NAME: usize = 14;
/// Rows of long lists that are shown.
const SHOWN: usize = 20;

/// A test, and what it found.
pub struct Summary<'a> {
    pub predictions: &'a Predictions,
    pub found: &'a Report,
    pub missing: &'a [MissingView],
    pub by: By,
    pub part: Option<(u64, u64)>,
}

impl Summary<'_> {
    /// One line of JSON.
    pub fn json(&self) -> serde_json::Value {
        let Report { videos, failed, unlabelled, top1, top5, mean_class, calibration_error, .. } = self.found;
        let tested = &self.predictions.tested;
        let classes: Vec<_> = self
            .found
            .classes
            .iter()
            .map(|line| {
                let accuracy = (line.videos > 0).then(|| line.right as f64 / line.videos as f64);
                json!({ "class": line.class, "videos": line.videos, "right": line.right, "accuracy": accuracy })
            })
            .collect();
        json!({
            "videos": videos,
            "failed": failed,
            "unlabelled": unlabelled,
            "top1": top1.share,
            "top1_interval": [top1.low, top1.high],
            "top5": top5.share,
            "top5_interval": [top5.low, top5.high],
            "mean_class": mean_class,
            "calibration_error": calibration_error,
            "classes": classes,
            "confusion": self.found.confusion,
            "clips": tested.clips,
            "crops": tested.crops,
            "by": by(self.by).0,
            "preprocessing": tested.preprocessing,
            "model": tested.model,
            "failures": failures_json(self.predictions),
            "missing": missing_json(self.missing),
        })
    }

    /// What a person reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.heads(&mut text);
        failures(&mut text, self.predictions);
        missing(&mut text, self.predictions, self.missing);
        text.push('\n');
        text.push_str(&self.classes());
        text.push('\n');
        text.push_str(&self.confusion());
        text
    }

    fn heads(&self, text: &mut String) {
        let Report { videos, top1, top5, mean_class, calibration_error, unlabelled, .. } = self.found;
        let tested = &self.predictions.tested;
        let share = |name: &str, it: &Interval| {
            let (share, low, high) = (100.0 * it.share, 100.0 * it.low, 100.0 * it.high);
            let right = (it.share * *videos as f64).round();
            let interval = format!("95 % interval {low:.1} to {high:.1}");
            vec![name.to_owned(), format!("{share:.1} %"), format!("{interval}; {right} of {videos} videos")]
        };
        let line = |name: &str, value: String, words: &str| vec![name.to_owned(), value, words.to_owned()];
        let views = format!("{} x {}", tested.clips, tested.crops);
        let rows = [
            share("top-1", top1),
            share("top-5", top5),
            line("by class", format!("{:.1} %", 100.0 * mean_class), "mean of the classes' top-1"),
            line(
                "calibration",
                format!("{:.1} %", 100.0 * calibration_error),
                "expected error of the confidence in 15 bins, 0 is perfect",
            ),
            line("views", views, &format!("clips x crops of each video, {}", by(self.by).1)),
        ];
        text.push_str(&report::table(&rows));
        if let Some((part, parts)) = self.part {
            say(text, format_args!("this is part {part} of {parts} of {} videos", tested.videos));
        }
        if *unlabelled > 0 {
            say(text, format_args!("{unlabelled} videos have no known class and count nowhere"));
        }
    }

    /// Each class that has videos, and what it is most often taken for.
    fn classes(&self) -> String {
        let head = ["class", "videos", "right", "top-1", "most often taken for"].map(String::from).to_vec();
        let body = self.found.classes.iter().zip(&self.found.confusion).enumerate();
        let body = body.filter(|(_, (line, _))| line.videos > 0).map(|(class, (line, row))| {
            let others = row.iter().enumerate().filter(|(other, count)| *other != class && **count > 0);
            // Of equal counts the lower class.
            let taken = others.max_by_key(|(other, count)| (**count, std::cmp::Reverse(*other)));
            let taken = taken.map_or_else(String::new, |(other, count)| {
                format!("{} ({count})", self.found.classes[other].class)
            });
            let share = 100.0 * line.right as f64 / line.videos as f64;
            vec![
                line.class.clone(),
                line.videos.to_string(),
                line.right.to_string(),
                format!("{share:.1} %"),
                taken,
            ]
        });
        report::table(&std::iter::once(head).chain(body).collect::<Vec<_>>())
    }

    /// The matrix where it fits a page, else its largest entries off the diagonal.
    fn confusion(&self) -> String {
        let classes = &self.found.classes;
        if classes.len() <= MATRIX {
            let name = |class: &str| class.chars().take(NAME).collect::<String>();
            let heads = classes.iter().map(|line| name(&line.class));
            let head = std::iter::once("is \\ answered".to_owned()).chain(heads).collect();
            let rows = classes.iter().zip(&self.found.confusion).map(|(line, row)| {
                let counts =
                    row.iter().map(|count| if *count == 0 { ".".to_owned() } else { count.to_string() });
                std::iter::once(name(&line.class)).chain(counts).collect()
            });
            return report::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
        }
        let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
        for (class, row) in self.found.confusion.iter().enumerate() {
            let others = row.iter().enumerate().filter(|(other, count)| *other != class && **count > 0);
            pairs.extend(others.map(|(other, count)| (*count, class, other)));
        }
        pairs.sort_by_key(|&(count, class, other)| (std::cmp::Reverse(count), class, other));
        let head = ["most often confused", "answered", "videos"].map(String::from).to_vec();
        let body = pairs.iter().take(SHOWN).map(|&(count, class, other)| {
            vec![classes[class].class.clone(), classes[other].class.clone(), count.to_string()]
        });
        report::table(&std::iter::once(head).chain(body).collect::<Vec<_>>())
    }
}

/// The videos that failed.
pub(super) fn failures(text: &mut String, predictions: &Predictions) {
    let failures = &predictions.failures;
    if failures.is_empty() {
        return;
    }
    let (failed, videos) = (failures.len(), predictions.tested.videos);
    say(text, format_args!("\n{failed} of {videos} videos failed, which counts as wrong:"));
    for failure in failures {
        say(text, format_args!("  {}: {}", names::one_line(&failure.video), failure.reason));
    }
}

/// The views that are missing.
pub(super) fn missing(text: &mut String, predictions: &Predictions, absent: &[MissingView]) {
    if absent.is_empty() {
        return;
    }
    let tested = &predictions.tested;
    let all = tested.videos * u64::from(tested.clips) * u64::from(tested.crops);
    say(text, format_args!("\n{} of {all} views are missing, and what they would have said:", absent.len()));
    for missing in absent.iter().take(SHOWN) {
        let video = names::one_line(missing.video.as_deref().unwrap_or("of which no view is there"));
        let (clip, crop) = (missing.view.clip, missing.view.crop);
        say(text, format_args!("  row {} ({video}): clip {clip}, crop {crop}", missing.row));
    }
    if absent.len() > SHOWN {
        say(text, format_args!("  and {} more; --json lists all", absent.len() - SHOWN));
    }
}

/// The videos that failed, as JSON.
pub(super) fn failures_json(predictions: &Predictions) -> Vec<serde_json::Value> {
    let line =
        |it: &Failure| json!({ "row": it.row, "video": it.video, "label": it.label, "reason": it.reason });
    predictions.failures.iter().map(line).collect()
}

/// The views that are missing, as JSON.
pub(super) fn missing_json(absent: &[MissingView]) -> Vec<serde_json::Value> {
    let line = |it: &MissingView| json!({ "row": it.row, "video": it.video, "clip": it.view.clip, "crop": it.view.crop });
    absent.iter().map(line).collect()
}

/// What is averaged: its name, and words.
pub(super) fn by(by: By) -> (&'static str, &'static str) {
    match by {
        By::Prob => ("prob", "mean of their probabilities"),
        By::Score => ("score", "mean of their logits"),
    }
}

pub(super) fn say(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("because a string takes any text");
}
