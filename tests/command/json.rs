//! `--json` of every command that prints results: each line that it prints is an object, and nothing else is printed.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use crate::{films, help::leaves, models, stdout, text};

/// Commands that print something else by their nature: an Arrow stream, and scripts of shells.
const OTHERS: [&str; 2] = ["stream", "completions"];

/// Prints JSON and has no other form.
const ALWAYS: [&str; 4] = ["bench load", "bench products", "bench train", "bench views"];

/// A command line, and keys that its last object has.
type Case<'a> = (Vec<&'a str>, &'static [&'static str]);

#[test]
fn every_command_prints_objects_that_can_be_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let films = films::class_folders(folder.path(), 8);
    let place = |name: &str| folder.path().join(name);
    let classifier = models::classifier(folder.path(), &["a", "b"]);
    let encoder = models::pretrained(folder.path());
    let paths = [
        "manifest.parquet",
        "shards",
        "run",
        "tuned",
        "predictions.parquet",
        "vectors.parquet",
        "hf",
        "a.png",
        "a.html",
    ]
    .map(|name| text(&place(name)).to_owned());
    let [manifest, shards, run, tuned, predictions, vectors, hf, picture, page] =
        paths.each_ref().map(String::as_str);
    let film = films.join("a/0.mp4");
    let (data, film, classifier, encoder) = (text(&films), text(&film), text(&classifier), text(&encoder));
    let hints = ["--heads", "3,3", "--size", "32"];
    let cases: Vec<Case> = vec![
        (vec!["scan", data, "--out", manifest], &["path", "verdict"]),
        (
            [&["preprocess", data, "--out", shards, "--recipe", "tiny"][..], &["--store", "packets"]]
                .concat(),
            &["out", "written"],
        ),
        (films::pretrain(&films, Path::new(run), &["--steps", "2"]), &["outcome", "checkpoint", "loss"]),
        (
            films::finetune(
                &films,
                Path::new(tuned),
                &["--init", "scratch", "--split", "test=0.4", "--steps", "2"],
            ),
            &["outcome", "checkpoint", "test"],
        ),
        (
            vec!["evaluate", "--model", tuned, "--data", data, "--views", "1x1", "--out", predictions],
            &["top1"],
        ),
        (vec!["predict", film, "--model", classifier], &["video"]),
        (vec!["embed", data, "--model", classifier, "--out", vectors], &[]),
        (vec!["embed", film, "--nearest", "1", "--in", vectors], &["video"]),
        (vec!["probe", "knn", "--model", run, "--data", data, "--split", "test=0.4"], &["rows"]),
        ([&["convert", encoder, hf, "--to", "hf"][..], &hints].concat(), &[]),
        (
            [&["reconstruct", film, "--model", encoder, "--out", picture, "--given", "first"][..], &hints]
                .concat(),
            &["out", "rows", "errors"],
        ),
        (vec!["frames", film, "--indices", "0,3"], &["rank", "md5"]),
        (vec!["report", run, "--out", page], &["out", "bytes"]),
        (vec!["doctor"], &[]),
        (
            vec![
                "inspect",
                "batches",
                data,
                "--recipe",
                "tiny",
                "--set",
                "optimiser.batch=2",
                "--count",
                "1",
            ],
            &[],
        ),
        (vec!["inspect", "recipe", "tiny"], &["settings", "meaning"]),
        (vec!["inspect", "checkpoint", classifier], &["model", "encoder", "tensors"]),
        (vec!["inspect", "run", run], &[]),
        (
            vec![
                "bench",
                "load",
                data,
                "--recipe",
                "tiny",
                "--set",
                "clip.size=32",
                "--set",
                "optimiser.batch=2",
                "--seconds",
                "1",
            ],
            &[],
        ),
        (
            vec![
                "bench",
                "train",
                "--recipe",
                "tiny",
                "--set",
                "clip.size=32",
                "--batch",
                "1",
                "--steps",
                "1",
            ],
            &["step_seconds"],
        ),
        (vec!["bench", "views", data, "--model", classifier], &[]),
        (vec!["bench", "products", "--seconds", "0"], &["f32", "bf16"]),
        (
            vec!["bench", "all", data, "--model", "tiny", "--batch", "1", "--seconds", "1"],
            &["products", "steps", "loading"],
        ),
    ];
    let tried: BTreeSet<String> = cases.iter().map(|(line, _)| command_of(line)).collect();
    for (line, keys) in cases {
        check(&line, keys);
    }
    let left_out: Vec<String> = leaves()
        .into_iter()
        .filter(|command| !tried.contains(command) && !OTHERS.contains(&&**command))
        .collect();
    assert!(left_out.is_empty(), "commands without a test of their JSON: {left_out:?}");
}

/// `inspect run` of `inspect run FOLDER`.
fn command_of(line: &[&str]) -> String {
    let words = if ["inspect", "bench"].contains(&line[0]) { 2 } else { 1 };
    line[..words].join(" ")
}

fn check(line: &[&str], keys: &[&str]) {
    let flag = if ALWAYS.contains(&&*command_of(line)) { &[][..] } else { &["--json"] };
    let printed = stdout(&[line, flag].concat());
    let objects: Vec<Value> = printed
        .lines()
        .map(|text| serde_json::from_str(text).unwrap_or_else(|why| panic!("{line:?}: {why}: {text}")))
        .collect();
    let last = objects.last().unwrap_or_else(|| panic!("{line:?} printed nothing"));
    assert!(objects.iter().all(Value::is_object), "{line:?}: {printed}");
    for key in keys {
        assert!(last.get(key).is_some(), "{line:?}: no `{key}` in {last}");
    }
}
