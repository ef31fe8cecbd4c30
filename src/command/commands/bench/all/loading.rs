//! Loading of clips, so many of each video.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;

use super::another_bench::another_bench;
use crate::command::report;

/// Clips of each video, and what `bench load` printed.
///
/// # Errors
/// As `bench load`.
pub fn measure(videos: &[PathBuf], seconds: f64, workers: usize, clips: u64) -> Result<(u64, Value)> {
    report::say(format_args!("loading, clips of each video: {clips}"));
    let [seconds, workers] = [seconds.to_string(), workers.to_string()];
    let count = clips.to_string();
    let words = ["load", "--seconds", &seconds, "--workers", &workers, "--clips-per-video", &count];
    Ok((clips, another_bench(&words, videos)?))
}
