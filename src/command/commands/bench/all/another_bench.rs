//! What another `bench` of this command prints, which runs in a process of its own.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What `bench` with these words and paths prints.
///
/// # Errors
/// When it fails, or prints no JSON.
pub fn another_bench(words: &[&str], paths: &[PathBuf]) -> Result<Value> {
    let command = std::env::current_exe().context("the command does not know where it is")?;
    let done = Command::new(command)
        .arg("bench")
        .args(words)
        .arg("--")
        .args(paths)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("the command cannot be started again")?;
    ensure!(done.status.success(), "measuring `{}` failed", words.first().unwrap_or(&""));
    serde_json::from_slice(&done.stdout).context("what it printed is no JSON")
}
