//! Two processes never write one output: the second says whose it is, and ends with exit code 2.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{self, Command, Stdio},
};

use schemas::OutputLock;

use crate::{
    films::{class_folders, finetune, pretrain},
    models, refusal, succeed, text, tubelet,
};

/// A command that writes, without its output, and how that is locked.
struct Writer {
    name: &'static str,
    arguments: Vec<String>,
    /// Where the output stands below the folder, and the option that names it; convert names it without one.
    out: (&'static str, &'static str),
    /// What is locked, where that is not the output.
    locked: Option<&'static str>,
    is_folder: bool,
}

/// Every command that writes, on small data.
fn writers(folder: &Path) -> Vec<Writer> {
    let films = class_folders(folder, 6);
    let (classifier, encoder) = (folder.join("classifier"), folder.join("encoder"));
    for folder in [&classifier, &encoder] {
        fs::create_dir_all(folder).unwrap();
    }
    let (classifier, encoder) = (models::classifier(&classifier, &["a", "b"]), models::pretrained(&encoder));
    let (films, classifier, encoder) = (text(&films), text(&classifier), text(&encoder));
    let film = format!("{films}/a/0.mp4");
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let none = Path::new("");
    let training = |arguments: Vec<&str>| -> Vec<String> {
        // Without `--out` and its value, which are put in later.
        let at = arguments.iter().position(|word| *word == "--out").unwrap();
        [&arguments[..at], &arguments[at + 2..]].concat().iter().map(|word| (*word).to_owned()).collect()
    };
    let file =
        |name, arguments: Vec<String>, out| Writer { name, arguments, out, locked: None, is_folder: false };
    let whole =
        |name, arguments: Vec<String>, out| Writer { name, arguments, out, locked: None, is_folder: true };
    let few = ["--views", "1x1"];
    let shards =
        |store| own(&["preprocess", films, "--recipe", "tiny", "--short-side", "64", "--store", store]);
    let convert = |format| own(&["convert", encoder, "--heads", "3,3", "--size", "32", "--to", format]);
    let embed = ["embed", films, "--model", classifier];
    let mut parts = file("embed", own(&[&embed[..], &few].concat()), ("vectors.parquet", "--out"));
    (parts.locked, parts.is_folder) = (Some(".vectors.parquet.parts"), true);
    vec![
        whole("pretrain", training(pretrain(Path::new(films), none, &["--steps", "3"])), ("run", "--out")),
        whole(
            "finetune",
            training(finetune(Path::new(films), none, &["--init", "scratch", "--steps", "3"])),
            ("tuned", "--out"),
        ),
        whole("preprocess frames", shards("frames"), ("frames", "--out")),
        whole("preprocess packets", shards("packets"), ("packets", "--out")),
        whole("preprocess transcode", shards("transcode"), ("transcode", "--out")),
        parts,
        whole("embed npy", own(&[&embed[..], &few, &["--format", "npy"]].concat()), ("arrays", "--out")),
        file("scan", own(&["scan", films]), ("manifest.parquet", "--out")),
        file(
            "evaluate",
            own(&[&["evaluate", "--model", classifier, "--data", films][..], &few].concat()),
            ("predictions.parquet", "--out"),
        ),
        file(
            "predict",
            own(&[&["predict", "--model", classifier, &film][..], &few].concat()),
            ("film.png", "--out"),
        ),
        file("convert tubelet", convert("tubelet"), ("model.safetensors", "")),
        file("convert official", convert("official"), ("model.pth", "")),
        file("convert hf", convert("hf"), ("model", "")),
        file(
            "reconstruct",
            own(&["reconstruct", &film, "--model", encoder, "--heads", "3,3", "--size", "32"]),
            ("picture.png", "--out"),
        ),
        whole("frames", own(&["frames", &film, "--indices", "0,4"]), ("pictures", "--out")),
        file(
            "inspect batches",
            own(&[
                "inspect",
                "batches",
                films,
                "--recipe",
                "tiny",
                "--set",
                "optimiser.batch=2",
                "--count",
                "2",
            ]),
            ("batches.parquet", "--out"),
        ),
    ]
}

impl Writer {
    /// The whole command line, with the output below this folder.
    fn line(&self, folder: &Path) -> Vec<String> {
        let (name, option) = self.out;
        let out = text(&folder.join(name)).to_owned();
        let mut line = self.arguments.clone();
        match option {
            "" => line.insert(2, out),
            option => line.extend([option.to_owned(), out]),
        }
        line
    }

    fn lock(&self, folder: &Path) -> OutputLock {
        let path = folder.join(self.locked.unwrap_or(self.out.0));
        if self.is_folder { OutputLock::folder(&path) } else { OutputLock::file(&path) }.unwrap()
    }
}

/// Names and bytes of all files below a folder, without what tells how long something took.
pub fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found
                .extend(contents(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else if !["metrics.jsonl", "validation.jsonl", "run.json"].contains(&name.as_str())
            && !name.starts_with("events.out.tfevents.")
        {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

#[test]
fn whoever_comes_second_is_told_whose_the_output_is() {
    let folder = tempfile::tempdir().unwrap();
    for writer in writers(folder.path()) {
        let place = folder.path().join("out");
        fs::create_dir_all(&place).unwrap();
        let line = writer.line(&place);
        let lock = writer.lock(&place);
        let before = contents(&place);
        let (code, message) = refusal(&words(&line));
        assert_eq!(code, 2, "{}: {message}", writer.name);
        let owner = format!("is being written by another process: process {} on ", process::id());
        assert_eq!(message.matches(&owner).count(), 1, "{}: {message}", writer.name);
        assert!(message.contains("hint: wait until that process has ended"), "{}: {message}", writer.name);
        assert!(contents(&place) == before, "{} wrote something", writer.name);
        drop(lock);
        succeed(&words(&line));
        let left = contents(&place);
        assert!(!left.is_empty() && left.keys().all(|name| !name.contains(".lock")), "{:?}", left.keys());
        fs::remove_dir_all(&place).unwrap();
    }
}

/// `TUBELET_PAIRS=20` makes as many of each command.
#[test]
fn of_two_at_once_one_is_refused_or_finds_all_done_and_nothing_is_damaged() {
    let pairs: usize = std::env::var("TUBELET_PAIRS").map_or(1, |pairs| pairs.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut refused = 0;
    for writer in writers(folder.path()) {
        let place = |name: &str| {
            let place = folder.path().join(name).join("out");
            fs::create_dir_all(&place).unwrap();
            place
        };
        let alone = place("alone");
        succeed(&words(&writer.line(&alone)));
        for pair in 0..pairs {
            let both = place("both");
            let line = writer.line(&both);
            let start = || {
                let mut command = Command::new(env!("CARGO_BIN_EXE_tubelet"));
                command.args(&line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
            };
            let ends = [start(), start()].map(|child| child.wait_with_output().unwrap());
            let mut ends =
                ends.map(|end| (end.status.code(), String::from_utf8_lossy(&end.stderr).into_owned()));
            ends.sort();
            let codes = [0, 1].map(|at| ends[at].0);
            match codes {
                [Some(0), Some(0)] => {}
                [Some(0), Some(2)] => {
                    let message = &ends[1].1;
                    // Whoever comes when all is done finds a run, or the folder that was converted.
                    let is_taken = message.contains("already ");
                    let is_locked = message.contains("is being written by another process: ");
                    assert!(is_taken || is_locked, "{}: {message}", writer.name);
                    assert_eq!(message.matches("error: ").count(), 1, "{message}");
                    refused += usize::from(is_locked);
                }
                codes => panic!("{} {pair}: {codes:?}\n{}\n{}", writer.name, ends[0].1, ends[1].1),
            }
            let (found, wanted) = (contents(&both), contents(&alone));
            let differ = |name: &&String| found.get(*name) != wanted.get(*name);
            let differing: Vec<_> = found.keys().chain(wanted.keys()).filter(differ).collect();
            // A video that failed for itself (a decoder that was stuck) is told in their words, and is nobody's lock.
            assert!(
                differing.is_empty(),
                "{} {pair}: {differing:?}\n{}\n{}",
                writer.name,
                ends[0].1,
                ends[1].1
            );
            fs::remove_dir_all(both).unwrap();
        }
        fs::remove_dir_all(alone).unwrap();
    }
    println!("{refused} were refused by the lock");
    assert!(refused > 4, "{refused}");
}

#[test]
fn a_run_is_not_resumed_twice_at_once_and_a_killed_one_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let out = folder.path().join("run");
    let long = pretrain(&films, &out, &["--steps", "100000"]);
    let mut first = Command::new(env!("CARGO_BIN_EXE_tubelet"));
    let mut first = first.args(&long).stderr(Stdio::null()).spawn().unwrap();
    while !out.join("checkpoint-2.safetensors").exists() {
        assert!(first.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let (code, message) = refusal(&["pretrain", "--out", text(&out), "--resume"]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains(&format!("process {} on ", first.id())), "{message}");
    assert!(message.contains("tubelet pretrain --data"), "{message}");
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(out.join(".tubelet.lock").exists(), "it was killed");
    let made = fs::read_to_string(out.join("metrics.jsonl")).unwrap().lines().count() + 1;
    succeed(&["pretrain", "--out", text(&out), "--resume", "--steps", &made.to_string()]);
    assert!(!out.join(".tubelet.lock").exists());
    // Readers take no lock.
    let _lock = OutputLock::folder(&out).unwrap();
    tubelet().args(["inspect", "run", text(&out)]).assert().success();
    tubelet().args(["inspect", "checkpoint", text(&out)]).assert().success();
}
