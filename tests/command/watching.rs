//! What a person looks at while a run goes on and afterwards.

use std::{fs, path::Path, process::Command};

use crate::{SMALL, films, killed::kill_when, samples, succeed, text};

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
