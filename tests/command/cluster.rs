//! The examples for clusters run, as far as they can without one: Slurm's `sbatch` is a script here that runs jobs at once,
//! pods of Kubernetes are processes with their index, Ray is a cluster of this machine where Python has it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{films::class_folders, locks::contents, succeed, text, tubelet};

/// Runs what it is given at once, for each number of an array with Slurm's variables.
const SBATCH: &str = r#"#!/usr/bin/env bash
set -euo pipefail
numbers=() job=()
for word; do
  case $word in
    --array=*-*) numbers=($(seq "$(cut -d= -f2 <<< "${word%-*}")" "${word##*-}")) ;;
    --array=*) IFS=, read -ra numbers <<< "${word#*=}" ;;
    --*) ;;
    *) job+=("$word") ;;
  esac
done
[ ${#numbers[@]} -gt 0 ] || exec bash "${job[@]}"
export SLURM_ARRAY_TASK_MIN=${numbers[0]} SLURM_ARRAY_TASK_MAX=${numbers[-1]} SLURM_ARRAY_TASK_COUNT=${#numbers[@]}
for number in "${numbers[@]}"; do
  [ "${FAILS:-}" = "$number" ] || SLURM_ARRAY_TASK_ID=$number bash "${job[@]}"
done
echo "17;cluster"
"#;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cluster").join(name)
}

/// A folder `bin` with the command and `sbatch`, first on the PATH.
fn path_with_programs(folder: &Path) -> String {
    use std::os::unix::fs::symlink;
    let programs = folder.join("bin");
    fs::create_dir(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_tubelet"), programs.join("tubelet")).unwrap();
    // Another process writes it: a file that this one has open for writing, or one that it started meanwhile, is not run.
    let (written, run) = (folder.join("sbatch.sh"), programs.join("sbatch"));
    fs::write(&written, SBATCH).unwrap();
    assert!(Command::new("install").args(["-m", "755"]).args([&written, &run]).status().unwrap().success());
    format!("{}:{}", text(&programs), std::env::var("PATH").unwrap())
}

#[test]
fn examples_are_a_page_each() {
    let mut examples = 0;
    for entry in fs::read_dir(example("")).unwrap() {
        let path = entry.unwrap().path();
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 40, "{} has {lines} lines", path.display());
        examples += 1;
    }
    assert!(examples >= 4, "{examples}");
}

#[test]
fn the_slurm_array_and_its_last_job_make_the_shards_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    // As many shards as slices: the example has larger ones.
    let script = folder.path().join("slices.sh");
    let text_of_example = fs::read_to_string(example("slurm_slices.sh")).unwrap();
    let words = "--short-side 256 --clips-per-video 4 --clips-per-shard 256";
    assert!(text_of_example.contains(words));
    let small = "--short-side 48 --clips-per-video 2 --clips-per-shard 2";
    fs::write(&script, text_of_example.replace(words, small)).unwrap();
    let path = path_with_programs(folder.path());
    let submit = |arguments: &[&str], fails: &str| {
        let mut command = Command::new("bash");
        command.arg(&script).args(arguments).env("PATH", &path).env("SLICES", "4").env("FAILS", fails);
        command.env("VIDEOS", &films).env("OUT", folder.path().join("shared")).output().unwrap()
    };
    let failed = submit(&[], "2");
    let words = String::from_utf8_lossy(&failed.stderr);
    assert!(!failed.status.success() && words.contains("are missing: 2/4"), "{words}");
    assert!(words.contains("sbatch --array=2, with --slice auto/4"), "{words}");
    // What the words say.
    let mut again = Command::new(folder.path().join("bin/sbatch"));
    again.args(["--array=2", text(&script), "slice"]).env("PATH", &path).env("SLICES", "4");
    again.env("VIDEOS", &films).env("OUT", folder.path().join("shared"));
    assert!(again.status().unwrap().success());
    assert!(submit(&["finish"], "").status.success());
    let alone = folder.path().join("alone");
    let small: Vec<&str> = small.split(' ').collect();
    succeed(&[&["preprocess", text(&films), "--out", text(&alone)][..], &small].concat());
    assert!(contents(&alone) == contents(&folder.path().join("shared")));
}

/// The words of `args` in an example, which are JSON.
fn arguments_of(name: &str) -> (String, Vec<String>) {
    let yaml = fs::read_to_string(example(name)).unwrap();
    let line = yaml.lines().find_map(|line| line.trim().strip_prefix("args: ")).unwrap();
    let words = serde_json::from_str(line).unwrap();
    (yaml, words)
}

#[test]
fn the_pods_of_the_kubernetes_jobs_make_the_manifest_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let here = |word: &String| match word.as_str() {
        "/data/films" => text(&films).to_owned(),
        "/data/films.parquet" => folder.path().join("shared.parquet").display().to_string(),
        "auto/16" => "auto/3".to_owned(),
        _ => word.clone(),
    };
    let (yaml, slice) = arguments_of("kubernetes_slices.yaml");
    for line in ["completions: 16\n", "parallelism: 16\n", "completionMode: Indexed\n"] {
        assert!(yaml.contains(line), "{line}");
    }
    assert_eq!(slice[slice.len() - 2..], ["--slice", "auto/16"]);
    let (_, finish) = arguments_of("kubernetes_finish.yaml");
    assert_eq!(finish[..finish.len() - 1], slice[..slice.len() - 2]);
    for index in ["2", "0", "1"] {
        tubelet().args(slice.iter().map(here)).env("JOB_COMPLETION_INDEX", index).assert().success();
    }
    tubelet().args(finish.iter().map(here)).assert().success();
    let alone = folder.path().join("alone.parquet");
    succeed(&["scan", text(&films), "--verify", "--out", text(&alone)]);
    assert!(fs::read(&alone).unwrap() == fs::read(folder.path().join("shared.parquet")).unwrap());
}

#[test]
fn the_ray_script_makes_the_manifest_of_one_process() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !Command::new(&python).args(["-c", "import ray"]).output().is_ok_and(|ended| ended.status.success()) {
        println!("skipped: {python} cannot import ray");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let films = class_folders(folder.path(), 4);
    let (alone, shared) = (folder.path().join("alone.parquet"), folder.path().join("shared.parquet"));
    succeed(&["scan", text(&films), "--out", text(&alone)]);
    let mut ray = Command::new(&python);
    ray.arg(example("ray_slices.py"))
        .args(["3", env!("CARGO_BIN_EXE_tubelet"), "scan", text(&films), "--out"])
        .arg(&shared);
    let ended = ray.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(fs::read(&alone).unwrap() == fs::read(&shared).unwrap());
}
