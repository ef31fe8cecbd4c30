//! A number that is none, wherever it is put, never becomes a score: weights that hold one are not read and not
//! written, features and predictions with one are refused by name.

mod altered;
mod small_model;

use std::fs;

use altered::{Stored, change_parts, read_tensors, write_tensors};
use proptest::prelude::*;
use safetensors::Dtype;
use small_model::model;
use trainer::{
    Device, Recipe, RunFolder,
    checkpoint::{self, CheckpointError, Format, Kind, SavedModel, read_any, read_to_inspect},
    train::state::TrainState,
};

/// What is no number, in 32 bits.
fn no_number() -> impl Strategy<Value = f32> {
    prop_oneof![Just(f32::NAN), Just(-f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY)]
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Pretraining), Just(Kind::Classifier { classes: 3 })]
}

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Official), Just(Format::HuggingFace), Just(Format::Tubelet)]
}

/// The model with `value` at a drawn place, and the name of the tensor there.
fn broken(kind: Kind, place: f64, value: f32) -> (SavedModel, String) {
    let mut model = model(kind);
    let all: usize = model.weights.values().map(|tensor| tensor.values.len()).sum();
    let mut at = (place * all as f64) as usize;
    let name = model.weights.iter().find_map(|(name, tensor)| {
        if at < tensor.values.len() {
            return Some(name.clone());
        }
        at -= tensor.values.len();
        None
    });
    let name = name.expect("because the place is one of all");
    model.weights.get_mut(&name).unwrap().values[at] = value;
    (model, name)
}

/// Puts `value` in a tensor of a safetensors file, kept as halves if `halves`; says which.
fn break_file(path: &std::path::Path, place: f64, value: f32, halves: bool) -> String {
    let mut tensors = read_tensors(path);
    let number = (place * tensors.len() as f64) as usize;
    let (name, stored) = tensors.iter_mut().nth(number).unwrap();
    let name = name.clone();
    let (quads, _) = stored.bytes.as_chunks::<4>();
    let mut values: Vec<f32> = quads.iter().map(|quad| f32::from_le_bytes(*quad)).collect();
    let at = (place * 1000.0) as usize % values.len();
    values[at] = value;
    *stored = if halves {
        let bytes =
            values.iter().flat_map(|value| burn::tensor::f16::from_f32(*value).to_le_bytes()).collect();
        Stored { kind: Dtype::F16, bytes, ..stored.clone() }
    } else {
        Stored { bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(), ..stored.clone() }
    };
    let metadata = metadata(path);
    let metadata: Vec<(&str, &str)> =
        metadata.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    write_tensors(path, &tensors, &metadata);
    name
}

fn metadata(path: &std::path::Path) -> Vec<(String, String)> {
    let bytes = fs::read(path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap_or_default();
    metadata.into_iter().filter(|(key, _)| key != "tubelet.digest").collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn weights_with_what_is_no_number_are_not_written(
        kind in kinds(), format in formats(), place in 0.0..1.0f64, value in no_number(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let (model, name) = broken(kind, place, value);
        let refused = checkpoint::write(&model, format, &path, None).unwrap_err();
        let is_named = match &refused {
            CheckpointError::NotFiniteToWrite { name: found, step: 7, .. } => {
                format == Format::HuggingFace || *found == name
            }
            _ => false,
        };
        prop_assert!(is_named, "{refused}");
        prop_assert!(!path.exists());
    }

    #[test]
    fn a_file_of_torch_with_what_is_no_number_is_only_read_to_be_named(
        kind in kinds(), place in 0.0..1.0f64, value in no_number(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pth");
        let model = model(kind);
        checkpoint::write(&model, Format::Official, &path, None).unwrap();
        let entries = model.layout().0;
        let entry = &entries[(place * entries.len() as f64) as usize];
        let number = entries.iter().position(|other| other == entry).unwrap();
        let at = (place * 1000.0) as usize % entry.elements();
        change_parts(&path, |name, content| {
            if name.ends_with(&format!("/data/{number}")) {
                content[4 * at..][..4].copy_from_slice(&value.to_le_bytes());
            }
        });
        match read_any(&path) {
            Err(CheckpointError::NotFinite { name, found, .. }) => {
                prop_assert_eq!(&name, &entry.name);
                prop_assert_eq!(found.at, at);
            }
            other => prop_assert!(false, "{other:?}"),
        }
        let looked_at = read_to_inspect(&path, checkpoint::Hints::default()).unwrap();
        prop_assert!(looked_at.weights[&entry.name].not_finite().is_some());
    }

    #[test]
    fn weights_with_what_is_no_number_are_only_read_to_be_named(
        kind in kinds(), hugging_face in any::<bool>(), place in 0.0..1.0f64, value in no_number(),
        halves in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let format = if hugging_face { Format::HuggingFace } else { Format::Tubelet };
        checkpoint::write(&model(kind), format, &path, None).unwrap();
        let file = if hugging_face { path.join("model.safetensors") } else { path.clone() };
        // 70000 is a number, and none in a half.
        let value = if halves && value.is_infinite() { 70000f32.copysign(value) } else { value };
        let name = break_file(&file, place, value, halves);
        match read_any(&path) {
            Err(CheckpointError::NotFinite { name: found, kind: held, .. }) => {
                prop_assert_eq!(found, name);
                prop_assert_eq!(held, if halves { "f16" } else { "f32" });
            }
            other => prop_assert!(false, "{other:?}"),
        }
        let looked_at = read_to_inspect(&path, checkpoint::Hints::default()).unwrap();
        let odd = looked_at.weights.values().filter(|tensor| tensor.not_finite().is_some()).count();
        prop_assert_eq!(odd, 1);
    }
}

#[test]
fn a_run_keeps_its_checkpoints_where_the_next_one_would_hold_what_is_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut recipe = Recipe::default();
    for setting in [
        "clip.frames=4",
        "clip.size=32",
        "model.encoder_dim=16",
        "model.encoder_depth=1",
        "model.encoder_heads=2",
        "model.decoder_dim=8",
        "model.decoder_depth=1",
        "model.decoder_heads=2",
    ] {
        recipe.set(setting).unwrap();
    }
    let training = TrainState::begin(&recipe, &recipe.model_shape().unwrap(), &Device::flex());
    let run = RunFolder::create(folder.path(), &recipe, "digest").unwrap();
    let mut checkpoint = training.checkpoint(&recipe, "digest");
    let files = || fs::read_dir(folder.path()).unwrap().count();
    for step in [3, 4] {
        checkpoint.about.step = step;
        run.write_checkpoint(&checkpoint).unwrap();
    }
    let before = files();
    checkpoint.about.step = 5;
    checkpoint.weights.get_mut("mask_token").unwrap().values[2] = f32::NAN;
    let refused = run.write_checkpoint(&checkpoint).unwrap_err().to_string();
    assert!(refused.contains("`mask_token` is not finite after step 5: NaN at 2"), "{refused}");
    assert_eq!(files(), before);
    assert_eq!(run.last_checkpoint().unwrap().about.step, 4);
}
