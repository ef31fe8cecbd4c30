//! Labels and numbers of tables, and what kind of answer a model gives.

use std::{fs, path::Path};

use crate::{
    films::{class_folders, film, finetune},
    models, refusal, stdout, succeed, text,
};

const NUMBERS: [&str; 2] = ["--set", "classifier.problem_type=regression"];

/// A table beside four films, of which these columns are asked for, refused with these words and no run.
#[track_caller]
fn refused(table: &str, columns: &str, more: &[&str], says: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (films, labels, out) =
        (folder.path().join("films"), folder.path().join("t.csv"), folder.path().join("out"));
    (0..4).for_each(|number| film(&films.join(format!("{number}.mp4")), number));
    fs::write(&labels, table).unwrap();
    let labels = format!("{}{columns}", labels.display());
    let labels = ["--labels", &labels, "--init", "scratch", "--steps", "2"];
    let (code, words) = refusal(&finetune(&films, &out, &[&labels[..], more].concat()));
    assert_eq!(code, 2, "{words}");
    assert!(words.contains(says), "{words}\nlacks {says}");
    assert!(!out.exists(), "a folder was made: {words}");
}

/// Seen: of a table with two columns of one name the first was taken in silence. Right: refused.
#[test]
fn a_column_that_is_there_twice_was_read_once() {
    refused("path,speed,speed\n0.mp4,1,2\n1.mp4,1,2\n2.mp4,1,2\n3.mp4,1,2\n", ":*", &NUMBERS, "twice");
}

/// Seen: `nan` in a table of numbers was learnt, and every loss was NaN. Right: it is no number, in its line.
#[test]
fn a_nan_in_a_table_of_numbers_was_learnt() {
    refused("path,value\n0.mp4,1\n1.mp4,nan\n2.mp4,1\n3.mp4,2\n", "", &NUMBERS, "nan");
}

/// Seen: `run|jump` was a class of its own. Right: refused, with the setting that learns several labels.
#[test]
fn several_labels_in_a_cell_were_a_class_of_their_own() {
    let several = "classifier.problem_type";
    refused("path,label\n0.mp4,run\n1.mp4,run|jump\n2.mp4,jump\n3.mp4,run\n", "", &[], several);
}

/// Seen: settings that contradict a run were looked at after its films, so that a moved folder hid them, and all of them
/// made one endless line. Right: they are named first, the first few of them.
#[test]
fn a_missing_folder_hid_the_settings_that_contradict_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let out = folder.path().join("run");
    succeed(&finetune(&films, &out, &["--init", "scratch", "--steps", "2"]));
    fs::remove_dir_all(&films).unwrap();
    let changed = [
        "clip.frames=8",
        "clip.size=64",
        "model.patch=8",
        "model.encoder_dim=48",
        "model.encoder_depth=3",
        "model.encoder_heads=2",
        "model.encoder_mlp=96",
        "run.seed=7",
    ];
    let settings: Vec<&str> = changed.iter().flat_map(|setting| ["--set", setting]).collect();
    let (code, words) = refusal(&[&["finetune", "--out", text(&out), "--resume"][..], &settings].concat());
    assert_eq!(code, 2, "{words}");
    let named = changed.iter().filter(|setting| words.contains(setting.split('=').next().unwrap())).count();
    assert!((1..changed.len()).contains(&named), "{words}");
}

/// Seen: a folder of one label without a kind of answer was asked as a classifier, which is always sure. Right: it is a
/// regression, as `transformers` takes it.
#[test]
fn a_model_of_one_number_was_always_sure_of_its_class() {
    let folder = tempfile::tempdir().unwrap();
    let (model, hf) = (models::classifier(folder.path(), &["speed"]), folder.path().join("hf"));
    succeed(&["convert", text(&model), text(&hf), "--to", "hf"]);
    let file = hf.join("model.safetensors");
    crate::fixtures::tensors::write(&file, &crate::fixtures::tensors::read(&file));
    let config = hf.join("config.json");
    let mut said: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    said.as_object_mut().unwrap().remove("problem_type");
    fs::write(&config, said.to_string()).unwrap();
    let film = Path::new(&crate::samples()).join("cars.mp4");
    let line = stdout(&["predict", text(&film), "--model", text(&hf), "--views", "1x1", "--json"]);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((line["values"].as_array().unwrap().len(), line.get("top")), (1, None), "{line}");
}
