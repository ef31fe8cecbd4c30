//! What a person looks at while a run goes on and afterwards.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tubelet::trainer::checkpoint::native::Checkpoint;

use crate::{
    SMALL, films,
    killed::{files, kill_when},
    refusal, said, samples, stdout, succeed, text,
};

/// What `tests/python/tensorboard_events.py` says of a run, or none where Python has no TensorBoard, said aloud.
fn tensorboard_reads(run: &Path) -> Option<String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let has_it = Command::new(&python).args(["-c", "import tensorboard"]).output();
    if !has_it.is_ok_and(|output| output.status.success()) {
        println!("skipped: {python} has no tensorboard");
        return None;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/tensorboard_events.py");
    let output = Command::new(python).args([script, text(run)]).output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    Some(said)
}

fn event_files(run: &Path) -> usize {
    let names = fs::read_dir(run).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("events.out.tfevents.")).count()
}

#[test]
fn tensorboard_sees_each_step_of_a_run_once_that_was_killed_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (out, samples) = (folder.path().join("run"), samples());
    let train = |more: &[&str], until: Option<&str>| {
        let mut arguments = vec!["pretrain", "--data", &samples, "--out", text(&out), "--steps", "10"];
        arguments.extend(more.iter().chain(&SMALL));
        match until {
            Some(file) => kill_when(&arguments, || out.join(file).exists()),
            None => drop(succeed(&arguments)),
        }
    };
    train(&[], Some("checkpoint-3.safetensors"));
    tensorboard_reads(&out);
    train(&["--resume"], Some("checkpoint-6.safetensors"));
    train(&["--resume"], None);
    assert_eq!(event_files(&out), 1);
    tensorboard_reads(&out).inspect(|said| print!("{said}"));
    // Going back makes the later steps again, and a run that does without leaves no events of its own.
    train(&["--resume-from", "9"], None);
    tensorboard_reads(&out);
    let quiet = folder.path().join("quiet");
    let mut without = vec!["pretrain", "--data", &samples, "--out", text(&quiet), "--steps", "1"];
    without.extend(SMALL.iter().chain(&["--set", "run.tensorboard=false"]));
    succeed(&without);
    assert_eq!(event_files(&quiet), 0);
}

#[test]
fn tensorboard_sees_the_validations_of_a_fine_tuning() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (films::class_folders(folder.path(), 6), folder.path().join("run"));
    succeed(&films::finetune(
        &data,
        &out,
        &["--init", "scratch", "--split", "test=0.34", "--steps", "4", "--set", "views.every=1"],
    ));
    if let Some(said) = tensorboard_reads(&out) {
        print!("{said}");
    }
    assert_eq!(event_files(&out), 1);
}

/// The lines of a run's metrics.
fn lines(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The steps of a run's checkpoints.
fn checkpoints(run: &Path) -> Vec<u64> {
    let step = |name: &String| name.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse().ok();
    let mut steps: Vec<u64> = files(run, ".safetensors").keys().filter_map(step).collect();
    steps.sort_unstable();
    steps
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

fn weights(path: &Path) -> impl PartialEq + use<> {
    let checkpoint = Checkpoint::read(path).unwrap();
    (checkpoint.weights, checkpoint.moments, checkpoint.average)
}

#[test]
fn a_training_that_is_probed_is_the_one_that_is_not_and_the_probe_is_that_of_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let films = films::class_folders(folder.path(), 12);
    let (plain, probed) = (folder.path().join("plain"), folder.path().join("probed"));
    succeed(&films::pretrain(&films, &plain, &["--steps", "6"]));
    let data = format!("run.probe_data={}", text(&films));
    let probe = ["--set", &data, "--set", "run.probe_split=test=0.4", "--set", "run.probe_every=4"];
    let draw = ["--set", "run.reconstruct_every=3", "--set", "run.log_every=3"];
    let said = said(&films::pretrain(&films, &probed, &[&["--steps", "6"][..], &probe, &draw].concat()));
    assert!(said.contains("every 4 steps the encoder is probed: 2 classes, "), "{said}");
    assert!(said.contains("after step 4: k-NN ") && said.contains("after step 6: k-NN "), "{said}");
    let last = "checkpoint-6.safetensors";
    assert!(weights(&plain.join(last)) == weights(&probed.join(last)), "the weights differ");
    // Every third line, and that of a probe between them.
    let (all, found) = (lines(&plain), lines(&probed));
    let steps = |lines: &[Value]| lines.iter().map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!((steps(&all), steps(&found)), (vec![1, 2, 3, 4, 5, 6], vec![3, 4, 6]));
    assert!(
        found.iter().all(|line| line["loss"] == all[line["step"].as_u64().unwrap() as usize - 1]["loss"])
    );
    assert!(found[0].get("probe").is_none());
    let cache = folder.path().join("cache");
    for line in &found[1..] {
        let model = probed.join(format!("checkpoint-{}.safetensors", line["step"]));
        for kind in ["knn", "linear"] {
            let asked =
                ["probe", kind, "--model", text(&model), "--data", text(&films), "--split", "test=0.4"];
            let asked = [&asked[..], &["--cache", text(&cache), "--json"]].concat();
            let by_itself: Value = serde_json::from_str(&stdout(&asked)).unwrap();
            assert_eq!(
                by_itself["rows"][0]["top1"]["share"], line["probe"][kind],
                "{kind} {by_itself} {line}"
            );
        }
    }
    assert_eq!(files(&probed.join("reconstructions"), ".png").keys().collect::<Vec<_>>(), ["3.png", "6.png"]);
    tensorboard_reads(&probed).inspect(|said| print!("{said}"));
}

#[test]
fn checkpoints_are_kept_as_asked_through_kills_and_the_best_is_taken_by_whoever_wants_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let films = films::class_folders(folder.path(), 8);
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let data = format!("run.probe_data={}", text(&films));
    let settings =
        ["run.keep_last=1", "run.keep_every=3", "run.probe_every=2", "run.probe_split=test=0.4", &data];
    let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let train = |out: &Path, more: &[&str]| -> Vec<String> {
        let line = films::pretrain(&films, out, &[&["--steps", "8"][..], &settings, more].concat());
        line.into_iter().map(str::to_owned).collect()
    };
    succeed(&words(&train(&whole, &[])));
    kill_when(&words(&train(&cut, &[])), || cut.join("checkpoint-3.safetensors").exists());
    kill_when(&words(&train(&cut, &["--resume"])), || cut.join("checkpoint-6.safetensors").exists());
    succeed(&words(&train(&cut, &["--resume"])));
    assert_eq!((checkpoints(&whole), checkpoints(&cut)), (vec![3, 6, 8], vec![3, 6, 8]));
    for name in ["checkpoint-3.safetensors", "checkpoint-8.safetensors", "best.safetensors"] {
        assert!(fs::read(whole.join(name)).unwrap() == fs::read(cut.join(name)).unwrap(), "{name} differs");
    }
    let probed = lines(&cut).into_iter().filter(|line| line.get("probe").is_some());
    let score = |line: &Value| line["probe"]["knn"].as_f64().unwrap();
    // Of equal ones the first.
    let best = probed.rev().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap();
    let file = cut.join("best.safetensors");
    assert_eq!(Checkpoint::read(&file).unwrap().about.step, best["step"].as_u64().unwrap());
    let (tuned, converted) = (folder.path().join("tuned"), folder.path().join("hf"));
    succeed(&films::finetune(&films, &tuned, &["--init", text(&file), "--steps", "2"]));
    succeed(&["convert", text(&file), text(&converted), "--to", "hf"]);
    let vectors = folder.path().join("vectors.parquet");
    succeed(&["embed", text(&films), "--model", text(&file), "--out", text(&vectors)]);
    assert!(vectors.exists() && converted.join("config.json").exists());
    // A run goes on from any that it kept.
    let said = said(&words(&train(&cut, &["--resume-from", "3"])));
    assert!(said.contains("continues after step 3 of 8"), "{said}");
    assert!(
        fs::read(whole.join("best.safetensors")).unwrap() == fs::read(&file).unwrap(),
        "the best differs"
    );
}

#[test]
fn a_probe_without_videos_to_probe_is_wrong_usage_and_leaves_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let (films, out) = (films::class_folders(folder.path(), 4), folder.path().join("run"));
    let (code, words) = refusal(&films::pretrain(&films, &out, &["--set", "run.probe_every=2"]));
    assert!(code == 2 && words.contains("run.probe_data names no videos"), "{words}");
    assert!(!out.exists());
}

#[test]
fn a_fine_tuning_refuses_what_looks_at_a_pre_training() {
    let folder = tempfile::tempdir().unwrap();
    let films = films::class_folders(folder.path(), 4);
    let out = folder.path().join("run");
    for key in ["run.probe_every", "run.reconstruct_every"] {
        let setting = format!("{key}=5");
        let more = ["--init", "scratch", "--steps", "1", "--set", &setting];
        let (code, words) = refusal(&films::finetune(&films, &out, &more));
        assert!(code == 2 && words.contains(key) && words.contains("views.every"), "{words}");
        assert!(!out.exists());
    }
}
