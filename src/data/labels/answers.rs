//! Several labels a video, and numbers to answer: read from a table, weighed, described before they are learnt.

use std::{path::Path, sync::Arc};

use pipeline::{
    dataset::labels::{self, Classes, Columns},
    video_entry::VideoEntry,
};
use schemas::ProblemType;
use trainer::{
    Recipe,
    recipe::{ClassWeights, WeightRule},
};

use super::{label_error::wrong, labelled_videos::LabelledVideos};
use crate::{
    error::{Result, Usage},
    input_file,
    observer::Observer,
};

/// Rows of a table that are shown.
const SHOWN: usize = 20;

/// What is right of each video, and the names of the answers, from `table` (`FILE[:COLUMNS]`). `known` are those of a
/// model or of a list of classes.
///
/// # Errors
/// Usage error: no table, or it does not fit.
pub fn read(
    problem_type: ProblemType,
    table: Option<&str>,
    videos: &[VideoEntry],
    known: Option<Classes>,
    classes_named: bool,
) -> Result<(Classes, Vec<Arc<[f32]>>)> {
    let Some(given) = table else {
        let hint = match problem_type {
            ProblemType::Regression => {
                "--labels FILE.csv with the columns path and value, or --labels FILE.csv:depth,speed"
            }
            _ => {
                "--labels FILE.csv with the columns path and label (`a|b` in a cell), or --labels \
                 FILE.csv:red,moving of columns of 0 and 1"
            }
        };
        let words = format!("the labels of `classifier.problem_type = {problem_type}` come from a table");
        return Err(Usage::new(words).hint(hint).into());
    };
    let (file, columns) = file_and_column(given);
    let (file, columns) = (Path::new(file), Columns::of(columns));
    input_file::check_file(file)?;
    match problem_type {
        ProblemType::Regression if classes_named => {
            Err(Usage::new("regression has no classes; the names of its numbers are the columns of --labels")
                .hint("leave out --classes")
                .into())
        }
        ProblemType::Regression => Ok(labels::numbers(videos, file, &columns, known).map_err(wrong)?),
        _ => Ok(labels::several(videos, file, &columns, known).map_err(wrong)?),
    }
}

/// Videos that have each class.
fn counts(videos: &LabelledVideos, classes: &Classes) -> Vec<usize> {
    if videos.labels().is_empty() {
        return labels::counts(videos.entries(), classes);
    }
    let having = |class: usize| {
        videos.labels().iter().filter(|labels| labels.get(class).is_some_and(|label| *label > 0.0)).count()
    };
    (0..classes.len()).map(having).collect()
}

/// The recipe with the weights of its classes worked out from the training videos, so that the run has them in its
/// recipe.
///
/// # Errors
/// Usage error: a class has no weight, or the list is of other classes.
pub fn weighted(
    mut recipe: Recipe,
    train: &LabelledVideos,
    classes: &Classes,
    observer: &dyn Observer,
) -> Result<Recipe> {
    let weights = match &recipe.classifier.class_weights {
        ClassWeights::By(WeightRule::None) => return Ok(recipe),
        ClassWeights::By(WeightRule::Balanced) => balanced(&recipe, train, classes)?,
        ClassWeights::Given(weights) if weights.len() == classes.len() => weights.clone(),
        ClassWeights::Given(weights) => {
            let (given, wanted) = (weights.len(), classes.len());
            let words =
                format!("`classifier.class_weights` has {given} weights, and there are {wanted} classes");
            let hint = format!("a list of {wanted} numbers in the order of {}, or balanced", named(classes));
            return Err(Usage::new(words).hint(hint).into());
        }
    };
    let shown = classes.names().iter().zip(&weights).take(SHOWN);
    let shown: Vec<String> = shown.map(|(name, weight)| format!("{name} {weight:.4}")).collect();
    let more = if classes.len() > SHOWN { ", …; recipe.toml has all" } else { "" };
    observer.note(format_args!("class weights: {}{more}", shown.join(", ")));
    recipe.classifier.class_weights = ClassWeights::Given(weights);
    Ok(recipe)
}

/// The first classes by name.
fn named(classes: &Classes) -> String {
    let names = classes.names().iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    if classes.len() > 5 { format!("{names}, …") } else { names }
}

fn balanced(recipe: &Recipe, train: &LabelledVideos, classes: &Classes) -> Result<Vec<f64>> {
    let counts = counts(train, classes);
    let several = recipe.classifier.problem_type == ProblemType::MultiLabelClassification;
    let weights = if several {
        labels::positive_weights(&counts, train.entries().len())
    } else {
        labels::balanced_weights(&counts)
    };
    let Some(without) = weights.iter().position(Option::is_none) else {
        return Ok(weights.into_iter().flatten().collect());
    };
    let (name, count) = (classes.name(without), counts[without]);
    let videos = train.entries().len();
    let words = format!(
        "class `{name}` has {count} of {videos} training videos, from which no balanced weight comes"
    );
    Err(Usage::new(words).hint("--set classifier.class_weights=[…] gives one weight per class").into())
}

/// What is to be learnt, a line each, where it is not one class a video.
pub fn describe(problem_type: ProblemType, videos: &LabelledVideos, names: &Classes) -> Vec<String> {
    let (labels, all) = (videos.labels(), videos.len());
    let lines = names.names().iter().enumerate().take(SHOWN);
    let mut words: Vec<String> = match problem_type {
        ProblemType::SingleLabelClassification => return Vec::new(),
        ProblemType::MultiLabelClassification => {
            let counts = counts(videos, names);
            let none = labels.iter().filter(|labels| labels.iter().all(|label| *label == 0.0)).count();
            let without = (none > 0).then(|| format!("no label: {none} of {all} videos"));
            lines.map(|(at, name)| format!("{name}: {} of {all} videos", counts[at])).chain(without).collect()
        }
        ProblemType::Regression => {
            lines.map(|(at, name)| format!("{name}: {}", spread(labels, at))).collect()
        }
    };
    if names.len() > SHOWN {
        words.push(format!("and {} more", names.len() - SHOWN));
    }
    words
}

/// Mean, deviation, smallest and largest of number `at`.
fn spread(labels: &[Arc<[f32]>], at: usize) -> String {
    let values: Vec<f64> =
        labels.iter().filter_map(|labels| labels.get(at)).map(|it| f64::from(*it)).collect();
    let (mean, variance) = mean_and_variance(&values);
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(*it), high.max(*it)));
    format!("mean {mean:.4}, deviation {:.4}, from {low} to {high}", variance.sqrt())
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count)
}

/// The loss of a model that knows nothing of a video, only how often each answer is right: in words.
pub fn guessing(problem_type: ProblemType, videos: &LabelledVideos, names: &Classes) -> String {
    let count = names.len().max(1) as f64;
    let column = |at: usize| -> Vec<f64> {
        videos.labels().iter().filter_map(|labels| labels.get(at)).map(|label| f64::from(*label)).collect()
    };
    match problem_type {
        ProblemType::SingleLabelClassification => format!("{:.2} would be guessing", count.ln()),
        ProblemType::MultiLabelClassification => {
            let entropy = |share: f64| if share > 0.0 { -share * share.ln() } else { 0.0 };
            let of = |at| {
                let (share, _) = mean_and_variance(&column(at));
                entropy(share) + entropy(1.0 - share)
            };
            let loss = (0..names.len()).map(of).sum::<f64>() / count;
            format!("{loss:.2} would be saying how frequent each label is")
        }
        ProblemType::Regression => {
            let loss = (0..names.len()).map(|at| mean_and_variance(&column(at)).1).sum::<f64>() / count;
            format!("{loss:.4} would be saying the mean")
        }
    }
}

/// What of the recipe's changes of clips does not mean the same for this kind of answer.
pub fn notes(recipe: &Recipe) -> Vec<String> {
    let mut notes = Vec::new();
    if recipe.classifier.problem_type == ProblemType::Regression {
        if recipe.augment.smoothing > 0.0 {
            notes.push("numbers are not smoothed: augment.smoothing is for classes".to_owned());
        }
        if recipe.augment.mixing().mixes() {
            notes.push(
                "mixup and cutmix mix the numbers of two videos in proportion, as the mix of their pixels; \
                 `--set augment.mix=0` leaves them alone"
                    .to_owned(),
            );
        }
    }
    notes
}

/// `FILE:COLUMN`, or the name of a file that is there.
pub fn file_and_column(given: &str) -> (&str, Option<&str>) {
    match given.rsplit_once(':') {
        Some((file, column)) if !Path::new(given).exists() => (file, Some(column)),
        _ => (given, None),
    }
}
