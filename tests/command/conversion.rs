//! `tubelet convert` on classifiers: what goes along beside the weights.

use std::{fs, path::Path};

use schemas::ClipGeometry;
use serde_json::{Value, json};
use trainer::{
    checkpoint::{self, Format, Kind, PixelScale, SavedModel, native::About},
    model::{ModelShape, NormEpsilons, Stack},
    weights::HostTensor,
};

use crate::{succeed, text, tubelet};

/// A small classifier of two classes without names, as an official file.
fn classifier(path: &Path) {
    let kind = Kind::Classifier { classes: 2 };
    let shape = ModelShape {
        geometry: ClipGeometry::new(4, 16, 16, 2, 8).unwrap(),
        encoder: Stack { dim: 64, depth: 1, heads: 1, hidden: 32 },
        decoder: SavedModel::NO_DECODER,
        epsilons: NormEpsilons::default(),
        encoder_norm: true,
    };
    let tensors = kind.layout(&shape).0.into_iter();
    let tensor = |shape: Vec<usize>| HostTensor { values: vec![0.5; shape.iter().product()], shape };
    let model = SavedModel {
        kind,
        shape,
        labels: Vec::new(),
        stretched_from: None,
        pixels: PixelScale::IMAGENET,
        problem_type: schemas::ProblemType::default(),
        weights: tensors.map(|entry| (entry.name, tensor(entry.shape))).collect(),
        about: About::default(),
        assumed: Vec::new(),
        notes: Vec::new(),
    };
    checkpoint::write(&model, Format::Official, path, None).unwrap();
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn names_of_classes_go_from_a_list_through_every_layout() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    classifier(&at("in.pth"));
    fs::write(at("classes.txt"), "walk\nrun\n").unwrap();
    let list = at("classes.txt");
    let way = [("in.pth", "named.pth", "official"), ("named.pth", "hf", "hf"), ("hf", "ours", "tubelet")];
    for (number, (from, to, form)) in way.into_iter().enumerate() {
        let (from, to) = (at(from), at(to));
        let mut arguments = vec!["convert", text(&from), text(&to), "--to", form];
        if number == 0 {
            arguments.extend(["--classes", text(&list)]);
        }
        succeed(&arguments);
    }
    assert_eq!(checkpoint::read_any(&at("ours")).unwrap().labels, ["walk", "run"]);
    let config = read(&at("hf/config.json"));
    assert_eq!(config["id2label"], json!({"0": "walk", "1": "run"}));
    assert_eq!(config["label2id"], json!({"walk": 0, "run": 1}));
    assert_eq!((&config["num_labels"], &config["fc_norm_eps"]), (&json!(2), &json!(1e-6)));
    let processor = read(&at("hf/preprocessor_config.json"));
    assert_eq!(processor["image_mean"], json!([0.485, 0.456, 0.406]));
    assert_eq!(processor["image_std"], json!([0.229, 0.224, 0.225]));
}

#[test]
fn a_list_of_other_length_than_the_head_is_asked_wrongly() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    classifier(&at("in.pth"));
    fs::write(at("classes.txt"), "walk\nrun\nswim\n").unwrap();
    let (input, output, list) = (at("in.pth"), at("out"), at("classes.txt"));
    let arguments = ["convert", text(&input), text(&output), "--to", "hf", "--classes", text(&list)];
    let refused = tubelet().args(arguments).output().unwrap();
    let words = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{words}");
    assert!(words.ends_with("classes.txt names 3 classes, the head has 2\n"), "{words}");
    assert!(!output.exists());
}

#[test]
fn what_another_code_computes_otherwise_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    classifier(&at("in.pth"));
    let (input, hf, back) = (at("in.pth"), at("hf"), at("back.pth"));
    let said = |arguments: &[&str]| String::from_utf8(succeed(arguments).stderr).unwrap();
    let words = said(&["convert", text(&input), text(&hf), "--to", "hf"]);
    assert!(words.contains("fc_norm with epsilon 1e-5, not 1e-6 (`model.fc_norm.eps = 1e-6`)"), "{words}");
    fs::write(hf.join("preprocessor_config.json"), r#"{"image_mean": 0.5, "image_std": 0.5}"#).unwrap();
    let output = succeed(&["convert", text(&hf), text(&back), "--to", "official", "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["out"].as_str(), Some(text(&back)));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains(json["model"].as_str().unwrap()), "{words} {json}");
    assert!(
        words.contains("pixels scaled by ImageNet's mean and deviation, not by [0.5, 0.5, 0.5]"),
        "{words}"
    );
}
