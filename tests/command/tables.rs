//! Tables that are printed, as they were looked at; the texts are in `snapshots/`.

use std::path::Path;

use crate::{
    SMALL,
    films::{CLASSIFIER, class_folders},
    samples, succeed, text,
};

/// Compares what a command prints to both of its outputs, without what differs between machines.
fn compare(name: &str, folder: &Path, arguments: &[&str]) {
    let output = succeed(arguments);
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    let printed = printed
        .replace(text(folder), "FOLDER")
        .replace(&samples(), "SAMPLES")
        .replace(env!("CARGO_MANIFEST_DIR"), "REPOSITORY");
    let lines: Vec<String> = printed.lines().map(without_machine).collect();
    insta::assert_snapshot!(name, lines.join("\n"));
}

/// A line without digests of paths and without free memory.
fn without_machine(line: &str) -> String {
    match (line.find("digest "), line.strip_suffix(" are free here").and_then(|rest| rest.rfind("; "))) {
        (Some(at), _) => format!("{}DIGEST", &line[..at]),
        (_, Some(at)) => format!("{}; MEMORY are free here", &line[..at]),
        (None, None) => line.to_owned(),
    }
}

#[test]
fn tables_about_videos_are_those_that_were_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let (samples, manifest) = (samples(), folder.path().join("manifest.parquet"));
    compare("scan", folder.path(), &["scan", &samples, "--out", text(&manifest)]);
    let films = Path::new(&samples).join("flower.mp4");
    compare("frames", folder.path(), &["frames", text(&films), "--indices", "0,3-5"]);
    let arguments = [&["inspect", "batches", &samples, "--count", "3"][..], &SMALL].concat();
    compare("inspect-batches", folder.path(), &arguments);
    let arguments = [&["inspect", "batches", &samples, "--count", "2", "--json"][..], &SMALL].concat();
    compare("inspect-batches-json", folder.path(), &arguments);
    compare("inspect-recipe", folder.path(), &["inspect", "recipe", "tiny"]);
    compare("inspect-recipe-finetune", folder.path(), &["inspect", "recipe", "finetune-small"]);
}

#[test]
fn tables_about_a_classifier_are_those_that_were_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 8);
    let run = folder.path().join("classifier");
    let (films, run) = (text(&films), text(&run));
    let settings = ["--init", "scratch", "--split", "test=0.25", "--steps", "4"];
    succeed(&[&["finetune", "--data", films, "--out", run][..], &CLASSIFIER, &settings].concat());
    compare("inspect-run", folder.path(), &["inspect", "run", run]);
    let predictions = folder.path().join("predictions.parquet");
    compare(
        "evaluate",
        folder.path(),
        &["evaluate", "--model", run, "--data", films, "--out", text(&predictions)],
    );
}
