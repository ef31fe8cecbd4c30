//! A run's state is all in its folder: what it goes on with, what it refuses, what it writes down.

use std::{fs, path::Path};

use crate::{
    films::{class_folders, film, finetune, pretrain},
    killed::kill_when,
    refusal, said, succeed, text,
};

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

#[test]
fn a_run_goes_back_behind_a_change_of_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 12);
    let place = |name: &str| folder.path().join(name);
    let (kept, changed) = (place("kept"), place("changed"));
    for out in [&kept, &changed] {
        succeed(&pretrain(&films, out, &["--steps", "4"]));
    }
    // Its checkpoint of step 2 outlives the change at step 4, as it would if the one of step 5 rotted.
    let second = "checkpoint-2.safetensors";
    fs::copy(changed.join(second), place("second")).unwrap();
    let batch = ["--set", "optimiser.batch=2", "--steps", "7"];
    succeed(&[&["pretrain", "--out", text(&changed), "--resume"][..], &batch].concat());
    for entry in fs::read_dir(&changed).unwrap().map(|entry| entry.unwrap().path()) {
        let is_later = entry.extension().is_some_and(|ending| ending == "safetensors");
        is_later.then(|| fs::remove_file(entry).unwrap());
    }
    fs::copy(place("second"), changed.join(second)).unwrap();
    let (code, words) = refusal(&["pretrain", "--out", text(&changed), "--resume"]);
    assert!(code == 2 && words.contains("hint: --resume-from 2 goes on from that checkpoint"), "{words}");
    let words = said(&["pretrain", "--out", text(&changed), "--resume-from", "2"]);
    assert!(words.contains("what was changed later holds from step 2 on"), "{words}");
    // The same change, made at step 2.
    succeed(&[&["pretrain", "--out", text(&kept), "--resume-from", "2"][..], &batch].concat());
    assert!(tensors(&kept) == tensors(&changed), "other weights than with the change at step 2");
    let changes = |run: &Path| {
        let state: serde_json::Value =
            serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
        (state["place"].clone(), state["changes"].clone())
    };
    assert_eq!(changes(&kept), changes(&changed));
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
                true => refused(&["--split", "test=0.5"], "began with test=0.34"),
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
