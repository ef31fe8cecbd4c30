//! `tubelet probe` on the films that the project carries: two classes, a frozen encoder that nobody trained.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{succeed, text, tubelet};

/// Clips and an encoder that take no time.
const SMALL: [&str; 12] = [
    "--set",
    "clip.size=32",
    "--set",
    "clip.frames=4",
    "--set",
    "model.encoder_dim=24",
    "--set",
    "model.encoder_depth=1",
    "--set",
    "model.encoder_heads=3",
    "--set",
    "model.encoder_mlp=48",
];

/// Four films of two classes to learn from, and the pictures of two of them in files of other bytes and a broken one
/// to be tested on. They are made once: a file with another time of change is another film to the features that are
/// kept.
fn lists(folder: &Path) -> String {
    let film = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    if !folder.join("broken.mp4").exists() {
        crate::films::film(&folder.join("t0.mp4"), 0);
        crate::films::film(&folder.join("t1.mp4"), 1);
        fs::write(folder.join("broken.mp4"), "no film").unwrap();
    }
    let train = ["flower.mp4 0", "bottles.webm 0", "cars.mp4 1", "big_buck_bunny.mp4 1"];
    let train: String = train.iter().map(|line| format!("{}\n", film(line).display())).collect();
    fs::write(folder.join("train.txt"), train).unwrap();
    fs::write(folder.join("test.txt"), "t0.mp4 0\nt1.mp4 1\nbroken.mp4 1\n").unwrap();
    let list = |name: &str| folder.join(name).display().to_string();
    format!("train={},test={}", list("train.txt"), list("test.txt"))
}

fn json(folder: &Path, probe: &str, more: &[&str]) -> Value {
    let (split, cache) = (lists(folder), folder.join("cache"));
    let mut arguments = vec!["probe", probe, "--model", "random", "--split", &split, "--cache", text(&cache)];
    arguments.extend(SMALL.iter().chain(more).copied().chain(["--json"]));
    let output = succeed(&arguments);
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    serde_json::from_str(&lines).unwrap()
}

fn kept(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder.join("cache")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn a_copy_of_a_training_film_is_its_own_neighbour_and_a_broken_film_counts_as_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let found = json(folder.path(), "knn", &["--baseline", "--select", "test"]);
    assert_eq!((&found["train"], &found["test"], &found["select"]), (&4.into(), &3.into(), &"test".into()));
    let rows = found["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["encoder"].as_str().unwrap()).collect();
    assert_eq!(names, ["random weights", "raw pixels"]);
    for row in rows {
        let right = row["top1"]["share"].as_f64().unwrap();
        assert!((right - 2.0 / 3.0).abs() < 1e-9, "{row}");
    }
    let failed = found["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["video"].as_str().unwrap().ends_with("broken.mp4"), "{found}");
}

#[test]
fn features_are_the_same_for_any_number_of_workers_are_kept_and_made_again_when_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let first = json(folder.path(), "linear", &["--workers", "1"]);
    let before = kept(folder.path());
    assert_eq!(before.len(), 2, "a file of each part");
    fs::write(&before[0].0, &before[0].1[..100]).unwrap();
    assert_eq!(json(folder.path(), "linear", &["--workers", "3"]), first);
    assert!(kept(folder.path()) == before, "the damaged file is made again, to the bit");
    // The other probe of the mean token needs no video.
    json(folder.path(), "knn", &[]);
    assert_eq!(kept(folder.path()).len(), 2);
}

#[test]
fn several_attentive_probes_train_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let grid = ["--rates", "1e-3,1e-2", "--decays", "0.1", "--epochs", "1", "--like", "v-jepa2"];
    let found = json(folder.path(), "attentive", &grid);
    let settings = found["rows"][0]["settings"].as_array().unwrap();
    let names: Vec<&str> = settings.iter().map(|setting| setting[0].as_str().unwrap()).collect();
    assert_eq!(names, ["rate 1e-3, decay 0.1", "rate 1e-2, decay 0.1"]);
}

#[test]
fn the_numbers_of_neighbours_that_are_asked_for_are_tried() {
    let folder = tempfile::tempdir().unwrap();
    let settings = |more: &[&str]| {
        let found = json(folder.path(), "knn", more);
        let settings = found["rows"][0]["settings"].as_array().unwrap().clone();
        settings.iter().map(|setting| setting[0].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(settings(&[]), ["k 10", "k 20", "k 100", "k 200"]);
    assert_eq!(settings(&["--k", "1"]), ["k 1"]);
    assert_eq!(settings(&["--k", "3,1,3"]), ["k 3", "k 1"]);
}

#[test]
fn what_is_asked_wrongly_is_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let split = lists(folder.path());
    let samples = crate::samples();
    let train = folder.path().join("train.txt");
    let absent = folder.path().join("absent");
    for (arguments, message) in [
        (vec!["knn", "--model", "random", "--data", text(&train)], "no videos are held out for a test"),
        (vec!["knn", "--model", text(&absent), "--split", &split], "absent: no such file or folder"),
        (
            vec!["knn", "--model", "random", "--split", &split, "--rates", "1"],
            "are options of the attentive probe",
        ),
        (vec!["knn", "--model", "random", "--split", &split, "--data", &samples], "--data cannot be used"),
        (vec!["knn", "--model", "random", "--split", &split, "--device", "abacus"], "abacus"),
        (
            vec!["attentive", "--model", "random", "--split", &split, "--rates=-1"],
            "-1 is not a learning rate",
        ),
        (
            vec!["linear", "--model", "random", "--split", &split, "--k", "5"],
            "--k is an option of the knn probe",
        ),
        (vec!["knn", "--model", "random", "--split", &split, "--k", "0"], "0 is not in 1.."),
    ] {
        let refused = tubelet().arg("probe").args(&arguments).output().unwrap();
        let words = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {words}");
        assert!(words.contains(message), "{arguments:?}: {words}");
        assert_eq!(words.matches("error: ").count(), 1, "{words}");
    }
}
