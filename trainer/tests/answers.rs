//! Whole fine-tunings of small models with several labels a video, and with numbers.

#[path = "batches/cube.rs"]
mod cube;
mod small_classifier;
mod small_model;

use std::{ops::Range, sync::atomic::AtomicBool};

use arrow_array::RecordBatch;
use schemas::{
    BatchBuilder as _, ProblemType,
    labelled_batch::{LabelledBatchBuilder, LabelledClip},
    metrics::ValidationLine,
};
use trainer::{
    Device, Recipe, RunFolder, Steps, TrainError,
    batch::labelled::BatchError,
    checkpoint::{self, Format, Kind},
    random::Draws,
    train::{
        finetune::{self, Event, finetune},
        initial_weights,
        validation::ValidationClips,
    },
};

const SEVERAL: &str = "classifier.problem_type=multi_label_classification";
const NUMBERS: &str = "classifier.problem_type=regression";

fn recipe(settings: &[&str]) -> Recipe {
    small_classifier::recipe(&[&["optimiser.base_lr=0.3"][..], settings].concat())
}

/// Clips of which each colour is bright or dark: a label a colour, or how many colours are bright and how many dark.
fn batch(recipe: &Recipe, numbers: Range<u64>) -> RecordBatch {
    let geometry = recipe.geometry().unwrap();
    let mut builder = LabelledBatchBuilder::new(geometry);
    for clip in numbers {
        let mut draws = Draws::keyed(1, "made clip", &[clip]);
        let bright: [bool; 3] = std::array::from_fn(|_| draws.unit() < 0.5);
        let count = bright.iter().filter(|bright| **bright).count() as f32;
        let level = |at: usize| 60.0 + 60.0 * draws.unit() + if bright[at % 3] { 100.0 } else { 0.0 };
        let clip = small_classifier::clip(geometry, clip, level);
        let labels: Vec<f32> = match recipe.classifier.problem_type {
            ProblemType::Regression => vec![count / 3.0, 1.0 - count / 3.0],
            _ => bright.map(|bright| f32::from(u8::from(bright))).to_vec(),
        };
        builder.push(LabelledClip { labels: Some(labels.into()), ..clip });
    }
    builder.finish().unwrap()
}

fn names(recipe: &Recipe) -> Vec<String> {
    let names: &[&str] = match recipe.classifier.problem_type {
        ProblemType::Regression => &["bright", "dark"],
        _ => &["red", "green", "blue"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn begin(recipe: &Recipe) -> (tempfile::TempDir, RunFolder) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&folder.path().join("run"), recipe, "made clips").unwrap();
    finetune::begin(
        recipe,
        &run,
        initial_weights::from_scratch(recipe, names(recipe), &Device::flex()).unwrap(),
    )
    .unwrap();
    (folder, run)
}

/// Losses of the steps until `until`, and the last validation.
fn train(recipe: &Recipe, run: &RunFolder, until: u64) -> Result<(Vec<f64>, ValidationLine), TrainError> {
    let micro = recipe.accumulation().unwrap().0 as u64;
    let from = run.resume_point().unwrap().map_or(0, |point| point.clips) / micro;
    let batches =
        (from..).map(|number| Ok::<_, BatchError>(batch(recipe, number * micro..(number + 1) * micro)));
    let mut validate = || -> Result<ValidationClips, BatchError> {
        let batches = [10_000..10_020, 10_020..10_039].map(|numbers| Ok(batch(recipe, numbers)));
        // One of forty videos gives no clip.
        Ok(ValidationClips { videos: 40, batches: Box::new(batches.into_iter()) })
    };
    let (mut losses, mut validation) = (Vec::new(), None);
    finetune(
        recipe,
        &Device::flex(),
        batches,
        Some(&mut validate),
        run,
        Steps { per_epoch: 20, schedule: 120, until },
        &AtomicBool::new(false),
        |event| match event {
            Event::Step(line) => losses.push(line.loss),
            Event::Validated { line, .. } => validation = Some(line.clone()),
        },
    )?;
    Ok((losses, validation.unwrap()))
}

#[test]
fn several_labels_are_learnt() {
    let recipe = recipe(&[SEVERAL, "augment.mix=0", "augment.smoothing=0"]);
    let (_folder, run) = begin(&recipe);
    let (losses, last) = train(&recipe, &run, 120).unwrap();
    // ln 2: the head begins at nothing.
    assert!((losses[0] - 0.6931).abs() < 5e-3, "{}", losses[0]);
    let map = last.mean_average_precision.unwrap();
    assert!(map > 0.9 && last.loss < 0.4, "{last:?}");
    assert_eq!((last.top1, last.mse, last.videos, last.failed), (None, None, 40, 1));
    let best = checkpoint::read_any(&run.best_path()).unwrap();
    assert_eq!((best.kind, best.labels.len()), (Kind::Classifier { classes: 3 }, 3));
    assert_eq!(best.problem_type, ProblemType::MultiLabelClassification);
}

#[test]
fn numbers_are_learnt() {
    let recipe = recipe(&[NUMBERS, "augment.mix=0"]);
    let (_folder, run) = begin(&recipe);
    let (losses, last) = train(&recipe, &run, 120).unwrap();
    assert!(losses[0] > 0.2, "{}", losses[0]);
    // The one that failed counts as answered by the mean.
    assert!(last.r2.unwrap() > 0.8 && last.correlation.unwrap() > 0.9, "{last:?}");
    assert_eq!((last.top1, last.mean_average_precision, last.mse), (None, None, Some(last.loss)));
    let lines = std::fs::read_to_string(run.validation_path()).unwrap();
    let scores: Vec<f64> = lines
        .lines()
        .map(|line| serde_json::from_str::<ValidationLine>(line).unwrap().score().unwrap())
        .collect();
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = scores.iter().position(|score| *score == highest).unwrap();
    assert_eq!(checkpoint::read_any(&run.best_path()).unwrap().about.step, 20 * (at as u64 + 1));
}

#[test]
fn each_kind_goes_on_where_it_was_cut_to_the_bit() {
    for kind in [SEVERAL, NUMBERS] {
        let recipe = recipe(&[kind, "optimiser.micro_batch=2", "optimiser.ema=0.9", "model.drop_path=0.2"]);
        let [whole, cut] = [begin(&recipe), begin(&recipe)];
        train(&recipe, &whole.1, 7).unwrap();
        train(&recipe, &cut.1, 4).unwrap();
        train(&recipe, &RunFolder::open(cut.1.path()).unwrap(), 7).unwrap();
        assert_eq!(whole.1.last_checkpoint().unwrap(), cut.1.last_checkpoint().unwrap(), "{kind}");
    }
}

#[test]
fn weights_of_labels_change_what_is_learnt_and_those_of_one_do_not() {
    let losses = |weights: &str| {
        let recipe = recipe(&[SEVERAL, weights]);
        train(&recipe, &begin(&recipe).1, 3).unwrap().0
    };
    let plain = losses("classifier.class_weights=none");
    assert_eq!(plain.len(), 3);
    for (plain, one) in plain.iter().zip(losses("classifier.class_weights=[1, 1, 1]")) {
        assert!((plain - one).abs() < 1e-6, "{plain} {one}");
    }
    assert!((plain[0] - losses("classifier.class_weights=[4, 4, 4]")[0]).abs() > 0.1);
}

#[test]
fn a_run_of_another_kind_is_refused() {
    let several = recipe(&[SEVERAL]);
    let (_folder, run) = begin(&several);
    let refused = train(&recipe(&[NUMBERS]), &run, 2).unwrap_err().to_string();
    assert!(
        refused.contains("answers by multi_label_classification, the recipe asks for regression"),
        "{refused}"
    );
}

#[test]
fn a_head_of_another_kind_is_left_and_one_of_the_same_is_taken() {
    let small = ["model.patch=4", "model.encoder_dim=16", "model.encoder_heads=2", "model.encoder_mlp=40"];
    let recipe = recipe(&[&small[..], &[SEVERAL]].concat());
    let mut model = small_model::model(Kind::Classifier { classes: 3 });
    let begin = |model| initial_weights::from_model(&recipe, names(&recipe), model, &Device::flex()).unwrap();
    let begun = begin(model.clone());
    assert_eq!(begun.new, ["head.weight", "head.bias"]);
    assert!(begun.notes.iter().any(|note| note.contains("answers by single_label")), "{:?}", begun.notes);
    model.problem_type = ProblemType::MultiLabelClassification;
    assert!(begin(model).new.is_empty());
}

#[test]
fn the_kind_of_answer_goes_along_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ProblemType::ALL {
        let mut model = small_model::model(Kind::Classifier { classes: 3 });
        model.problem_type = kind;
        for format in [Format::HuggingFace, Format::Official, Format::Tubelet] {
            let path = folder.path().join(format!("{kind}-{format:?}"));
            checkpoint::write(&model, format, &path, None).unwrap();
            let read = checkpoint::read_any(&path).unwrap();
            assert_eq!(read.problem_type, kind, "{format:?}");
            assert_eq!(read.weights, model.weights);
        }
        let config =
            std::fs::read_to_string(folder.path().join(format!("{kind}-HuggingFace/config.json"))).unwrap();
        assert!(config.contains(&format!("\"problem_type\": \"{kind}\"")), "{config}");
    }
}
