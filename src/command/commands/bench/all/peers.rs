//! Readers of videos that a Python has, asked for the same kind of clips.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use pipeline::names::shown;

use crate::error::Usage;

/// Prints a JSON array a reader: its name, and clips a second.
const SCRIPT: &str = include_str!("peers.py");

/// Clips a second of each reader, by its name.
///
/// # Errors
/// Usage error: no such Python; when it fails.
pub fn measure(
    python: &Path,
    videos: &[PathBuf],
    seconds: f64,
    workers: usize,
) -> Result<Vec<(String, f64)>> {
    let mut child = Command::new(python)
        .args(["-", &seconds.to_string(), &workers.to_string()])
        .args(videos)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|why| Usage::new(format!("{} cannot be started: {why}", shown(python))))?;
    let mut input = child.stdin.take().context("the script has no input")?;
    // A Python that has ended already is told of below.
    let _ = input.write_all(SCRIPT.as_bytes());
    drop(input);
    let done = child.wait_with_output()?;
    ensure!(done.status.success(), "the script of readers ended with {}", done.status);
    let lines = String::from_utf8_lossy(&done.stdout);
    let found = lines.lines().map(serde_json::from_str::<(String, f64)>);
    found.collect::<Result<_, _>>().context("what the script printed is no JSON")
}
