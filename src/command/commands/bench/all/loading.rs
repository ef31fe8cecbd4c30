//! Loading of clips, so many of each video.

use anyhow::Result;
use serde_json::Value;

use super::{Arguments, itself};
use crate::command::report;

/// Clips of each video, and what `bench load` printed.
///
/// # Errors
/// As `bench load`.
pub fn measure(arguments: &Arguments, clips: u64) -> Result<(u64, Value)> {
    report::say(format_args!("loading, clips of each video: {clips}"));
    let [seconds, workers] = [arguments.seconds.to_string(), arguments.workers.to_string()];
    let count = clips.to_string();
    let words = ["load", "--seconds", &seconds, "--workers", &workers, "--clips-per-video", &count];
    Ok((clips, itself(&words, &arguments.data)?))
}
