//! Many processes that each do a slice: killed, twice at once, in any order, they make what one process makes.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    films::class_folders, killed::kill_when, locks::contents, models, refusal, said, stdout, succeed, text,
    tubelet,
};

/// A command whose work can be shared, without its output.
struct Work {
    name: &'static str,
    arguments: Vec<String>,
    out: &'static str,
    /// The folder of slices below that of the output.
    slices: &'static str,
    /// Whether what it prints with `--json` is the same for slices.
    json: bool,
}

fn works(folder: &Path) -> Vec<Work> {
    let films = class_folders(folder, 6);
    fs::write(films.join("a/letter.mp4"), "this is no film\n".repeat(50)).unwrap();
    let model = models::classifier(folder, &["a", "b"]);
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (films, model) = (text(&films), text(&model));
    let file = |name, out, slices, json, arguments: &[&str]| Work {
        name,
        arguments: own(arguments),
        out,
        slices,
        json,
    };
    let (manifest, vectors) =
        (("manifest.parquet", ".manifest.parquet.slices"), ("vectors", ".vectors.slices"));
    let shards = ("shards", "shards/.slices");
    let embed = ["embed", films, "--model", model];
    vec![
        file("scan", manifest.0, manifest.1, true, &["scan", films]),
        file("scan --only-good", manifest.0, manifest.1, true, &["scan", films, "--only-good"]),
        file("scan --verify", manifest.0, manifest.1, true, &["scan", films, "--verify"]),
        file(
            "frames",
            shards.0,
            shards.1,
            false,
            &[
                "preprocess",
                films,
                "--recipe",
                "tiny",
                "--clips-per-video",
                "2",
                "--clips-per-shard",
                "3",
                "--short-side",
                "48",
            ],
        ),
        file(
            "packets",
            shards.0,
            shards.1,
            false,
            &["preprocess", films, "--store", "packets", "--videos-per-shard", "1"],
        ),
        file(
            "transcode",
            shards.0,
            shards.1,
            false,
            &["preprocess", films, "--store", "transcode", "--short-side", "48", "--videos-per-shard", "2"],
        ),
        file("embed", vectors.0, vectors.1, false, &[&embed[..], &["--views", "2x1"]].concat()),
        file("embed windows", vectors.0, vectors.1, false, &[&embed[..], &["--windows", "16:16"]].concat()),
        file(
            "embed npy",
            "arrays",
            "arrays/.slices",
            false,
            &[&embed[..], &["--views", "1x1", "--format", "npy"]].concat(),
        ),
        file(
            "evaluate",
            "predictions.parquet",
            ".predictions.parquet.slices",
            true,
            &["evaluate", "--model", model, "--data", films, "--views", "2x1"],
        ),
    ]
}

impl Work {
    /// The command line, with the output below this folder.
    fn line<'a>(&'a self, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let words = self.arguments.iter().map(String::as_str);
        words.chain(["--out", out]).chain(more.iter().copied()).collect()
    }
}

/// Does slices of four, four at a time, in this order; a word may stand twice.
fn at_once(line: &[&str], order: &str) {
    let mut xargs = Command::new("xargs");
    xargs
        .args(["-P", "4", "-n", "1", "-I", "{}", env!("CARGO_BIN_EXE_tubelet")])
        .args(line)
        .args(["--slice", "{}/4"]);
    let mut xargs = xargs.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut xargs.stdin.take().unwrap(), order.as_bytes()).unwrap();
    let ended = xargs.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&ended.stderr);
    for error in words.lines().filter(|line| line.starts_with("error: ")) {
        assert!(error.contains("is being written by another process: process "), "{words}");
    }
}

#[test]
fn slices_killed_shuffled_and_done_twice_make_what_one_process_makes() {
    let folder = tempfile::tempdir().unwrap();
    for work in works(folder.path()) {
        let name = work.name;
        let place = |name: &str| {
            let place = folder.path().join("out").join(name);
            fs::create_dir_all(&place).unwrap();
            place
        };
        let (alone, shared) = (place("alone"), place("shared"));
        let out = alone.join(work.out);
        let json = if work.json { &["--json"][..] } else { &[] };
        let printed = stdout(&work.line(text(&out), json));

        let out = shared.join(work.out);
        let out = text(&out);
        let slices = shared.join(work.slices);
        kill_when(&work.line(out, &["--slice", "2/4"]), || slices.join(".00002-of-00004.lock").exists());
        at_once(&work.line(out, &[]), "3\n0\n");
        let (code, words) = refusal(&work.line(out, &["--finish"]));
        assert_eq!(code, 2, "{name}: {words}");
        let missing =
            words.contains("are missing: 1/4, 2/4\n") && words.contains("--array=1,2, with --slice auto/4");
        // The one that was killed may have been done by then.
        let missing = missing || words.contains("are missing: 1/4\n") && words.contains("--slice 1/4 makes");
        assert!(missing, "{name}: {words}");
        let (code, words) = refusal(&work.line(out, &["--slice", "1/5"]));
        assert!(code == 2 && words.contains("was begun in 4 slices, not in 5"), "{name}: {words}");

        at_once(&work.line(out, &[]), "3\n1\n2\n1\n");
        assert_eq!(stdout(&work.line(out, &[&["--finish"], json].concat())), printed, "{name}");
        let (one, many) = (contents(&alone), contents(&shared));
        assert!(one.keys().eq(many.keys()), "{name}: {:?} {:?}", one.keys(), many.keys());
        for (file, bytes) in &one {
            assert!(bytes == &many[file], "{name}: {file} differs");
        }
        // Whoever comes late does nothing.
        for late in [&["--slice", "1/4"][..], &["--finish"]] {
            // Of arrays a video that failed may be made later, so that nobody knows whether all was done.
            if name != "embed npy" || late.len() > 1 {
                let words = said(&work.line(out, late));
                assert!(words.contains("done already"), "{name}: {words}");
            }
        }
        assert!(contents(&shared) == many, "{name}: {:?}", contents(&shared).keys());
        fs::remove_dir_all(folder.path().join("out")).unwrap();
    }
}

#[test]
fn the_environments_of_slurm_kubernetes_and_skypilot_name_slices() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let films = text(&films);
    let alone = folder.path().join("alone.parquet");
    succeed(&["scan", films, "--out", text(&alone)]);
    // Tasks of an array are counted from 1 here, and number 2 is run again by an array of its own.
    let slurm = |id: &str, [smallest, largest, count]: [&str; 3]| {
        let set = [("ID", id), ("MIN", smallest), ("MAX", largest), ("COUNT", count)];
        set.map(|(name, value)| (format!("SLURM_ARRAY_TASK_{name}"), value.to_owned())).to_vec()
    };
    let set = |set: &[(&str, &str)]| -> Vec<(String, String)> {
        set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let engines = [
        ("auto", [slurm("1", ["1", "2", "2"]), slurm("2", ["1", "2", "2"])]),
        ("auto/2", [slurm("0", ["0", "0", "1"]), slurm("1", ["1", "1", "1"])]),
        ("auto/2", ["0", "1"].map(|index| set(&[("JOB_COMPLETION_INDEX", index)]))),
        ("auto", ["0", "1"].map(|rank| set(&[("SKYPILOT_JOB_RANK", rank), ("SKYPILOT_NUM_JOBS", "2")]))),
    ];
    for (number, (word, environments)) in engines.into_iter().enumerate() {
        let out = folder.path().join(format!("{number}.parquet"));
        let scan = ["scan", films, "--out", text(&out)];
        for environment in environments {
            tubelet().args(scan).args(["--slice", word]).envs(environment).assert().success();
        }
        succeed(&[&scan[..], &["--finish"]].concat());
        assert!(fs::read(&out).unwrap() == fs::read(&alone).unwrap(), "{word}");
    }
    let out = folder.path().join("half.parquet");
    let half = tubelet()
        .args(["scan", films, "--out", text(&out), "--slice", "auto"])
        .env("SKYPILOT_JOB_RANK", "1")
        .assert();
    let words = String::from_utf8(half.code(2).get_output().stderr.clone()).unwrap();
    assert!(words.contains("SKYPILOT_NUM_JOBS is not set"), "{words}");
    // Without the option nothing of the environment is looked at, and with numbers neither.
    for more in [&[][..], &["--slice", "0/1"]] {
        let scan = ["scan", films, "--out", text(&out)];
        tubelet().args(scan).args(more).env("SLURM_ARRAY_TASK_ID", "7").assert().success();
    }
}
