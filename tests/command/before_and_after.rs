//! What a model predicts before and after the frames that it is given.

use std::{fs, path::Path};

use serde_json::Value;

use crate::fixtures::{models, refusal, samples, shared, stdout, succeed, text};

fn flower() -> String {
    format!("{}/flower.mp4", samples())
}

/// The JSON of a reconstruction by a small model in the official layout.
fn reconstruct(folder: &Path, out: &str, more: &[&str]) -> Value {
    let model = models::pretrained(folder);
    let out = folder.join(out);
    let mut line =
        vec!["reconstruct", "--model", text(&model), "--heads", "3,3", "--size", "32", "--out", text(&out)];
    line.extend(more);
    line.push("--json");
    let json = stdout(&line);
    assert!(out.metadata().is_ok_and(|file| file.len() > 500), "{json}");
    serde_json::from_str(&json).unwrap()
}

fn distances(json: &Value) -> Vec<Option<u64>> {
    json["errors"].as_array().unwrap().iter().map(|row| row["distance"].as_u64()).collect()
}

#[test]
fn errors_are_told_by_distance_from_the_given_frames() {
    let folder = tempfile::tempdir().unwrap();
    let flower = flower();
    let first = reconstruct(folder.path(), "first.png", &[&flower, "--given", "first"]);
    assert_eq!(distances(&first), (1..=14).map(Some).collect::<Vec<_>>());
    let middle = reconstruct(folder.path(), "middle.gif", &[&flower, "--given", "middle"]);
    assert_eq!(distances(&middle), (1..=8).map(Some).collect::<Vec<_>>());
    let named = reconstruct(folder.path(), "named.webm", &[&flower, "--given", "0,15"]);
    assert_eq!(distances(&named), (1..=6).map(Some).collect::<Vec<_>>());
    // What was copied is nearer to the truth the nearer it lies in time.
    let copies: Vec<f64> = first["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["levels"]["copy"].as_f64().unwrap())
        .collect();
    assert!(copies[0] < copies[13], "{copies:?}");
    for row in first["errors"].as_array().unwrap() {
        assert!(row["loss"]["model"].as_f64().unwrap() > 0.0 && row["pixels"] == 32 * 32, "{row}");
    }
    assert_eq!(first["rows"].as_array().unwrap().len(), 5, "{first}");
}

#[test]
fn any_mask_is_drawn_by_its_seed() {
    let folder = tempfile::tempdir().unwrap();
    let flower = flower();
    let bytes = |seed: &str| {
        let masked = [flower.as_str(), "--mask", "random", "--ratio", "0.5", "--seed", seed];
        reconstruct(folder.path(), "masked.png", &masked);
        fs::read(folder.path().join("masked.png")).unwrap()
    };
    assert_eq!(bytes("1"), bytes("1"));
    assert_ne!(bytes("1"), bytes("2"));
    // Under a tube mask nothing is given at a hidden place at any time.
    let tube = reconstruct(folder.path(), "tube.png", &[&flower, "--mask", "tube", "--ratio", "0.5"]);
    assert_eq!(distances(&tube), [None]);
}

#[test]
fn a_picture_is_a_first_frame_of_which_nobody_knows_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let photo = folder.path().join("photo.jpg");
    image::RgbImage::from_fn(90, 60, |x, y| image::Rgb([x as u8 * 2, y as u8 * 3, 90])).save(&photo).unwrap();
    let given = reconstruct(folder.path(), "after.mp4", &["--given", text(&photo)]);
    assert!(given["errors"].is_null() && given["rows"].as_array().unwrap().len() == 2, "{given}");
    reconstruct(folder.path(), "both.png", &[text(&photo), "--given", "middle"]);
    let model = models::pretrained(folder.path());
    let refused = |more: &[&str]| {
        let mut line =
            vec!["reconstruct", "--model", text(&model), "--heads", "3,3", "--size", "32", "--out", "x.png"];
        line.extend(more);
        refusal(&line)
    };
    let flower = flower();
    for (more, words) in [
        (&[flower.as_str(), "--given", text(&photo)][..], "in place of a video"),
        (&[], "no video is named"),
        (&[&flower, "--given", "16"], "frames 0 to 15"),
        (&[&flower, "--given", "first", "--seed", "3"], "cannot be used with"),
        (&[&flower, "--mask", "tubes"], "tube-and-frame"),
        (&[&flower, "--mask", "tube", "--ratio", "1"], "at least one must stay visible"),
        (&["--given", "nowhere.jpg"], "no such file"),
    ] {
        let (code, said) = refused(more);
        assert!(code == 2 && said.contains(words), "{more:?}: {code} {said}");
    }
}

#[test]
fn converted_and_published_layouts_are_asked_alike() {
    let folder = tempfile::tempdir().unwrap();
    let model = models::pretrained(folder.path());
    let hugging_face = folder.path().join("hugging_face");
    let hints = ["--heads", "3,3", "--size", "32"];
    let mut convert = vec!["convert", text(&model), text(&hugging_face), "--to", "hf"];
    convert.extend(hints);
    succeed(&convert);
    let flower = flower();
    let ask = |model: &Path, out: &Path| {
        let mut line =
            vec!["reconstruct", "--model", text(model), &flower, "--given", "last", "--out", text(out)];
        line.extend(hints);
        succeed(&line)
    };
    let (one, other) = (folder.path().join("one.png"), folder.path().join("other.png"));
    let table = ask(&model, &one).stdout;
    assert!(String::from_utf8_lossy(&table).starts_with("frames away"));
    assert_eq!(ask(&hugging_face, &other).stdout, table);
    assert_eq!(fs::read(&one).unwrap(), fs::read(&other).unwrap());
    let Some(golden) = shared("golden/checkpoints") else { return };
    let published = |name: &str| {
        let model = golden.join(name);
        stdout(&[
            "reconstruct",
            "--model",
            text(&model),
            "--heads",
            "2,2",
            "--size",
            "8",
            &flower,
            "--given",
            "last",
            "--out",
            text(&one),
        ])
    };
    let official = published("official_pretrain.pth");
    assert_eq!(
        official.lines().filter(|line| line.starts_with(|letter: char| letter.is_ascii_digit())).count(),
        14
    );
    for name in ["hf_4.57.6_pretrain", "hf_5.23.0_pretrain"] {
        assert_eq!(published(name), official, "{name}");
    }
}
