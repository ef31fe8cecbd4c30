//! Signals, and what is given where a file is wanted and is none.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    films::{class_folders, pretrain},
    models, refusal, samples, succeed, text,
};

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tubelet"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Waits until there is such a file; the process must go on meanwhile.
fn wait_for(file: &Path, child: &mut Child) {
    let limit = Instant::now() + Duration::from_secs(120);
    while !file.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        assert!(Instant::now() < limit, "{} never came", file.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_hangup_ends_a_run_as_sigterm_does_and_sigusr1_asks_for_a_checkpoint_only() {
    let folder = tempfile::tempdir().unwrap();
    let (films, out) = (class_folders(folder.path(), 4), folder.path().join("run"));
    let never = ["--steps", "100000", "--set", "run.checkpoint_every=100000"];
    let mut child = start(&pretrain(&films, &out, &never));
    let lines = || fs::read_to_string(out.join("metrics.jsonl")).map_or(0, |text| text.lines().count());
    while lines() < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    let checkpoints = || {
        let names = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("checkpoint-")).count()
    };
    assert_eq!(checkpoints(), 1, "that of step 0");
    send("-USR1", &child);
    let limit = Instant::now() + Duration::from_secs(60);
    while checkpoints() < 2 {
        assert!(child.try_wait().unwrap().is_none() && Instant::now() < limit, "no checkpoint came");
    }
    let made = lines();
    while lines() < made + 2 {
        assert!(child.try_wait().unwrap().is_none(), "it did not go on");
    }
    send("-HUP", &child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let last = out.join(format!("checkpoint-{}.safetensors", lines()));
    assert!(last.exists(), "no checkpoint at the last step");
}

#[test]
fn nohup_is_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let (films, out) = (class_folders(folder.path(), 4), folder.path().join("run"));
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_tubelet")).args(pretrain(&films, &out, &["--steps", "100000"]));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&out.join("checkpoint-2.safetensors"), &mut child);
    send("-HUP", &child);
    wait_for(&out.join("checkpoint-6.safetensors"), &mut child);
    send("-TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// `TUBELET_KILLS=100` kills as often.
#[test]
fn a_killed_convert_leaves_nothing_half_written_and_one_that_was_asked_to_end_nothing_at_all() {
    let kills: u32 = std::env::var("TUBELET_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let model = models::pretrained(folder.path());
    let mut took = Duration::from_millis(10);
    for kill in 0..kills {
        for (format, name) in [("tubelet", "model.safetensors"), ("official", "out.pth"), ("hf", "model")] {
            let place = folder.path().join("place");
            fs::create_dir_all(&place).unwrap();
            let out = place.join(name);
            let heads = ["--heads", "3,3", "--size", "32"];
            let arguments = [&["convert", text(&model), text(&out), "--to", format][..], &heads].concat();
            if kill == 0 {
                let begin = Instant::now();
                succeed(&arguments);
                took = begin.elapsed();
                fs::remove_dir_all(&place).unwrap();
                continue;
            }
            let signal = ["-KILL", "-TERM", "-HUP"][kill as usize % 3];
            let mut child = start(&arguments);
            std::thread::sleep(took * (kill % 17) / 17);
            send(signal, &child);
            child.wait().unwrap();
            let left: Vec<_> = fs::read_dir(&place)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|left| left != name && !left.ends_with(".lock"))
                .collect();
            assert!(signal == "-KILL" || left.is_empty(), "{format}: {left:?} after {signal}");
            if out.exists() {
                succeed(&["inspect", "checkpoint", text(&out)]);
            } else {
                succeed(&arguments);
                assert_eq!(fs::read_dir(&place).unwrap().count(), 1, "what was left is swept away");
            }
            fs::remove_dir_all(&place).unwrap();
        }
    }
}

#[test]
fn a_pipe_a_device_or_a_folder_where_a_file_is_wanted_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let films = samples();
    let model = models::classifier(folder.path(), &["a", "b"]);
    let model = text(&model);
    let out = folder.path().join("out");
    let out = text(&out);
    for given in [text(&pipe), "/dev/zero", text(folder.path())] {
        for arguments in [
            vec!["scan", given, "--out", out],
            vec!["pretrain", "--data", given, "--out", out],
            vec!["pretrain", "--data", &films, "--out", out, "--recipe", given],
            vec!["pretrain", "--data", &films, "--out", out, "--init", given],
            vec!["finetune", "--data", &films, "--out", out, "--init", "scratch", "--labels", given],
            vec!["finetune", "--data", &films, "--out", out, "--init", "scratch", "--classes", given],
            vec!["finetune", "--data", &films, "--out", out, "--init", given, "--class-level", "0"],
            vec!["evaluate", "--from", given],
            vec!["evaluate", "--model", given, "--data", &films],
            vec!["predict", "--model", given, &films],
            vec!["predict", "--model", model, "--classes", given, &films],
            vec!["embed", &films, "--model", given, "--out", out],
            vec!["convert", given, "--to", "hf", out],
            vec!["inspect", "checkpoint", given],
            vec!["reconstruct", &films, "--model", given, "--out", "picture.png"],
        ] {
            // A folder may hold videos or a model: what it lacks is said, by whoever looks in it.
            let is_folder = given == text(folder.path());
            let (code, words) = refusal(&arguments);
            assert!(code == 2 || is_folder && code == 1, "{arguments:?}: {code} {words}");
            assert_eq!(words.matches("error: ").count(), 1, "{arguments:?}: {words}");
            assert!(!Path::new(out).exists(), "{arguments:?} made something");
        }
    }
}

#[test]
fn names_as_long_as_names_can_be_are_written_and_control_characters_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let samples = samples();
    let model = models::pretrained(folder.path());
    for length in [254, 255] {
        let name = |ending: &str| folder.path().join("n".repeat(length - ending.len()) + ending);
        succeed(&["scan", &samples, "--out", text(&name(".parquet"))]);
        for format in ["hf", "tubelet", "official"] {
            let out = name(format);
            succeed(&["convert", text(&model), text(&out), "--to", format, "--heads", "3,3", "--size", "32"]);
            assert!(out.exists());
        }
        succeed(&["preprocess", &samples, "--out", text(&name("shards")), "--store", "packets"]);
    }
    let strange = folder.path().join("a\u{1b}[31m\nb.pth");
    fs::copy(&model, &strange).unwrap();
    for arguments in [
        vec!["convert", text(&strange), "--to", "hf", "/dev/null/out"],
        vec!["inspect", "checkpoint", text(&strange)],
        vec!["evaluate", "--from", text(&strange)],
        vec!["pretrain", "--out", text(&strange), "--resume"],
    ] {
        let (_, words) = refusal(&arguments);
        let is_clean = words.chars().all(|letter| letter == '\n' || !letter.is_control());
        assert!(is_clean && !words.contains("31m\nb"), "{arguments:?}: {words}");
    }
}
