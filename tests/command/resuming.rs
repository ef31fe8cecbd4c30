//! A run's state is all in its folder: what it goes on with, what it refuses, what it writes down.

use std::{fs, path::Path};

use crate::{
    crash::{files, kill_when},
    films::{CLASSIFIER, ENCODER, class_folders, film},
    refusal, stdout, succeed, text,
};

fn pretrain<'a>(data: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["pretrain", "--data", text(data), "--out", text(out)][..], &ENCODER, more].concat()
}

fn finetune<'a>(data: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["finetune", "--data", text(data), "--out", text(out)][..], &CLASSIFIER, more].concat()
}

/// What a command that ends well says.
fn said(arguments: &[&str]) -> String {
    String::from_utf8(succeed(arguments).stderr).unwrap()
}

fn state(run: &Path) -> serde_json::Value {
    serde_json::from_str(&stdout(&["inspect", "run", text(run), "--json"])).unwrap()
}

fn schedule(run: &Path) -> String {
    state(run)["schedule"]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_that_was_cut_goes_on_to_the_steps_that_it_was_asked_for_on_the_same_schedule() {
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

#[test]
fn nothing_to_resume_is_an_error_that_says_what_is_there() {
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
        (place("absent"), "it holds no run; there is no such folder"),
        (empty, "it holds no run; it is empty"),
        (place("file"), "it holds no run; it is no folder"),
        (
            gone.clone(),
            "its checkpoints are gone; there are metrics.jsonl, quarantine.jsonl, recipe.toml, run.json",
        ),
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

#[test]
fn a_start_that_fails_leaves_room_for_the_corrected_command() {
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
    assert!(code == 2 && words.contains("holds a run already"), "{words}");
}

#[test]
fn what_may_change_is_said_and_written_down_with_its_step() {
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

#[test]
fn what_contradicts_a_run_is_refused_with_the_difference_and_changes_nothing() {
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
        (&["--split", "test=0.2"], "begun with test=0.34, and --split says test=0.2"),
        (&["--init", text(&other)], "begun with weights that were drawn, and --init says"),
        (&["--steps", "1"], "the run has made 2 steps, and 1 are asked for"),
        (&["--data", text(&missing)], "11 of the run's 12 videos are not there: a/1.mp4"),
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

#[test]
fn a_folder_of_an_older_version_goes_on_and_what_is_not_known_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let out = folder.path().join("run");
    succeed(&pretrain(&films, &out, &["--steps", "2"]));
    fs::remove_file(out.join("run.json")).unwrap();
    fs::remove_file(out.join("videos.jsonl")).unwrap();
    let words = said(&pretrain(&films, &out, &["--resume", "--steps", "3"]));
    assert!(words.contains("has no run.json") && words.contains("are not known"), "{words}");
    assert!(out.join("checkpoint-3.safetensors").exists());
}

/// A number below `bound`, by a fixed rule.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const STEPS: &str = "7";

/// The bytes of a run's last weights, moments and all, without the head that names the data's folder.
fn tensors(run: &Path) -> Vec<u8> {
    let bytes = fs::read(run.join(format!("checkpoint-{STEPS}.safetensors"))).unwrap();
    let (length, _) = bytes.split_first_chunk::<8>().unwrap();
    let head = usize::try_from(u64::from_le_bytes(*length)).unwrap();
    assert!(bytes.len() > 8 + head + 100_000);
    bytes[8 + head..].to_vec()
}

/// What happens between the kill and the end.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    Nothing,
    SameCommand,
    MovedFolder,
    AddedFilms,
    OtherWorkers,
    RefusedSetting,
    RefusedSplit,
    LostFilm,
    OtherSteps,
}

const DISTURBANCES: [Disturbance; 9] = [
    Disturbance::Nothing,
    Disturbance::MovedFolder,
    Disturbance::AddedFilms,
    Disturbance::RefusedSetting,
    Disturbance::SameCommand,
    Disturbance::RefusedSplit,
    Disturbance::LostFilm,
    Disturbance::OtherSteps,
    Disturbance::OtherWorkers,
];

/// Cuts a run at a drawn point, disturbs it, and lets it go on; it ends with the bytes of `whole`, after a refusal
/// where there is one to be.
fn cut_and_resume(folder: &Path, number: u64, finetuned: bool, whole: &Path) {
    let mut drawn = Drawn(number);
    let films = class_folders(folder, 12);
    let out = folder.join("cut");
    let begin = match finetuned {
        true => finetune(&films, &out, &["--init", "scratch", "--split", "test=0.34", "--steps", STEPS]),
        false => pretrain(&films, &out, &["--steps", STEPS]),
    };
    let lines = drawn.below(7) as usize;
    let made =
        || fs::read_to_string(out.join("metrics.jsonl")).is_ok_and(|text| text.lines().count() >= lines);
    kill_when(&begin, || out.join("recipe.toml").exists() && (lines == 0 || made()));
    let resume = [if finetuned { "finetune" } else { "pretrain" }, "--out", text(&out), "--resume"];
    let go_on = |more: &[&str]| said(&[&resume[..], more].concat());
    let refused = |more: &[&str], says: &str| {
        let (code, words) = refusal(&[&resume[..], more].concat());
        assert!(code == 2 && words.contains(says), "{words}");
    };
    let disturbance = DISTURBANCES[number as usize % DISTURBANCES.len()];
    match disturbance {
        Disturbance::Nothing => drop(go_on(&[])),
        Disturbance::SameCommand => drop(said(&[&begin[..], &["--resume"]].concat())),
        Disturbance::MovedFolder => {
            let moved = folder.join("moved");
            fs::rename(&films, &moved).unwrap();
            refused(&[], "no such file or folder");
            assert!(go_on(&["--data", text(&moved)]).contains(": data "));
        }
        Disturbance::AddedFilms => {
            for added in 0..=drawn.below(3) {
                film(&films.join(format!("a/{added}{added}.mp4")), 100 + added as usize);
            }
            assert!(go_on(&[]).contains("came after the run began and are left out"));
        }
        Disturbance::OtherWorkers => drop(go_on(&["--workers", "3"])),
        Disturbance::RefusedSetting => {
            refused(&["--set", "clip.size=64"], "clip.size is 32 in the run, not 64");
            go_on(&[]);
        }
        Disturbance::RefusedSplit => {
            match finetuned {
                true => refused(&["--split", "test=0.5"], "begun with test=0.34"),
                false => refused(&["--set", "run.seed=9"], "run.seed is 0 in the run, not 9"),
            }
            go_on(&[]);
        }
        Disturbance::LostFilm => {
            let (film, away) = (films.join("b/7.mp4"), folder.join("away.mp4"));
            fs::rename(&film, &away).unwrap();
            refused(&[], "1 of the run's");
            fs::rename(&away, &film).unwrap();
            go_on(&[]);
        }
        Disturbance::OtherSteps => {
            let longer = go_on(&["--steps", "8"]);
            assert!(longer.contains("steps 7 → 8"), "{longer}");
            assert!(out.join("checkpoint-8.safetensors").exists());
            return;
        }
    }
    assert!(tensors(whole) == tensors(&out), "{disturbance:?}, cut after {lines} steps: other bytes");
}

/// `TUBELET_CUTS=30` makes as many.
#[test]
fn wherever_a_run_is_cut_it_ends_with_the_same_bytes_or_refuses_with_the_difference() {
    let cuts: u64 = std::env::var("TUBELET_CUTS").map_or(6, |cuts| cuts.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 12);
    let place = |name: &str| folder.path().join(name);
    let (pretrained, finetuned) = (place("pretrained"), place("finetuned"));
    succeed(&pretrain(&films, &pretrained, &["--steps", STEPS]));
    let split = ["--init", "scratch", "--split", "test=0.34", "--steps", STEPS];
    succeed(&finetune(&films, &finetuned, &split));
    for number in 0..cuts {
        let folder = tempfile::tempdir().unwrap();
        let is_finetuned = number % 2 == 0;
        let whole = if is_finetuned { &finetuned } else { &pretrained };
        println!("cut {number}");
        cut_and_resume(folder.path(), number, is_finetuned, whole);
    }
}
