//! Predictions as columns, and back, checked.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, UInt16Array, UInt64Array,
    builder::{Float32Builder, ListBuilder, UInt32Builder},
    cast::AsArray,
    types::{Float32Type, Int32Type, Int64Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::{Failure, Prediction, Predictions, PredictionsError, TESTED_KEY, Tested, VERSION, VERSION_KEY};
use crate::{MADE_BY, clip_batch::item_field, labelled_batch::View};

/// The schema of a file about `tested`.
pub fn schema(tested: &Tested) -> SchemaRef {
    let list = |name: &str, item, nullable| Field::new(name, DataType::List(item_field(item)), nullable);
    let mut fields = vec![
        Field::new("row", DataType::UInt64, false),
        Field::new("video", DataType::Utf8, false),
        Field::new("label", DataType::Int32, true),
        Field::new("clip", DataType::UInt16, false),
        Field::new("crop", DataType::UInt16, false),
        list("frames", DataType::UInt32, false),
        Field::new("begin", DataType::Int64, false),
        Field::new("end", DataType::Int64, false),
        list("logits", DataType::Float32, true),
        Field::new("failure", DataType::Utf8, true),
    ];
    if !tested.problem_type.is_single_label() {
        fields.push(list("labels", DataType::Float32, true));
    }
    let tested = Tested { made_by: MADE_BY.to_owned(), ..tested.clone() };
    let tested = serde_json::to_string(&tested).expect("because words and numbers always make JSON");
    let metadata =
        HashMap::from([(VERSION_KEY.to_owned(), VERSION.to_owned()), (TESTED_KEY.to_owned(), tested)]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

impl Prediction {
    /// Refuses logits that are no numbers.
    ///
    /// # Errors
    /// When one is NaN or infinite.
    pub fn check(&self) -> Result<(), PredictionsError> {
        let Some(class) = self.logits.iter().position(|logit| !logit.is_finite()) else { return Ok(()) };
        let (video, row, View { clip, crop }) = (self.video.clone(), self.row, self.view);
        Err(PredictionsError::NotFinite { video, row, clip, crop, class, value: self.logits[class] })
    }
}

impl Predictions {
    /// The rows as a record batch, views first, then failures.
    ///
    /// # Errors
    /// When a logit is NaN or infinite.
    pub fn to_batch(&self) -> Result<RecordBatch, PredictionsError> {
        self.predictions.iter().try_for_each(Prediction::check)?;
        let (views, failed) = (&self.predictions, &self.failures);
        let both = |of: &dyn Fn(&Prediction) -> i64, other: i64| -> Vec<i64> {
            views.iter().map(of).chain(failed.iter().map(|_| other)).collect()
        };
        let mut frames = ListBuilder::new(UInt32Builder::new()).with_field(item_field(DataType::UInt32));
        let mut logits = ListBuilder::new(Float32Builder::new()).with_field(item_field(DataType::Float32));
        for view in views {
            frames.values().append_slice(&view.frames);
            frames.append(true);
            logits.values().append_slice(&view.logits);
            logits.append(true);
        }
        for _ in failed {
            frames.append(true);
            logits.append(false);
        }
        let rows: Vec<u64> =
            views.iter().map(|view| view.row).chain(failed.iter().map(|failed| failed.row)).collect();
        let videos = views.iter().map(|view| &view.video).chain(failed.iter().map(|failed| &failed.video));
        let labels = views.iter().map(|view| view.label).chain(failed.iter().map(|failed| failed.label));
        let numbers = |of: fn(View) -> u16| -> Vec<u16> {
            views.iter().map(|view| of(view.view)).chain(failed.iter().map(|_| 0)).collect()
        };
        let reasons =
            views.iter().map(|_| None).chain(failed.iter().map(|failed| Some(failed.reason.as_str())));
        let labels_of_rows = self.label_lists(&rows);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(rows)),
            Arc::new(StringArray::from_iter_values(videos)),
            Arc::new(labels.collect::<Int32Array>()),
            Arc::new(UInt16Array::from(numbers(|view| view.clip))),
            Arc::new(UInt16Array::from(numbers(|view| view.crop))),
            Arc::new(frames.finish()),
            Arc::new(Int64Array::from(both(&|view| view.span.0, 0))),
            Arc::new(Int64Array::from(both(&|view| view.span.1, 0))),
            Arc::new(logits.finish()),
            Arc::new(reasons.collect::<StringArray>()),
        ];
        if !self.tested.problem_type.is_single_label() {
            columns.push(labels_of_rows);
        }
        Ok(RecordBatch::try_new(schema(&self.tested), columns)?)
    }

    /// What is right of each of these rows.
    fn label_lists(&self, rows: &[u64]) -> ArrayRef {
        let mut lists = ListBuilder::new(Float32Builder::new()).with_field(item_field(DataType::Float32));
        for row in rows {
            let labels = self.labels.get(row);
            lists.values().append_slice(labels.map_or(&[], Vec::as_slice));
            lists.append(labels.is_some());
        }
        Arc::new(lists.finish())
    }

    /// The rows of record batches of one file. `schema` is the file's, which an empty file has, too.
    ///
    /// # Errors
    /// When they are of another format, or a row has another number of logits than there are classes, or one that
    /// is NaN or infinite.
    pub fn of_batches<'a>(
        schema: &Schema,
        batches: impl IntoIterator<Item = &'a RecordBatch>,
    ) -> Result<Self, PredictionsError> {
        let find = |key| schema.metadata().get(key);
        if find(VERSION_KEY).map(String::as_str) != Some(VERSION) {
            return Err(PredictionsError::Version { found: find(VERSION_KEY).cloned() });
        }
        let tested = find(TESTED_KEY).map_or("", String::as_str);
        let tested: Tested =
            serde_json::from_str(tested).map_err(|why| PredictionsError::Tested { why: why.to_string() })?;
        let mut read = Self { tested, ..Self::default() };
        for batch in batches {
            read.add(batch)?;
        }
        Ok(read)
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), PredictionsError> {
        if batch.schema().fields() != schema(&self.tested).fields() {
            return Err(PredictionsError::Columns);
        }
        let column = |name: &str| batch.column_by_name(name).expect("because the columns were compared");
        let rows = column("row").as_primitive::<UInt64Type>();
        let videos = column("video").as_string::<i32>();
        let labels = column("label").as_primitive::<Int32Type>();
        let view = |name| column(name).as_primitive::<UInt16Type>();
        let time = |name| column(name).as_primitive::<Int64Type>();
        let (frames, logits): (&ListArray, &ListArray) =
            (column("frames").as_list(), column("logits").as_list());
        let reasons = column("failure").as_string::<i32>();
        self.add_labels(batch, rows)?;
        for at in 0..batch.num_rows() {
            let (row, video) = (rows.value(at), videos.value(at).to_owned());
            let label = labels.is_valid(at).then(|| labels.value(at));
            if logits.is_null(at) {
                let reason = if reasons.is_valid(at) { reasons.value(at).to_owned() } else { String::new() };
                self.failures.push(Failure { row, video, label, reason });
                continue;
            }
            let logits = logits.value(at).as_primitive::<Float32Type>().values().to_vec();
            let classes = self.tested.classes.len();
            if logits.len() != classes {
                return Err(PredictionsError::Logits { video, row, found: logits.len(), classes });
            }
            let prediction = Prediction {
                row,
                video,
                label,
                view: View { clip: view("clip").value(at), crop: view("crop").value(at) },
                frames: frames.value(at).as_primitive::<UInt32Type>().values().to_vec(),
                span: (time("begin").value(at), time("end").value(at)),
                logits,
            };
            prediction.check()?;
            self.predictions.push(prediction);
        }
        Ok(())
    }

    /// Keeps what is right of the rows of a batch.
    fn add_labels(&mut self, batch: &RecordBatch, rows: &UInt64Array) -> Result<(), PredictionsError> {
        let Some(lists) = batch.column_by_name("labels") else { return Ok(()) };
        let (lists, classes) = (lists.as_list::<i32>(), self.tested.classes.len());
        for at in (0..batch.num_rows()).filter(|at| lists.is_valid(*at)) {
            let labels = lists.value(at).as_primitive::<Float32Type>().values().to_vec();
            if labels.len() != classes {
                return Err(PredictionsError::Labels { row: rows.value(at), found: labels.len(), classes });
            }
            if let Some(label) = labels.iter().find(|label| !label.is_finite()) {
                return Err(PredictionsError::NoNumber { row: rows.value(at), label: *label });
            }
            self.labels.insert(rows.value(at), labels);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ProblemType;

    fn predictions() -> Predictions {
        Predictions {
            tested: Tested {
                classes: vec!["run".into(), "walk".into()],
                videos: 2,
                clips: 1,
                crops: 1,
                made_by: MADE_BY.to_owned(),
                ..Tested::default()
            },
            predictions: vec![Prediction {
                row: 0,
                video: "a.mp4".into(),
                label: Some(1),
                view: View { clip: 0, crop: 2 },
                frames: vec![0, 4],
                span: (0, 160),
                logits: vec![0.5, -1.0],
            }],
            failures: vec![Failure { row: 1, video: "b.mp4".into(), label: None, reason: "damaged".into() }],
            labels: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let batch = predictions().to_batch().unwrap();
        assert_eq!(Predictions::of_batches(&batch.schema(), [&batch]).unwrap(), predictions());
    }

    #[test]
    fn a_logit_that_is_no_number_is_neither_written_nor_read() {
        let values = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        for (class, value) in (0..8).map(|draw| (draw % 2, values[draw / 2])) {
            let mut odd = predictions();
            odd.predictions[0].logits[class] = value;
            let says = format!(
                "a.mp4 (row 0, clip 0, crop 2) has the logit {value} for class {class}, which is no number"
            );
            assert_eq!(odd.to_batch().unwrap_err().to_string(), says);
            let batch = predictions().to_batch().unwrap();
            let at = batch.schema().index_of("logits").unwrap();
            let mut columns = batch.columns().to_vec();
            let mut logits =
                ListBuilder::new(Float32Builder::new()).with_field(item_field(DataType::Float32));
            logits.values().append_slice(&odd.predictions[0].logits);
            logits.append(true);
            logits.append(false);
            columns[at] = Arc::new(logits.finish());
            let batch = RecordBatch::try_new(batch.schema(), columns).unwrap();
            let refused = Predictions::of_batches(&batch.schema(), [&batch]).unwrap_err().to_string();
            assert_eq!(refused, says);
        }
    }

    #[test]
    fn several_labels_are_a_column_of_their_own_and_one_class_has_none() {
        let single = predictions();
        assert!(schema(&single.tested).column_with_name("labels").is_none());
        assert!(!schema(&single.tested).metadata()[TESTED_KEY].contains("problem_type"));
        let mut several = predictions();
        several.tested.problem_type = ProblemType::MultiLabelClassification;
        several.predictions[0].label = None;
        several.labels.insert(0, vec![1.0, 1.0]);
        let batch = several.to_batch().unwrap();
        assert_eq!(Predictions::of_batches(&batch.schema(), [&batch]).unwrap(), several);
        several.labels.insert(1, vec![1.0]);
        let batch = several.to_batch().unwrap();
        let refused = Predictions::of_batches(&batch.schema(), [&batch]).unwrap_err().to_string();
        assert_eq!(refused, "row 1 has 1 labels for 2 classes");
        for odd in [f32::NAN, f32::INFINITY] {
            several.labels.insert(1, vec![0.0, odd]);
            let batch = several.to_batch().unwrap();
            let refused = Predictions::of_batches(&batch.schema(), [&batch]).unwrap_err();
            assert!(matches!(refused, PredictionsError::NoNumber { row: 1, .. }), "{refused}");
        }
    }

    #[test]
    fn logits_of_other_classes_are_refused() {
        let mut odd = predictions();
        odd.predictions[0].logits.pop();
        let batch = odd.to_batch().unwrap();
        let refused = Predictions::of_batches(&batch.schema(), [&batch]).unwrap_err().to_string();
        assert_eq!(refused, "a.mp4 (row 0) has 1 logits for 2 classes");
    }
}
