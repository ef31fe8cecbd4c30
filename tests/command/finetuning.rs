//! Labelled videos in, a classifier out: what it begins with, what is left behind, what is refused.

use std::path::{Path, PathBuf};

use crate::{
    SMALL,
    films::{self, CLASSIFIER, film},
    killed::{files, kill_when},
    samples, stdout, succeed, text, tubelet,
};

/// What is drawn, in a deeper model, validated by two clips of each film.
const DRAWN: [&str; 16] = [
    "--set",
    "augment.rand_operations=4",
    "--set",
    "augment.erase=0.25",
    "--set",
    "augment.mix=1",
    "--set",
    "optimiser.layer_decay=0.75",
    "--set",
    "model.encoder_depth=2",
    "--set",
    "run.checkpoint_every=3",
    "--set",
    "views.clips=2",
    "--set",
    "views.every=1",
];

/// Two of the sample films four times each in files of their own bytes, in folders of two classes.
fn class_folders(folder: &Path, classes: [&str; 2]) -> PathBuf {
    let films = folder.join("films");
    for number in 0..8 {
        let (name, class) = (["flower.mp4", "cars.mp4"][number % 2], films.join(classes[number / 2 % 2]));
        film(&class.join(format!("{number}-{name}")), number);
    }
    films
}

fn finetune<'a>(data: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    films::finetune(Path::new(data), Path::new(out), &[&DRAWN[..], more].concat())
}

#[test]
fn a_fine_tuning_killed_and_resumed_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), ["a", "b"]);
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let train = |out: &Path, more: &[&str], kill_after: Option<&str>| {
        let settings = ["--init", "scratch", "--split", "test=0.25", "--steps", "8"];
        // Everything that is drawn: repeats, what is left out, mixing, erasing; and an average.
        let drawn =
            ["--set", "clip.repeats=2", "--set", "classifier.dropout=0.2", "--set", "optimiser.ema=0.9"];
        let arguments = finetune(text(&films), text(out), &[&settings[..], &drawn, more].concat());
        match kill_after {
            Some(file) => kill_when(&arguments, || out.join(file).exists()),
            None => {
                succeed(&arguments);
            }
        }
    };
    train(&whole, &[], None);
    // Before its first weights, then between two checkpoints.
    train(&cut, &[], Some("recipe.toml"));
    train(&cut, &["--resume"], Some("checkpoint-3.safetensors"));
    train(&cut, &["--resume"], None);
    for left in ["checkpoint-8.safetensors", "best.safetensors", "validation.jsonl", "classes.txt"] {
        assert_eq!(files(&whole, left).len(), 1, "{left}");
        assert!(files(&whole, left) == files(&cut, left), "{left} differs");
    }
    let steps = |run: &Path| std::fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count();
    assert_eq!((steps(&whole), steps(&cut)), (8, 8));
}

#[test]
fn one_two_and_five_workers_give_the_same_batches_and_packets_those_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (films, shards) = (class_folders(folder.path(), ["a", "b"]), folder.path().join("shards"));
    let batches = |data: &Path, workers: &str, more: &[&str]| {
        let count = ["--count", "20", "--finetune", "--set", "clip.repeats=2", "--workers", workers];
        stdout(&[&["inspect", "batches", text(data)][..], &CLASSIFIER, &DRAWN, &count, more].concat())
    };
    let one = batches(&films, "1", &[]);
    assert_eq!(one.lines().count(), 20, "{one}");
    assert_eq!(one, batches(&films, "2", &[]));
    assert_eq!(one, batches(&films, "5", &[]));
    assert_ne!(one, batches(&films, "2", &["--set", "run.seed=1"]));
    succeed(&["preprocess", text(&films), "--out", text(&shards), "--store", "packets"]);
    assert_eq!(one, batches(&shards, "3", &[]));
}

#[test]
fn frame_shards_and_transcodes_are_learnt_from_and_shards_refuse_what_they_do_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), ["a", "b"]);
    let mut held_out = Vec::new();
    for store in ["frames", "transcode"] {
        let shards = folder.path().join(store);
        let make = ["preprocess", text(&films), "--out", text(&shards), "--store", store];
        succeed(&[&make[..], &["--recipe", "finetune-small", "--set", "clip.frames=4"]].concat());
        let out = folder.path().join(format!("run-{store}"));
        let more = ["--init", "scratch", "--split", "test=0.25", "--steps", "2"];
        let said = stdout(&finetune(text(&shards), text(&out), &more));
        let views = if store == "frames" { "1×1" } else { "2×1" };
        let (count, rest) = said.strip_prefix("test of ").and_then(|rest| rest.split_once(' ')).unwrap();
        assert!(rest.starts_with(&format!("videos by {views} views:")), "{said}");
        held_out.push(count.to_owned());
    }
    // The same films, in whatever form.
    assert_eq!(held_out[0], held_out[1]);
    let out = folder.path().join("refused");
    let segments = ["--init", "scratch", "--set", "augment.sampling=segments"];
    let output =
        tubelet().args(finetune(text(&folder.path().join("frames")), text(&out), &segments)).output();
    let words = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(words.contains("augment.sampling"), "{words}");
}

#[test]
fn the_encoder_of_a_pre_training_is_taken_and_the_head_alone_learns() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), ["a", "b"]);
    let (run, out) = (folder.path().join("run"), folder.path().join("out"));
    let pretrain = ["pretrain", "--data", &samples(), "--out", text(&run), "--steps", "1"];
    succeed(
        &[
            &pretrain[..],
            &SMALL,
            &["--set", "clip.size=32", "--set", "clip.frames=4", "--set", "run.seconds_per_clip=600"],
        ]
        .concat(),
    );
    let more = ["--init", text(&run), "--freeze", "encoder", "--split", "test=0.25", "--steps", "4"];
    let output = succeed(&finetune(text(&films), text(&out), &more));
    let words = String::from_utf8(output.stderr).unwrap();
    let line = "28 of 32 tensors come from there; new: fc_norm.weight, fc_norm.bias, head.weight, head.bias;";
    assert!(words.contains(line), "{words}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("\nlast     4") && said.contains("\nbest     "), "{said}");
    assert!(out.join("best.safetensors").exists());
    assert_eq!(std::fs::read_to_string(out.join("classes.txt")).unwrap(), "a\nb\n");

    // A fine-tuning begins with another one, too: its head is taken, for it has these classes.
    let again = folder.path().join("again");
    let more = ["--init", text(&out), "--steps", "2"];
    let words = String::from_utf8(succeed(&finetune(text(&films), text(&again), &more)).stderr).unwrap();
    assert!(words.contains("32 of 32 tensors come from there; new: none"), "{words}");
}

#[test]
fn whatever_is_asked_wrongly_is_one_message_and_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), ["left", "right"]);
    let place = |name: &str| folder.path().join(name);
    let small = place("small");
    let more = ["--init", "scratch", "--set", "augment.flip=0", "--steps", "2"];
    succeed(&finetune(text(&films), text(&small), &more));
    let film = films.join("left").read_dir().unwrap().next().unwrap().unwrap().path();
    std::fs::write(place("far.txt"), format!("{} 7\n", film.display()).repeat(2)).unwrap();
    std::fs::write(place("classes.txt"), "one\ntwo\nthree\n").unwrap();
    let names = ["small", "far.txt", "classes.txt"].map(|name| text(&place(name)).to_owned());
    let [small, far, classes] = &names;
    let unflipped = ["--set", "augment.flip=0"];
    for (data, more, words) in [
        (far.as_str(), &["--classes", classes][..], "label 7 is outside 0…2 of 3 classes: row 1"),
        (
            text(&films),
            &["--set", "classifier.classes=3"],
            "the list has 2 classes, `classifier.classes` is 3",
        ),
        (text(&films), &["--set", "optimiser.batch=3"], "`optimiser.batch = 3` is odd"),
        (text(&films), &["--set", "optimiser.batch=64"], "more than the 8 clips of an epoch of 8 videos"),
        (text(&films), &["--set", "schedule.warmup_steps=9"], "a rise of 9 steps in a run of 4"),
        (text(&films), &["--init", small, "--set", "model.encoder_depth=3"], "blocks 2, wanted 3"),
        (text(&films), &["--set", "augment.flip=0.5"], "`left` and `right` say left and right"),
        (text(&films), &["--split", "test=2"], "`test=2` is not a split"),
        (text(&films), &["--split", "train=a,test=b"], "--data cannot be used"),
    ] {
        let out = place("refused");
        let all = [&["--init", "scratch", "--steps", "4"][..], &unflipped, more].concat();
        let output = tubelet().args(finetune(data, text(&out), &all)).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!out.exists(), "a folder was made: {said}");
    }
}
