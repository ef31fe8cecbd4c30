//! What a training leaves behind, and that it learns.

use std::path::Path;

use crate::{SMALL, samples, shared, stdout, succeed, text};

/// The losses of a run, by step.
fn losses(run: &Path) -> Vec<f64> {
    let lines = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["loss"].as_f64().unwrap())
        .collect()
}

fn train(out: &Path, data: &str, steps: &str, more: &[&str]) -> Vec<f64> {
    let mut arguments = vec!["pretrain", "--data", data, "--out", text(out), "--steps", steps];
    arguments.extend(SMALL);
    arguments.extend(more);
    succeed(&arguments);
    losses(out)
}

#[test]
fn two_runs_are_equal_to_the_bit_and_end_in_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let losses = train(&first, &samples(), "4", &["--workers", "1"]);
    assert_eq!(losses, train(&second, &samples(), "4", &["--workers", "3"]));
    assert!(
        (losses[0] - 1.11).abs() < 0.1,
        "an untrained model's loss is near .998 + 2·96/(96 + 1536): {losses:?}"
    );
    let weights = |run: &Path| std::fs::read(run.join("checkpoint-4.safetensors")).unwrap();
    assert!(weights(&first) == weights(&second), "the weights differ");

    let film = format!("{}/flower.mp4", samples());
    for (name, more) in [("true.png", &[][..]), ("honest.png", &["--honest"]), ("moving.gif", &[])] {
        let picture = folder.path().join(name);
        let draw = ["reconstruct", "--run", text(&first), &film, "--out", text(&picture), "--json"];
        let said: serde_json::Value = serde_json::from_str(&stdout(&[&draw[..], more].concat())).unwrap();
        assert_eq!((said["out"].as_str(), &said["rows"][0]), (Some(text(&picture)), &"original".into()));
        assert!(image::open(&picture).unwrap().width() > 4 * 64);
    }
}

#[test]
fn a_run_can_be_repeated_from_its_recipe_and_from_shards() {
    let folder = tempfile::tempdir().unwrap();
    let (films, shards) = (folder.path().join("films"), folder.path().join("shards"));
    let losses = train(&films, &samples(), "1", &[]);
    let recipe = films.join("recipe.toml");
    succeed(&["preprocess", &samples(), "--out", text(&shards), "--recipe", text(&recipe)]);
    let again = folder.path().join("again");
    succeed(&[
        "pretrain",
        "--data",
        text(&shards),
        "--out",
        text(&again),
        "--recipe",
        text(&recipe),
        "--steps",
        "1",
    ]);
    assert_eq!(losses, self::losses(&again));
}

#[test]
fn every_failing_file_is_in_the_quarantine_once_and_the_run_ends_normally() {
    let (Some(good), Some(broken)) = (shared("clips/kinetics"), shared("clips/broken")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut arguments = vec!["pretrain", "--data", text(&good), text(&broken), "--out", text(&out)];
    arguments.extend(SMALL);
    arguments.extend(["--set", "schedule.epochs=2", "--set", "schedule.warmup_epochs=1"]);
    arguments.extend(["--set", "run.max_failed_share=1.0", "--set", "model.encoder_depth=1"]);
    succeed(&arguments);
    let lines = std::fs::read_to_string(out.join("quarantine.jsonl")).unwrap();
    let mut videos: Vec<String> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["video"].as_str().unwrap().to_owned()
        })
        .collect();
    let all = videos.len();
    videos.sort();
    videos.dedup();
    assert_eq!(videos.len(), all, "a video is in the quarantine twice");
    assert!(videos.iter().all(|video| video.contains("broken")), "{videos:?}");
    for sure in ["empty.mp4", "text_named.mp4", "truncated_60.mp4", "bit_flips_many.mp4", "audio_only.mp4"] {
        assert!(videos.iter().any(|video| video.ends_with(sure)), "{sure} is missing");
    }
}
