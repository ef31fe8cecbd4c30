//! Runs that were cut, resumed, or began badly.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    SMALL,
    films::{class_folders, finetune, pretrain},
    killed::{files, kill_when},
    refusal, said, samples, stdout, succeed, text,
};

fn state(run: &Path) -> serde_json::Value {
    serde_json::from_str(&stdout(&["inspect", "run", text(run), "--json"])).unwrap()
}

fn schedule(run: &Path) -> String {
    state(run)["schedule"]["digest"].as_str().unwrap().to_owned()
}

/// Seen: a run of 60 steps, stopped and resumed as the command suggests, went on to 300 on another schedule. Right: it
/// ends at 60 with the bytes of one that was left alone (mmdet#6572).
#[test]
fn a_resumed_run_went_on_to_the_recipe_s_length_on_another_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 6);
    let place = |name: &str| folder.path().join(name);
    for (command, extra) in [("pretrain", &[][..]), ("finetune", &["--init", "scratch"])] {
        let (whole, cut) = (place(&format!("{command}-whole")), place(&format!("{command}-cut")));
        let begin = |out: &Path| -> Vec<String> {
            let more = [&["--steps", "6"][..], extra].concat();
            let words = if command == "pretrain" {
                pretrain(&films, out, &more)
            } else {
                finetune(&films, out, &more)
            };
            words.into_iter().map(str::to_owned).collect()
        };
        let (of_whole, of_cut) = (begin(&whole), begin(&cut));
        succeed(&of_whole.iter().map(String::as_str).collect::<Vec<_>>());
        let of_cut: Vec<&str> = of_cut.iter().map(String::as_str).collect();
        kill_when(&of_cut, || cut.join("checkpoint-2.safetensors").exists());
        let words = said(&[command, "--out", text(&cut), "--resume"]);
        assert!(words.contains(" of 6: the rate rises to"), "{words}");
        let weights = |run: &Path| files(run, "checkpoint-6.safetensors");
        assert_eq!(weights(&whole).len(), 1, "{command}");
        assert!(weights(&whole) == weights(&cut), "{command}: the weights differ");
        assert_eq!(schedule(&whole), schedule(&cut));
        assert_eq!(state(&cut)["changes"], serde_json::json!([]));
    }
}

/// Seen: `--resume` in a folder without checkpoints began from random weights in silence. Right: an error that says what
/// is there.
#[test]
fn resuming_nothing_began_from_random_weights() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let place = |name: &str| folder.path().join(name);
    let (empty, gone) = (place("empty"), place("gone"));
    fs::create_dir(&empty).unwrap();
    fs::write(place("file"), "").unwrap();
    succeed(&pretrain(&films, &gone, &["--steps", "1"]));
    fs::remove_file(gone.join("checkpoint-0.safetensors")).unwrap();
    fs::remove_file(gone.join("checkpoint-1.safetensors")).unwrap();
    for (out, says) in [
        (place("absent"), "it contains no run; there is no such folder"),
        (empty, "it contains no run; it is empty"),
        (place("file"), "it contains no run; it is no folder"),
        (gone.clone(), ".tubelet, metrics.jsonl, quarantine.jsonl, recipe.toml, run.json"),
        (gone.clone(), "its checkpoints are gone; there are events.out.tfevents."),
        (gone, "its metrics go up to step 1"),
    ] {
        for arguments in [pretrain(&films, &out, &["--resume"]), finetune(&films, &out, &["--resume"])] {
            let there = out.exists();
            let (code, words) = refusal(&arguments);
            assert_eq!(code, 2, "{words}");
            assert!(words.contains("there is nothing to resume in") && words.contains(says), "{words}");
            assert_eq!(out.exists(), there, "{words}");
        }
    }
}

/// Seen: a start with wrong weights left a folder, whose hint led to random weights. Right: no folder, or one that the
/// corrected command takes over.
#[test]
fn a_start_that_failed_left_a_folder_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let place = |name: &str| folder.path().join(name);
    let (first, out) = (place("first"), place("out"));
    succeed(&pretrain(&films, &first, &["--steps", "1"]));
    fs::write(place("wrong.pth"), "no weights").unwrap();
    fs::write(place("broken.mp4"), "this is no film\n").unwrap();
    let (wrong, broken) = (place("wrong.pth"), place("broken.mp4"));
    let fails = |arguments: &[&str], code: i32| {
        let (found, words) = refusal(arguments);
        assert_eq!(found, code, "{words}");
        assert!(!out.join("recipe.toml").exists() && !out.join("run.json").exists(), "{words}");
    };
    for init in [place("absent"), wrong.clone()] {
        for arguments in [
            pretrain(&films, &out, &["--init", text(&init)]),
            finetune(&films, &out, &["--init", text(&init)]),
        ] {
            let (_, words) = refusal(&arguments);
            assert!(!out.exists(), "a folder was made: {words}");
        }
    }
    // Found out only when the first clip is made.
    fails(&pretrain(&broken, &out, &["--set", "optimiser.batch=1", "--steps", "1"]), 1);
    assert!(fs::read_to_string(out.join("quarantine.jsonl")).unwrap().contains("broken.mp4"));
    succeed(&pretrain(&films, &out, &["--init", text(&first), "--steps", "1"]));
    assert_eq!(fs::read_to_string(out.join("quarantine.jsonl")).unwrap(), "");
    let init = state(&out)["init"].clone();
    assert_eq!(init["path"].as_str(), Some(text(&first)));
    assert_eq!(init["digest"].as_str().unwrap().len(), 64);
    let (code, words) = refusal(&pretrain(&films, &out, &["--steps", "1"]));
    assert!(code == 2 && words.contains("already contains a run"), "{words}");
}

/// Seen: after `--resume --set mask.ratio=0.5` the recipe still said 0.9. Right: said, and written down with its step.
#[test]
fn a_changed_setting_was_written_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 6);
    let out = folder.path().join("run");
    succeed(&pretrain(&films, &out, &["--steps", "2", "--workers", "1"]));
    let more = ["--steps", "5", "--workers", "2", "--set", "mask.ratio=0.5", "--set", "optimiser.batch=3"];
    let words = said(&[&["pretrain", "--out", text(&out), "--resume"][..], &more].concat());
    for says in [
        "changed at step 2: steps 2 → 5",
        "changed at step 2: steps an epoch 1 → 2",
        "changed at step 2: workers 1 → 2",
        "changed at step 2: mask.ratio 0.9 → 0.5",
        "changed at step 2: optimiser.batch 4 → 3",
    ] {
        assert!(words.contains(says), "{words}\nlacks {says}");
    }
    assert!(out.join("checkpoint-5.safetensors").exists());
    let state = state(&out);
    assert_eq!((&state["step"], &state["steps"]["until"]), (&5.into(), &5.into()));
    // Two epochs of one update of 4 lie behind, then come two of 3 clips an epoch.
    assert_eq!(state["place"], serde_json::json!({ "step": 2, "update": 4 }));
    let newest = stdout(&["inspect", "checkpoint", text(&out.join("checkpoint-5.safetensors"))]);
    assert!(newest.contains("step 5, 17 clips"), "{newest}");
    let recipe = fs::read_to_string(out.join("recipe.toml")).unwrap();
    assert!(recipe.contains("ratio = 0.5") && recipe.contains("batch = 3"), "{recipe}");
    let table = stdout(&["inspect", "run", text(&out)]);
    assert!(table.contains("mask.ratio") && table.contains("step 5 of 5, 2 an epoch"), "{table}");
    // Without another word it goes on with what it has.
    let words = said(&["pretrain", "--out", text(&out), "--resume", "--steps", "6", "--workers", "2"]);
    assert!(!words.contains("mask.ratio"), "{words}");
    assert_eq!(
        self::state(&out)["changes"].as_array().unwrap().len(),
        state["changes"].as_array().unwrap().len() + 2
    );
}

/// Seen: `finetune --resume` ignored `--init` and settings of the model. Right: refused with the difference, and nothing
/// is changed.
#[test]
fn settings_that_contradict_a_run_were_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 12);
    let place = |name: &str| folder.path().join(name);
    let (out, other) = (place("run"), place("other"));
    let begin = ["--init", "scratch", "--split", "test=0.34", "--steps", "2"];
    succeed(&finetune(&films, &out, &begin));
    succeed(&finetune(&films, &other, &begin));
    let missing = place("missing");
    fs::create_dir_all(missing.join("a")).unwrap();
    fs::copy(films.join("a/0.mp4"), missing.join("a/0.mp4")).unwrap();
    let before = files(&out, "");
    for (more, says) in [
        (&["--set", "model.encoder_depth=2"][..], "model.encoder_depth is 1 in the run, not 2"),
        (&["--set", "clip.frames=8"], "clip.frames is 4 in the run, not 8"),
        (&["--set", "run.seed=1"], "run.seed is 0 in the run, not 1"),
        (&["--split", "test=0.2"], "began with test=0.34, but --split says test=0.2"),
        (&["--init", text(&other)], "began with weights that were drawn, but --init says"),
        (&["--steps", "1"], "the run already has 2 steps, and --steps says 1"),
        (&["--data", text(&missing)], "11 of the run's 12 videos are missing: a/1.mp4"),
        (&["--class-level", "0"], "`films` is not in the list"),
    ] {
        let (code, words) = refusal(&[&["finetune", "--out", text(&out), "--resume"][..], more].concat());
        assert_eq!(code, 2, "{words}");
        assert!(words.contains(says), "{words}\nlacks {says}");
        assert!(files(&out, "") == before, "{more:?} changed the run");
    }
    let (code, words) = refusal(&["pretrain", "--out", text(&out), "--resume"]);
    assert!(code == 2 && words.contains("was begun by finetune"), "{words}");
    // The whole command again, with --resume, contradicts nothing.
    let again = said(&finetune(&films, &out, &[&begin[..], &["--resume"]].concat()));
    assert!(!again.contains("changed at step"), "{again}");
}

/// Seen: `timeout` sends its signal to the process and to its group, and the second one ended the run without a
/// checkpoint. Right: together they are one wish to stop.
#[test]
fn two_signals_at_once_left_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (samples, out) = (samples(), folder.path().join("run"));
    let mut arguments = vec!["pretrain", "--data", &samples, "--out", text(&out), "--steps", "100000"];
    arguments.extend(&SMALL);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tubelet"))
        .args(&arguments)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let limit = Instant::now() + Duration::from_secs(120);
    let has_begun = || fs::read_to_string(out.join("metrics.jsonl")).is_ok_and(|lines| !lines.is_empty());
    while !has_begun() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
    // As `timeout` does: to the process, and to its group.
    for _ in 0..2 {
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!files(&out, ".safetensors").is_empty());
}
