//! Signals, and what is given where a file is wanted and is none.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    films::{class_folders, pretrain},
    models, refusal, samples, succeed, text, tubelet,
};

/// Tests that were started by `nohup` ignore hangups, and so would the command.
fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP").arg(env!("CARGO_BIN_EXE_tubelet"));
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

/// A folder of one film and of what looks like films and is none, a list of all, and those that the list names.
fn odd_films(folder: &Path) -> (PathBuf, PathBuf, usize) {
    let (films, list) = (folder.join("films"), folder.join("list.txt"));
    fs::create_dir(&films).unwrap();
    let at = |name: &str| films.join(name);
    fs::copy(format!("{}/flower.mp4", samples()), at("film.mp4")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe.mp4")).status().unwrap().success());
    // A socket stays when whoever listens is gone.
    drop(std::os::unix::net::UnixListener::bind(at("socket.mp4")).unwrap());
    for (name, target) in [
        ("linked.mp4", text(&at("pipe.mp4"))),
        ("zero.mp4", "/dev/zero"),
        ("null.mp4", "/dev/null"),
        ("version.mp4", "/proc/version"),
        ("maps.mp4", "/proc/self/maps"),
        ("folder.mp4", "/proc"),
    ] {
        std::os::unix::fs::symlink(target, at(name)).unwrap();
    }
    let names = ["film", "pipe", "socket", "linked", "zero", "null", "version", "maps", "folder"];
    fs::write(&list, names.map(|name| format!("films/{name}.mp4\n")).concat()).unwrap();
    // Nobody walks through all processes.
    fs::remove_file(at("folder.mp4")).unwrap();
    (films, list, names.len() - 1)
}

#[test]
fn pipes_sockets_and_devices_among_films_are_verdicts_and_nobody_waits_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let (films, list, odd) = odd_films(folder.path());
    let model = models::classifier(folder.path(), &["a", "b"]);
    let out = folder.path().join("out");
    let any = ["--set", "run.max_failed_share=0.95", "--set", "optimiser.batch=1", "--steps", "2"];
    let limit = Duration::from_secs(100);
    let ends = |arguments: &[&str]| {
        let output = tubelet().args(arguments).timeout(limit).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {words}");
        if out.is_dir() { fs::remove_dir_all(&out) } else { fs::remove_file(&out) }.unwrap();
        (String::from_utf8(output.stdout).unwrap(), words)
    };
    for more in [&["--json"][..], &["--json", "--verify"], &["--json", "--no-sandbox"]] {
        let scan = |videos: &Path| ends(&[&["scan", text(videos), "--out", text(&out)][..], more].concat());
        let (rows, _) = scan(&list);
        let rows: Vec<serde_json::Value> =
            rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let bad = |row: &&serde_json::Value| row["verdict"] != "good";
        assert_eq!((rows.len(), rows.iter().filter(bad).count()), (1 + odd, odd), "{rows:?}");
        let (rows, words) = scan(&films);
        assert_eq!(rows.lines().count(), 3, "a film and two files of the system: {rows}");
        assert_eq!(words.matches("is a pipe, a socket or a device").count(), odd - 3, "{words}");
    }
    for videos in [text(&films), text(&list)] {
        let data = Path::new(videos);
        ends(&pretrain(data, &out, &any));
        for store in ["frames", "packets"] {
            let any = ["--recipe", "tiny", "--set", "run.max_failed_share=0.95", "--store", store];
            ends(&[&["preprocess", videos, "--out", text(&out)][..], &any].concat());
        }
        ends(&["embed", videos, "--model", text(&model), "--views", "1x1", "--out", text(&out)]);
    }
    // In the places of shards, and of the files of a model.
    for name in ["frames-00000.parquet", "packets-00000.parquet", "model.safetensors", "config.json"] {
        let place = folder.path().join(name.replace('.', "-"));
        fs::create_dir(&place).unwrap();
        assert!(Command::new("mkfifo").arg(place.join(name)).status().unwrap().success());
        let place = text(&place);
        let read = match name.ends_with(".parquet") {
            true => pretrain(Path::new(place), &out, &any),
            false => vec!["embed", &place, "--model", &place, "--out", text(&out)],
        };
        let output = tubelet().args(&read).timeout(limit).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{name}: {:?} {words}", output.status);
        assert!(words.contains("error: ") && !out.exists(), "{name}: {words}");
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
