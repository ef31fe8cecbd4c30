//! What is said about wrong usage and about files that cannot be used; the texts are in `snapshots/`.

use std::fs;

use crate::{films::class_folders, refusal, samples, text};

#[test]
fn messages_are_those_that_were_read() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| text(&folder.path().join(name)).to_owned();
    fs::create_dir(inside("empty")).unwrap();
    fs::write(inside("words.mp4"), "this is no film\n".repeat(50)).unwrap();
    fs::write(inside("words.safetensors"), "these are no weights\n").unwrap();
    fs::write(inside("recipe.toml"), "[clip]\nsiez = 64\n").unwrap();
    fs::write(inside("list.txt"), "absent.mp4 0\n").unwrap();
    let films = text(&class_folders(folder.path(), 4)).to_owned();
    let (empty, absent, run) = (inside("empty"), inside("absent"), inside("run"));
    let samples = samples();

    let (film, weights) = (inside("words.mp4"), inside("words.safetensors"));
    let flower = format!("{samples}/flower.mp4");
    let (recipe, list) = (inside("recipe.toml"), inside("list.txt"));
    let pretrain =
        |more: [&'static str; 2]| ["pretrain", "--data", &samples, "--out", &run, more[0], more[1]].to_vec();

    let cases: [(&str, Vec<&str>); 22] = [
        ("no command", vec![]),
        ("unknown command", vec!["pretrian"]),
        ("unknown option", vec!["scan", &samples, "--worker", "2"]),
        ("missing option", vec!["pretrain", "--data", &samples]),
        ("no such videos", vec!["scan", &absent]),
        ("no video in a folder", vec!["scan", &empty]),
        ("a list of a film that is not there", vec!["inspect", "batches", &list]),
        ("no such recipe", pretrain(["--recipe", "big"])),
        (
            "a recipe with an unknown key",
            ["pretrain", "--data", &samples, "--out", &run, "--recipe", &recipe].into(),
        ),
        ("unknown recipe key", pretrain(["--set", "model.pach=16"])),
        ("value out of range", pretrain(["--set", "mask.ratio=2"])),
        ("value of another type", pretrain(["--set", "clip.size=big"])),
        ("patch that does not divide", pretrain(["--set", "model.patch=15"])),
        (
            "batch larger than an epoch",
            [&pretrain(["--set", "optimiser.batch=8"])[..], &["--recipe", "tiny"]].concat(),
        ),
        ("nothing to begin with", vec!["finetune", "--data", &films, "--out", &run]),
        ("no such model", vec!["evaluate", "--model", &absent, "--data", &films, "--out", &run]),
        ("weights that are none", vec!["evaluate", "--model", &weights, "--data", &films, "--out", &run]),
        ("nothing to resume", vec!["pretrain", "--out", &absent, "--resume"]),
        ("no such probe", vec!["probe", "nearest", "--model", "random", "--data", &films]),
        ("ranks that are none", vec!["frames", &flower, "--indices", "first"]),
        ("a film that is none", vec!["frames", &film]),
        ("no such format", vec!["convert", "--to", "onnx", &absent, &run]),
    ];
    let mut printed = String::new();
    for (case, arguments) in &cases {
        let (code, words) = refusal(arguments);
        printed += &format!("# {case}: exit {code}\n{words}\n");
    }
    let printed = printed.replace(text(folder.path()), "FOLDER").replace(&samples, "SAMPLES");
    insta::assert_snapshot!(printed);
}
