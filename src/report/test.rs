//! What a classifier answered: accuracy, its classes, the confusion matrix, the videos it got wrong.

use std::{fmt::Write as _, path::PathBuf};

use schemas::predictions::Predictions;
use trainer::{
    evaluation::{self, Answer, RegressionReport, Report, SeveralReport},
    recipe::By,
};

use super::{
    html::{Cell, escape, table},
    numbers::{count, percent},
    page::Page,
    thumbnail,
};

/// Classes up to which the confusion matrix is shown.
const MATRIX: usize = 40;
/// Wrong videos that are shown.
const WRONG: usize = 24;
/// Columns and rows of a thumbnail at most.
const SIZE: [u32; 2] = [220, 160];

/// Writes the sections; `video` finds a video by its name.
pub fn write(page: &mut Page, said: &Predictions, by: By, video: &dyn Fn(&str) -> Option<PathBuf>) {
    let answers = evaluation::answers(said, by);
    let classes = &said.tested.classes;
    if said.tested.problem_type.is_single_label() {
        of_classes(page, &Report::of(&answers, classes));
        wrong(page, &answers, classes, video);
    } else {
        of_numbers(page, said, &answers);
    }
    if !said.failures.is_empty() {
        let row = |failure: &schemas::predictions::Failure| {
            [&failure.video, &failure.reason].map(Cell::text).into()
        };
        let rows: Vec<Vec<Cell>> = said.failures.iter().map(row).collect();
        page.folded("Videos that gave no view, and count as wrong", &table(&["video", "reason"], &rows));
    }
}

/// Accuracy, classes, confusion.
fn of_classes(page: &mut Page, report: &Report) {
    let share = |what: &str, interval: &evaluation::Interval| {
        let (low, high) = (percent(interval.low), percent(interval.high));
        vec![
            Cell::text(what),
            Cell::number(percent(interval.share)),
            Cell::number(format!("{low} to {high}")),
        ]
    };
    let rows = vec![
        share("first answer is right (top-1)", &report.top1),
        share("among the first five (top-5)", &report.top5),
        vec![
            Cell::text("mean over the classes"),
            Cell::number(percent(report.mean_class)),
            Cell::number(format!("{} videos", count(report.videos))),
        ],
    ];
    page.html(&table(&["", "share", "95 % interval"], &rows));
    let row = |line: &evaluation::ClassLine| {
        let share = line.right as f64 / line.videos.max(1) as f64;
        let right = Cell::number(format!("{} of {}", count(line.right), count(line.videos)));
        vec![Cell::text(&line.class), right, Cell::number(percent(share)), Cell::bar(share)]
    };
    let rows: Vec<Vec<Cell>> = report.classes.iter().map(row).collect();
    page.folded("Classes", &table(&["class", "right", "share", ""], &rows));
    if report.classes.len() <= MATRIX {
        page.unfolded("Confusion: a row is what a video is, a column what was answered", &confusion(report));
    }
}

/// The confusion matrix; the darker, the larger a share of its row.
fn confusion(report: &Report) -> String {
    let mut html = String::from(r#"<div class="wide"><table class="matrix"><thead><tr><th></th>"#);
    for line in &report.classes {
        let _ = write!(html, r#"<th><span>{}</span></th>"#, escape(&line.class));
    }
    html.push_str("</tr></thead><tbody>");
    for (line, row) in report.classes.iter().zip(&report.confusion) {
        let _ = write!(html, "<tr><th>{}</th>", escape(&line.class));
        for &videos in row {
            let share = videos as f64 / line.videos.max(1) as f64;
            let shown = if videos == 0 { String::new() } else { videos.to_string() };
            let class = if share > 0.5 { "n deep" } else { "n" };
            let _ = write!(html, r#"<td class="{class}" style="--share:{:.0}%">{shown}</td>"#, 100.0 * share);
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table></div>"
}

/// Videos whose first answer is wrong, the surest first.
fn wrong(page: &mut Page, answers: &[Answer], classes: &[String], video: &dyn Fn(&str) -> Option<PathBuf>) {
    let mut wrong: Vec<(&Answer, usize, f64)> = answers
        .iter()
        .filter(|answer| answer.rank().is_some_and(|rank| rank > 0))
        .filter_map(|answer| {
            let first = *answer.ranked().first()?;
            Some((answer, first, answer.probabilities[first]))
        })
        .collect();
    wrong.sort_by(|a, b| b.2.total_cmp(&a.2));
    if wrong.is_empty() {
        return;
    }
    let name = |class: usize| classes.get(class).map_or("?", String::as_str);
    let label =
        |answer: &Answer| answer.label.and_then(|label| usize::try_from(label).ok()).map_or("?", name);
    page.paragraph(&format!(
        "{} videos were answered wrongly; those that were answered surest:",
        count(wrong.len() as u64)
    ));
    let (mut shown, mut rows) = (Vec::new(), Vec::new());
    for (answer, first, sure) in wrong.into_iter().take(WRONG) {
        let words = format!("{} was taken for {} ({})", label(answer), name(first), percent(sure));
        match video(&answer.video).and_then(|path| thumbnail::of_video(&path, SIZE)) {
            Some(address) => shown.push((format!("{words}: {}", answer.video), Some(address))),
            None => rows.push(vec![Cell::text(&answer.video), Cell::text(words)]),
        }
    }
    page.pictures("thumbnails", &shown);
    if !rows.is_empty() {
        page.html(&table(&["video that is not there any more", "answer"], &rows));
    }
}

/// Several labels a video, or numbers.
fn of_numbers(page: &mut Page, said: &Predictions, answers: &[Answer]) {
    let names = &said.tested.classes;
    let number = |found: Option<f64>| found.map_or_else(|| "–".to_owned(), |found| format!("{found:.4}"));
    let rows = match said.tested.problem_type {
        schemas::ProblemType::Regression => {
            let report = RegressionReport::of(evaluation::with_labels(answers, said), names);
            vec![
                ("R²", number(report.r2)),
                ("correlation", number(report.correlation)),
                ("mean squared error", number(Some(report.mse))),
            ]
        }
        _ => {
            let report = SeveralReport::of(evaluation::with_labels(answers, said), names);
            vec![
                ("mean average precision", percent(report.mean_average_precision)),
                ("all labels right", percent(report.exact)),
            ]
        }
    };
    let rows: Vec<_> =
        rows.into_iter().map(|(what, value)| vec![Cell::text(what), Cell::number(value)]).collect();
    page.html(&table(&["", ""], &rows));
}
