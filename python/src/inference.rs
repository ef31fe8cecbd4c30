//! `tubelet.embed` and `tubelet.predict`: what a model makes of videos, as tables.

use std::{collections::HashMap, fs::File, path::PathBuf, sync::Arc};

use arrow_array::{
    ArrayRef, Float32Array, Float64Array, Int32Array, ListArray, RecordBatch, StringArray, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pyo3::prelude::*;
use tubelet::{
    Embeddings, Predicting, Result, Usage,
    inference::{
        embed::{format::Format, make::Preprocess},
        model::{ModelSettings, TOGETHER},
        predict::{Predicted, Seen},
    },
    machine,
    recipe_choice::{RecipeChoice, RecipeSource},
    schemas::{
        ProblemType,
        predictions::{TESTED_KEY, Tested},
    },
    trainer::{checkpoint::Hints, evaluation::Answer, inference::frozen_encoder::Pool},
};

use crate::{table::Table, waiting};

/// Which model, and how it is computed, as Python's keywords.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Model {
    model: PathBuf,
    recipe: Option<String>,
    set: Vec<String>,
    frames: Option<usize>,
    size: Option<[usize; 2]>,
    device: String,
    batch_size: Option<usize>,
    threads: Option<usize>,
}

impl Model {
    fn settings(self) -> ModelSettings {
        let source = self.recipe.map_or(RecipeSource::Fitting, RecipeSource::Named);
        ModelSettings {
            model: Some(self.model),
            hints: Hints { heads: None, frames: self.frames, sides: self.size },
            recipe: RecipeChoice { source, set: self.set, precision: None },
            device: self.device,
            batch: self.batch_size.unwrap_or(TOGETHER),
            workers: self.threads.unwrap_or_else(machine::default_workers),
        }
    }
}

/// Makes vectors of videos into the Parquet file `out`, and gives them.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
pub fn embed(
    py: Python<'_>,
    videos: Vec<PathBuf>,
    model: Model,
    out: PathBuf,
    windows: Option<[u32; 2]>,
    views: Option<[u32; 2]>,
    pool: &str,
    half: bool,
    preprocess: Option<&str>,
) -> PyResult<Table> {
    let pool = if pool == "tokens" { Pool::Tokens } else { Pool::Mean };
    let preprocess = preprocess.map(|word| match word {
        "tad" => Preprocess::Tad,
        _ => Preprocess::Normalised,
    });
    let file = out.clone();
    let (model, format) = (model.settings(), Format::Parquet);
    let wanted = Embeddings { videos, model, out, windows, views, format, pool, half, preprocess };
    waiting::run(py, move |stop, observer| {
        tubelet::embed(&wanted, stop, observer)?;
        if !file.exists() {
            // It was asked to stop: whoever waits raises that.
            return Err(Usage::new("no vectors were written").into());
        }
        read(&file)
    })
}

/// A Parquet file as a table.
fn read(file: &std::path::Path) -> Result<Table> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?;
    let schema = Arc::clone(reader.schema());
    let batches: std::result::Result<Vec<RecordBatch>, _> = reader.build()?.collect();
    Ok(Table::new(schema, batches?))
}

/// What a classifier says of videos: a row for each, or with `over_time` for each clip of them.
#[pyfunction]
pub fn predict(
    py: Python<'_>,
    videos: Vec<PathBuf>,
    model: Model,
    classes: Option<PathBuf>,
    views: Option<[u32; 2]>,
    over_time: bool,
) -> PyResult<Table> {
    let wanted = Predicting { videos, model: model.settings(), classes, views };
    waiting::run(py, move |stop, observer| {
        let mut answers = Vec::new();
        let found = tubelet::predict(&wanted, stop, observer, |seen| {
            if let Seen::Video(video) = seen {
                if over_time {
                    answers.extend(video.clips().into_iter().map(|(span, answer)| (Some(span), answer)));
                } else {
                    answers.extend(video.whole().map(|answer| (None, answer)));
                }
            }
            Ok(())
        })?;
        answer_table(&answers, &found)
    })
}

/// Seconds that an answer is about, none where it is the whole video; and the answer.
type Said = (Option<(f64, f64)>, Answer);

fn answer_table(answers: &[Said], found: &Predicted) -> Result<Table> {
    let (tested, failures) = (&found.predictions.tested, &found.predictions.failures);
    let chosen = |answer: &Answer| match tested.problem_type {
        ProblemType::Regression => None,
        _ => answer.ranked().first().copied(),
    };
    let best: Vec<Option<usize>> = answers.iter().map(|(_, answer)| chosen(answer)).collect();
    let name = |class: &Option<usize>| class.map(|class| name_of(tested, class));
    let failed = |count: usize| std::iter::repeat_n(None, count);
    let of_answers = |of: fn(&Said) -> Option<f64>| -> ArrayRef {
        Arc::new(answers.iter().map(of).chain(failed(failures.len())).collect::<Float64Array>())
    };
    let probability = answers.iter().zip(&best).map(|((_, answer), best)| {
        best.and_then(|class| answer.probabilities.get(class)).map(|&probability| probability as f32)
    });
    let rows = answers.iter().map(|(_, answer)| answer.row).chain(failures.iter().map(|it| it.row));
    let videos = answers.iter().map(|(_, answer)| &answer.video).chain(failures.iter().map(|it| &it.video));
    let label = answers.iter().map(|(_, answer)| answer.label).chain(failures.iter().map(|it| it.label));
    let class = best
        .iter()
        .map(|class| class.map(|class| class as i32))
        .chain(std::iter::repeat_n(None, failures.len()));
    let names = best.iter().map(name).chain(failures.iter().map(|_| None));
    let reasons = answers.iter().map(|_| None).chain(failures.iter().map(|it| Some(it.reason.as_str())));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("row", Arc::new(UInt64Array::from_iter_values(rows))),
        ("video", Arc::new(StringArray::from_iter_values(videos))),
        ("label", Arc::new(label.collect::<Int32Array>())),
        ("start", of_answers(|(span, _)| span.map(|(start, _)| start))),
        ("end", of_answers(|(span, _)| span.map(|(_, end)| end))),
        ("class", Arc::new(class.collect::<Int32Array>())),
        ("name", Arc::new(names.collect::<StringArray>())),
        (
            "probability",
            Arc::new(probability.chain(std::iter::repeat_n(None, failures.len())).collect::<Float32Array>()),
        ),
        ("answers", numbers(answers, failures.len())),
        ("failure", Arc::new(reasons.collect::<StringArray>())),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let metadata = HashMap::from([(TESTED_KEY.to_owned(), serde_json::to_string(tested)?)]);
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Ok(Table::of(RecordBatch::try_new(schema, columns)?))
}

/// What is said of every class, or the numbers that are answered; null of videos that failed.
fn numbers(answers: &[Said], failures: usize) -> ArrayRef {
    let values = answers.iter().flat_map(|(_, answer)| &answer.probabilities).map(|&value| value as f32);
    let lengths = answers.iter().map(|(_, answer)| answer.probabilities.len());
    let lengths = OffsetBuffer::from_lengths(lengths.chain(std::iter::repeat_n(0, failures)));
    let there: NullBuffer =
        answers.iter().map(|_| true).chain(std::iter::repeat_n(false, failures)).collect::<Vec<_>>().into();
    let item = Arc::new(Field::new("item", DataType::Float32, false));
    Arc::new(ListArray::new(item, lengths, Arc::new(Float32Array::from_iter_values(values)), Some(there)))
}

/// The name of a class, or its number where it has none.
fn name_of(tested: &Tested, class: usize) -> String {
    tested.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
}
