//! Whole fine-tunings of small classifiers: they learn, go on where they ended to the bit, keep the best.

#[path = "batches/cube.rs"]
mod cube;
mod small_classifier;
mod small_model;

use std::sync::atomic::AtomicBool;

use arrow_array::RecordBatch;
use schemas::{
    BatchBuilder as _,
    labelled_batch::{EraseBox, LabelledBatchBuilder, LabelledClip},
    metrics::ValidationLine,
};
use trainer::{
    Device, Outcome, Recipe, RunFolder, Steps,
    batch::labelled::BatchError,
    checkpoint::{self, Kind},
    model::layout::LastNorm,
    random::Draws,
    train::{
        finetune::{self, Event, finetune},
        initial_weights::{self, InitialWeightsError},
        validation::ValidationClips,
    },
};

const CLASSES: usize = 3;

fn recipe(settings: &[&str]) -> Recipe {
    small_classifier::recipe(&[&["optimiser.base_lr=0.2"][..], settings].concat())
}

/// Clips whose class is their colour.
fn batch(recipe: &Recipe, numbers: std::ops::Range<u64>) -> RecordBatch {
    let geometry = recipe.geometry().unwrap();
    let mut builder = LabelledBatchBuilder::new(geometry);
    for clip in numbers {
        let mut draws = Draws::keyed(1, "made clip", &[clip]);
        let label = (clip % CLASSES as u64) as usize;
        let level = |at: usize| 90.0 + 60.0 * draws.unit() + if at % 3 == label { 100.0 } else { 0.0 };
        let erase = clip.is_multiple_of(4).then_some(EraseBox { top: 2, left: 3, height: 7, width: 9 });
        let clip = small_classifier::clip(geometry, clip, level);
        builder.push(LabelledClip { label: Some(label as i32), erase, ..clip });
    }
    builder.finish().unwrap()
}

fn labels() -> Vec<String> {
    ["red", "green", "blue"].map(str::to_owned).to_vec()
}

fn begin(recipe: &Recipe) -> (tempfile::TempDir, RunFolder) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&folder.path().join("run"), recipe, "made clips").unwrap();
    let scratch = initial_weights::from_scratch(recipe, labels(), &Device::flex()).unwrap();
    assert_eq!((scratch.taken, scratch.new.len()), (0, scratch.weights.layout().0.len()));
    finetune::begin(recipe, &run, scratch).unwrap();
    (folder, run)
}

/// Trains until step `until`, from where the run ended, with two steps an epoch; the validations on the way.
fn train(recipe: &Recipe, run: &RunFolder, until: u64) -> (Vec<f64>, Vec<(ValidationLine, bool)>) {
    let micro = recipe.accumulation().unwrap().0 as u64;
    let from = run.resume_point().unwrap().map_or(0, |point| point.clips) / micro;
    let batches =
        (from..).map(|number| Ok::<_, BatchError>(batch(recipe, number * micro..(number + 1) * micro)));
    let mut validate = || -> Result<ValidationClips, BatchError> {
        let batches = [1000..1005, 1005..1009].map(|numbers| Ok(batch(recipe, numbers)));
        // One of ten videos gives no clip.
        Ok(ValidationClips { videos: 10, batches: Box::new(batches.into_iter()) })
    };
    let (mut losses, mut validations) = (Vec::new(), Vec::new());
    let outcome = finetune(
        recipe,
        &Device::flex(),
        batches,
        Some(&mut validate),
        run,
        Steps { per_epoch: 2, schedule: 40, until },
        &AtomicBool::new(false),
        |event| match event {
            Event::Step(line) => losses.push(line.loss),
            Event::Validated { line, best } => validations.push((line.clone(), best)),
        },
    );
    assert!(matches!(outcome, Ok(Outcome::Done { .. })), "{outcome:?}");
    (losses, validations)
}

#[test]
fn a_fine_tuning_that_was_cut_ends_with_the_same_bits_and_the_same_best() {
    let everything = [
        "optimiser.ema=0.9",
        "optimiser.micro_batch=2",
        "optimiser.layer_decay=0.7",
        "optimiser.clip_norm=1",
        "model.drop_path=0.3",
        "classifier.dropout=0.4",
    ];
    let recipe = recipe(&everything);
    let [whole, cut] = [begin(&recipe), begin(&recipe)];
    train(&recipe, &whole.1, 7);
    train(&recipe, &cut.1, 4);
    train(&recipe, &RunFolder::open(cut.1.path()).unwrap(), 7);
    assert_eq!(whole.1.last_checkpoint().unwrap(), cut.1.last_checkpoint().unwrap());
    for path in [RunFolder::best_path, RunFolder::validation_path] {
        let [whole, cut] = [&whole.1, &cut.1].map(|run| std::fs::read(path(run)).unwrap());
        // The cut run validates once more, at its first end.
        assert!(whole.len() <= cut.len());
    }
}

#[test]
fn colours_are_learnt_and_videos_without_a_clip_count_as_wrong() {
    let recipe = recipe(&["augment.mix=0", "optimiser.base_lr=0.4"]);
    let (_folder, run) = begin(&recipe);
    let (losses, validations) = train(&recipe, &run, 40);
    // ln 3: the head begins at nothing.
    assert!((losses[0] - 1.0986).abs() < 1e-2, "{}", losses[0]);
    let (last, _) = validations.last().unwrap();
    assert_eq!((last.top1, last.videos, last.failed), (Some(0.9), 10, 1), "{last:?}");
    let best = checkpoint::read_any(&run.best_path()).unwrap();
    assert_eq!((best.kind, best.labels), (Kind::Classifier { classes: CLASSES }, labels()));
    let first_best = validations.iter().find(|(line, _)| line.top1 == Some(0.9)).unwrap();
    assert_eq!((best.about.step, first_best.1), (first_best.0.step, true), "of equal ones the first is kept");
}

#[test]
fn a_frozen_encoder_stays_to_the_bit_and_the_head_learns() {
    let recipe = recipe(&["classifier.freeze=encoder", "optimiser.weight_decay=0.5"]);
    let (_folder, run) = begin(&recipe);
    let before = run.last_checkpoint().unwrap().weights;
    train(&recipe, &run, 4);
    for (name, after) in run.last_checkpoint().unwrap().weights {
        let is_head = name.starts_with("head.") || name.starts_with("fc_norm.");
        assert_eq!(before[&name] != after, is_head, "{name}");
    }
}

#[test]
fn blocks_computed_again_train_alike() {
    let settings = ["model.drop_path=0.3", "classifier.dropout=0.4"];
    let plain = recipe(&settings);
    let again = recipe(&[&settings[..], &["model.gradient_checkpointing=true"]].concat());
    let losses = [plain, again].map(|recipe| {
        let (_folder, run) = begin(&recipe);
        train(&recipe, &run, 5).0
    });
    for (plain, again) in losses[0].iter().zip(&losses[1]) {
        assert!((plain / again - 1.0).abs() < 1e-4, "{plain} {again}");
    }
}

/// A recipe for the models of [`small_model`], whose frames are oblong: only their weights are taken here.
fn small() -> Recipe {
    recipe(&["model.patch=4", "model.encoder_dim=16", "model.encoder_heads=2", "model.encoder_mlp=40"])
}

#[test]
fn exactly_the_encoder_of_a_checkpoint_is_taken() {
    let begin = |kind| {
        initial_weights::from_model(&small(), labels(), small_model::model(kind), &Device::flex()).unwrap()
    };
    let new = ["fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"];
    for kind in [
        Kind::Pretraining,
        Kind::Encoder { last_norm: LastNorm::Present },
        Kind::Encoder { last_norm: LastNorm::Absent },
    ] {
        let model = small_model::model(kind);
        let beginning = begin(kind);
        assert_eq!((beginning.taken, &beginning.new[..]), (28, &new.map(str::to_owned)[..]), "{kind:?}");
        assert_eq!(beginning.taken + beginning.unused, model.weights.len());
        let prefix = if kind == Kind::Pretraining { "encoder." } else { "" };
        let weights = beginning.weights.download();
        assert_eq!(
            weights["blocks.1.mlp.fc1.weight"],
            model.weights[&format!("{prefix}blocks.1.mlp.fc1.weight")]
        );
    }
}

#[test]
fn rows_of_a_larger_head_are_picked_by_name() {
    let mut model = small_model::model(Kind::Classifier { classes: 5 });
    model.labels = ["blue", "x", "red", "y", "green"].map(str::to_owned).to_vec();
    let rows = model.weights["head.bias"].values.clone();
    let begun = initial_weights::from_model(&small(), labels(), model.clone(), &Device::flex()).unwrap();
    assert_eq!(begun.weights.download()["head.bias"].values, [rows[2], rows[4], rows[0]]);
    assert!(begun.new.is_empty());
    model.labels[0] = "violet".to_owned();
    let begun = initial_weights::from_model(&small(), labels(), model, &Device::flex()).unwrap();
    assert_eq!(begun.new, ["head.weight", "head.bias"]);
}

#[test]
fn a_checkpoint_of_another_size_is_refused_with_settings_that_fit() {
    let model = small_model::model(Kind::Pretraining);
    let wide = recipe(&["model.patch=4"]);
    let Err(refused) = initial_weights::from_model(&wide, labels(), model, &Device::flex()) else { panic!() };
    assert!(refused.to_string().contains("width 16, wanted 24"), "{refused}");
    assert!(refused.hint().unwrap().contains("--set model.encoder_dim=16"));
    let odd = recipe(&["classifier.classes=4"]);
    let Err(refused) = initial_weights::from_scratch(&odd, labels(), &Device::flex()) else { panic!() };
    assert!(matches!(refused, InitialWeightsError::Classes { listed: 3, head: 4 }));
}
