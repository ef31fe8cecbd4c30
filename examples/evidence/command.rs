//! What the command `tubelet` is asked for a training, and what is read of what it leaves.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::work::Bench;

/// An encoder whose weights are as they were drawn: pre-trained for one step at a rate of 0.
///
/// # Errors
/// As [`train`].
pub fn drawn(bench: &Bench, videos: &Path, seed: u64) -> Result<PathBuf> {
    let name = format!("drawn-{seed}");
    let run = bench.out.join("runs").join(&name);
    let mut arguments = words(["pretrain", "--data"]);
    arguments.extend([videos.into(), "--recipe".into(), bench.out.join("pretrain.toml").into()]);
    for setting in ["optimiser.base_lr=0", "optimiser.floor_lr=0", "schedule.warmup_steps=0"] {
        arguments.extend(words(["--set", setting]));
    }
    train(bench, &name, &run, 1, seed, arguments)?;
    Ok(checkpoint(&run, 1))
}

/// Words of a command.
pub fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.map(OsString::from).to_vec()
}

/// Trains a run to its last step, from where it was cut if it was.
///
/// # Errors
/// When the command fails, or was stopped before the last step.
pub fn train(
    bench: &Bench,
    task: &str,
    run: &Path,
    steps: u64,
    seed: u64,
    mut arguments: Vec<OsString>,
) -> Result<()> {
    arguments.push("--out".into());
    arguments.push(run.into());
    let (steps_word, seed_word) = (steps.to_string(), format!("run.seed={seed}"));
    arguments.extend(words(["--workers", "1", "--steps", &steps_word, "--set", &seed_word]));
    if run.join("recipe.toml").exists() {
        arguments.extend(words(["--resume"]));
    }
    if !checkpoint(run, steps).exists() {
        bench.tubelet(task, arguments)?;
    }
    ensure!(checkpoint(run, steps).exists(), "stopped before its last step; the same command goes on");
    Ok(())
}

/// Where a run keeps the weights after so many steps.
pub fn checkpoint(run: &Path, steps: u64) -> PathBuf {
    run.join(format!("checkpoint-{steps}.safetensors"))
}

/// Step, a number, and the loss of each line of a run's JSON lines.
///
/// # Errors
/// When a line lacks one of them.
pub fn lines(path: &Path, key: &str) -> Result<Vec<[f64; 3]>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let number = |line: &Value, key: &str| {
        line[key].as_f64().with_context(|| format!("{}: a line without `{key}`", path.display()))
    };
    text.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line)?;
            Ok([number(&line, "step")?, number(&line, key)?, number(&line, "loss")?])
        })
        .collect()
}

/// The last line that was printed, as JSON.
///
/// # Errors
/// When it is none.
pub fn last_object(said: &str) -> Result<Value> {
    let line = said.lines().last().context("nothing was printed")?;
    serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))
}
