//! Killed at any moment and run again, a run ends with the bytes of one that was left alone.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    SMALL,
    killed::{files, kill_when},
    samples, succeed, text,
};

#[test]
fn a_training_killed_and_resumed_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let samples = samples();
    let train = |out: &Path, more: &[&str], kill_after: Option<&str>| {
        let mut arguments = vec!["pretrain", "--data", &samples, "--out", text(out), "--steps", "10"];
        arguments.extend(more.iter().chain(&SMALL));
        match kill_after {
            Some(file) => kill_when(&arguments, || out.join(file).exists()),
            None => {
                succeed(&arguments);
            }
        }
    };
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    train(&whole, &[], None);
    // Before its first checkpoint, then between two.
    train(&cut, &[], Some("recipe.toml"));
    train(&cut, &["--resume"], Some("checkpoint-3.safetensors"));
    train(&cut, &["--resume"], Some("checkpoint-6.safetensors"));
    train(&cut, &["--resume"], None);
    assert!(files(&whole, "checkpoint-10.safetensors").len() == 1);
    assert!(
        files(&whole, "checkpoint-10.safetensors") == files(&cut, "checkpoint-10.safetensors"),
        "the weights differ"
    );
    let steps = |run: &Path| std::fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count();
    assert_eq!((steps(&whole), steps(&cut)), (10, 10));
}

#[test]
fn a_preprocess_killed_and_run_again_ends_with_the_same_shards() {
    let samples = samples();
    for (kept, shards_expected) in [
        (&["--clips-per-video", "6", "--clips-per-shard", "4"][..], 6),
        (&["--store", "packets", "--videos-per-shard", "1"], 4),
        (&["--store", "transcode", "--short-side", "64", "--videos-per-shard", "1"], 4),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let preprocess = |out: &Path, kill_after: Option<&str>| {
            let arguments = ["preprocess", &samples, "--out", text(out), "--recipe", "tiny"];
            let arguments = [&arguments[..], kept].concat();
            match kill_after {
                Some(ending) => kill_when(&arguments, || out.is_dir() && !files(out, ending).is_empty()),
                None => {
                    succeed(&arguments);
                }
            }
        };
        let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
        preprocess(&whole, None);
        preprocess(&cut, Some(".parquet"));
        preprocess(&cut, None);
        let shards = files(&whole, ".parquet");
        assert_eq!(shards.len(), shards_expected, "{:?}", shards.keys());
        assert!(shards == files(&cut, ".parquet"), "the shards differ: {kept:?}");
    }
}

#[test]
fn ctrl_c_leaves_a_checkpoint_and_exit_code_0() {
    let folder = tempfile::tempdir().unwrap();
    let (out, samples) = (folder.path().join("run"), samples());
    let mut arguments = vec!["pretrain", "--data", &samples, "--out", text(&out), "--steps", "100000"];
    arguments.extend(SMALL);
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_tubelet")).args(&arguments).stderr(Stdio::null()).spawn().unwrap();
    while !out.join("checkpoint-3.safetensors").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let lines = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap().lines().count();
    assert!(out.join(format!("checkpoint-{lines}.safetensors")).exists(), "no checkpoint at step {lines}");
}
