//! A split is a property of a video: what is held out, and what is not let into both parts.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    films::{self, class_folders, film},
    killed::{files, kill_when},
    refusal, stdout, succeed, text,
};

fn finetune<'a>(data: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    films::finetune(data, out, &[&["--init", "scratch"][..], more].concat())
}

/// The names of a run's videos that are held out.
fn held_out(run: &Path) -> BTreeSet<String> {
    let lines = stdout(&["inspect", "run", text(run), "--videos"]);
    let test = lines.lines().filter(|line| line.starts_with("test\t"));
    test.map(|line| line.rsplit('\t').next().unwrap().to_owned()).collect()
}

/// Seen: a film that was added moved others between the parts, and a resumed run tested films that it had trained on.
/// Right: the draw depends on the film alone, and a run keeps its split (sleap-nn#600, OpenTau#502).
#[test]
fn an_added_film_moved_trained_films_into_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 12);
    let (whole, cut, later) =
        (folder.path().join("whole"), folder.path().join("cut"), folder.path().join("later"));
    let more = ["--split", "test=0.34", "--steps", "4"];
    succeed(&finetune(&films, &whole, &more));
    kill_when(&finetune(&films, &cut, &more), || cut.join("checkpoint-2.safetensors").exists());
    // In front of all others, and in a class of its own.
    film(&films.join("a/00.mp4"), 100);
    film(&films.join("c/0.mp4"), 101);
    let said = succeed(&["finetune", "--out", text(&cut), "--resume"]);
    let words = String::from_utf8(said.stderr).unwrap();
    assert!(words.contains("2 videos came after the run began and are left out"), "{words}");
    assert!(words.contains("a/00.mp4") && words.contains("c/0.mp4"), "{words}");
    assert!(files(&whole, "checkpoint-4.safetensors") == files(&cut, "checkpoint-4.safetensors"));
    assert_eq!(held_out(&whole), held_out(&cut));
    assert!(!held_out(&whole).is_empty());
    // A run that begins with them holds out the same films as before, of those that were there.
    succeed(&finetune(&films, &later, &more));
    let mut kept = held_out(&later);
    kept.retain(|name| name != "a/00.mp4" && name != "c/0.mp4");
    assert_eq!(kept, held_out(&whole));
}

/// Seen: the split was written nowhere, so that nobody could test what was held out. Right: `evaluate --run --split test`
/// tests exactly that, wherever the films lie now.
#[test]
fn what_a_run_held_out_was_written_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 12);
    let out = folder.path().join("run");
    succeed(&finetune(&films, &out, &["--split", "test=0.34", "--steps", "2"]));
    let moved = folder.path().join("moved");
    fs::rename(&films, &moved).unwrap();
    film(&moved.join("a/00.mp4"), 100);
    let test = |part| ["evaluate", "--run", text(&out), "--split", part, "--views", "1x1", "--json"];
    let (code, words) = refusal(&test("test"));
    assert_eq!(code, 2, "{words}");
    let tested = |part| -> serde_json::Value {
        serde_json::from_str(&stdout(&[&test(part)[..], &["--data", text(&moved)]].concat())).unwrap()
    };
    let count = held_out(&out).len() as u64;
    assert_eq!(tested("test")["videos"].as_u64(), Some(count));
    assert_eq!(tested("train")["videos"].as_u64(), Some(12 - count));
}

/// Seen: a film under two names was in both parts. Right: an error that names both, unless the split goes by content.
#[test]
fn copies_of_a_trained_film_were_in_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 12);
    let split = "--split";
    let out = folder.path().join("run");
    // A copy of every film: one of the pairs is divided, unless the split goes by content.
    for number in 0..12 {
        film(&films.join(["a", "b"][number / 2 % 2]).join(format!("copy-{number}.mp4")), number);
    }
    let (code, words) = refusal(&finetune(&films, &out, &[split, "test=0.34", "--steps", "2"]));
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("the same bytes are in") && words.contains(" = "), "{words}");
    assert!(!out.exists());
    succeed(&finetune(&films, &out, &[split, "test=0.34,by=content", "--steps", "2"]));
    let held_out = held_out(&out);
    for name in &held_out {
        let (class, film) = name.split_once('/').unwrap();
        let twin = film.strip_prefix("copy-").map_or(format!("copy-{film}"), str::to_owned);
        assert!(held_out.contains(&format!("{class}/{twin}")), "{held_out:?}");
    }
}
