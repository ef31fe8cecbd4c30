//! Labels are shown before they are used, and refused where nobody can say what they mean.

use std::{fs, path::Path};

use crate::{
    films::{self, ENCODER, film},
    refusal, said, shared, text,
};

/// Films under these names below `films`.
fn films(folder: &Path, names: &[&str]) -> std::path::PathBuf {
    let films = folder.join("films");
    for (number, name) in names.iter().enumerate() {
        film(&films.join(name), number);
    }
    films
}

fn finetune<'a>(data: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    films::finetune(data, out, &[&["--init", "scratch", "--steps", "2"][..], more].concat())
}

/// Expects exit code 2, these words, and no folder.
fn refused(data: &Path, more: &[&str], says: &str) {
    let out = data.parent().unwrap().join("refused");
    let (code, words) = refusal(&finetune(data, &out, more));
    assert_eq!(code, 2, "{words}");
    assert!(words.contains(says), "{words}\nlacks {says}");
    assert_eq!(words.matches("error: ").count(), 1, "{words}");
    assert!(!out.exists(), "a folder was made: {words}");
}

/// Seen: of `pouring/day1/a.mp4` the class was day1, in silence. Right: the first folder below the given one, said, and
/// `--class-level` for others (torchvision#3130).
#[test]
fn folders_of_days_became_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    let nested = ["pouring/day1/a.mp4", "pouring/day2/b.mp4", "stirring/day1/c.mp4", "stirring/day2/d.mp4"];
    let films = films(folder.path(), &nested);
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let words = said(&finetune(&films, &first, &[]));
    assert_eq!(fs::read_to_string(first.join("classes.txt")).unwrap(), "pouring\nstirring\n");
    assert!(words.contains("classes: the first folder below"), "{words}");
    assert!(words.contains("day1, day2; --class-level 2 would take these"), "{words}");
    assert!(words.contains("0      pouring   2"), "{words}");
    said(&finetune(&films, &second, &["--class-level", "2"]));
    assert_eq!(fs::read_to_string(second.join("classes.txt")).unwrap(), "day1\nday2\n");
}

/// Seen: a stray film made a class named like the root. Right: refused before there is a run, or left out where that is
/// asked for.
#[test]
fn a_stray_film_made_a_class_of_the_folder_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let stray = films(folder.path(), &["a/1.mp4", "a/2.mp4", "b/3.mp4", "b/4.mp4", "stray.mp4"]);
    refused(&stray, &[], "row 5");
    let out = folder.path().join("run");
    let words = said(&finetune(&stray, &out, &["--only-labelled"]));
    assert!(words.contains("1 of 5 videos have no class and are left out"), "{words}");
    assert_eq!(fs::read_to_string(out.join("classes.txt")).unwrap(), "a\nb\n");
}

/// Seen: the folders of a split, train and test, became the two classes. Right: refused before there is a run.
#[test]
fn the_folders_of_a_split_became_two_classes() {
    let folder = tempfile::tempdir().unwrap();
    let parts = films(folder.path(), &["train/a/1.mp4", "train/b/2.mp4", "test/a/3.mp4", "test/b/4.mp4"]);
    refused(&parts, &[], "test, train are parts of a split");
}

/// Seen: a folder around the folders of classes became the only class. Right: refused, with what lies below it.
#[test]
fn a_folder_around_the_classes_became_the_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let around = films(folder.path(), &["all/a/1.mp4", "all/b/2.mp4", "all/a/3.mp4", "all/b/4.mp4"]);
    refused(&around, &[], "all videos would have the class `all`; its subfolders are a, b");
}

/// Seen: classes 1 and 2 trained an empty class 0 in silence. Right: said before the first step.
#[test]
fn an_empty_class_0_was_trained_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let films = films(folder.path(), &["1.mp4", "2.mp4", "3.mp4", "4.mp4"]);
    let list = films.join("list.txt");
    fs::write(&list, "1.mp4 1\n2.mp4 2\n3.mp4 1\n4.mp4 2\n").unwrap();
    let words = said(&finetune(&list, &folder.path().join("run"), &[]));
    assert!(words.contains("class 0 has no video") && words.contains("0      0     0"), "{words}");
}

/// Seen: classes 0, 2 and 7 trained eight classes in silence, five of them empty. Right: said before the first step.
#[test]
fn gaps_between_numbers_were_trained_as_classes() {
    let folder = tempfile::tempdir().unwrap();
    let films = films(folder.path(), &["1.mp4", "2.mp4", "3.mp4", "4.mp4"]);
    let list = films.join("list.txt");
    fs::write(&list, "1.mp4 0\n2.mp4 2\n3.mp4 0\n4.mp4 7\n").unwrap();
    let words = said(&finetune(&list, &folder.path().join("run"), &[]));
    assert!(words.contains("no video in 5 of 8 classes: `1`, `3`, `4`, `5`, `6`"), "{words}");
    assert!(words.contains("only one video in `2`, `7`"), "{words}");
}

/// A list of four films of two classes in turn.
fn list_of(folder: &Path, classes: [&str; 2]) -> std::path::PathBuf {
    let list = films(folder, &["1.mp4", "2.mp4", "3.mp4", "4.mp4"]).join("list.txt");
    let lines = (1..=4).map(|number| format!("{number}.mp4 {}\n", classes[number % 2]));
    fs::write(&list, lines.collect::<String>()).unwrap();
    list
}

/// Seen: in `path name` the whole line was a path. Right: what stands behind the path names a class, of several words too.
#[test]
fn a_class_behind_a_path_was_a_part_of_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let (list, out) = (list_of(folder.path(), ["playing guitar", "pouring"]), folder.path().join("names"));
    let words = said(&finetune(&list, &out, &[]));
    assert!(words.contains("classes: what stands behind each path of the list"), "{words}");
    assert_eq!(fs::read_to_string(out.join("classes.txt")).unwrap(), "playing guitar\npouring\n");
}

/// Seen: scores 1.5 and 2.5 became a class each. Right: fractions are refused, unless a list of classes has them.
#[test]
fn measurements_became_a_class_each() {
    for (classes, says) in [(["1.5", "2.5"], "`2.5` is a fraction"), (["1.0", "2"], "`1.0` is a fraction")] {
        let folder = tempfile::tempdir().unwrap();
        let list = list_of(folder.path(), classes);
        refused(&list, &[], says);
        let named = folder.path().join("classes.txt");
        fs::write(&named, classes.join("\n")).unwrap();
        said(&finetune(&list, &folder.path().join("run"), &["--classes", text(&named)]));
    }
}

/// Seen: `run|jump` in a list became a class of its own. Right: refused.
#[test]
fn several_classes_in_a_line_became_one_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    refused(&list_of(folder.path(), ["run", "run|jump"]), &[], "`run|jump` looks like several classes");
}

/// Seen: a table without one of a thousand films could not be used. Right: `--only-labelled` leaves it out, and says so.
#[test]
fn a_table_had_to_name_every_film() {
    let folder = tempfile::tempdir().unwrap();
    let films = films(folder.path(), &["1.mp4", "2.mp4", "3.mp4", "4.mp4", "5.mp4"]);
    let table = folder.path().join("labels.csv");
    fs::write(&table, "path,label\n1.mp4,a\n2.mp4,b\n3.mp4,a\n4.mp4,b\n").unwrap();
    let labels = ["--labels", text(&table)];
    refused(&films, &labels, "row 5");
    let out = folder.path().join("run");
    let words = said(&finetune(&films, &out, &[&labels[..], &["--only-labelled"]].concat()));
    assert!(
        words.contains("1 of 5 videos have no class") && words.contains("4 videos to train on"),
        "{words}"
    );
}

/// Seen: of VideoMAE V2's `path 0 -1` the whole line was a path, and a run folder was left behind. Right: read, or
/// refused with its line (VideoMAEv2#37, report 10a).
#[test]
fn an_official_list_was_read_as_paths_with_spaces() {
    let folder = tempfile::tempdir().unwrap();
    let films = films(folder.path(), &["k/1.mp4", "k/2.mp4", "k/3.mp4", "k/4.mp4"]);
    let list = films.join("list.csv");
    let out = folder.path().join("run");
    let pretrain = [
        &["pretrain", "--data", text(&list), "--out", text(&out), "--steps", "1"][..],
        &ENCODER,
        &["--set", "run.max_failed_share=0"],
    ]
    .concat();
    for (lines, says) in [
        ("k/1.mp4 0 -1\nk/2.mp4 30 0\n", "line 2: `30 0` after the path"),
        ("path,label\nk/1.mp4,0\nk/2.mp4\n", "line 3: it has 1 columns, and the head has 2"),
        ("elsewhere/1.mp4 0 -1\n", "none of the 1 videos is there"),
    ] {
        fs::write(&list, lines).unwrap();
        let (code, words) = refusal(&pretrain);
        assert_eq!(code, 2, "{words}");
        assert!(words.contains(says), "{words}");
        assert!(!out.exists(), "a folder was made: {words}");
    }
    fs::write(&list, "\u{feff}k/1.mp4 0 -1\nk/2.mp4 0 150\nk/3.mp4 0 -1 7\nk/4.mp4 pouring\n").unwrap();
    said(&pretrain);
    let videos = crate::stdout(&["inspect", "run", text(&out), "--videos"]);
    assert_eq!(videos, "train\t\tk/1.mp4\ntrain\t\tk/2.mp4\ntrain\t\tk/3.mp4\ntrain\t\tk/4.mp4\n");
}

/// Seen: the reported lists and folders themselves. Right: read without a failure.
#[test]
fn lists_and_folders_that_people_reported_failed() {
    let (Some(list), Some(nested)) =
        (shared("runs/list-v2-pretrain.csv"), shared("runs/nested-class-folders"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let strict = ["--set", "run.max_failed_share=0"];
    let pretrained = out("pretrained");
    let pretrain = ["pretrain", "--data", text(&list), "--out", text(&pretrained), "--steps", "1"];
    said(&[&pretrain[..], &ENCODER, &strict].concat());
    let classifier = out("classifier");
    said(&finetune(&nested, &classifier, &strict));
    assert_eq!(fs::read_to_string(classifier.join("classes.txt")).unwrap(), "pouring\nstirring\n");
    let from_one = list.with_file_name("list-labels-from-1.txt");
    let words = said(&finetune(&from_one, &out("from-one"), &strict));
    assert!(words.contains("class 0 has no video"), "{words}");
}
