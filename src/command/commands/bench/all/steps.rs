//! Training steps in one precision.

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use super::another_bench::another_bench;
use crate::command::report;

/// Training steps in one precision.
#[derive(Serialize)]
pub struct Step {
    /// `f32` or `bf16`.
    pub precision: String,
    /// What `bench train` printed.
    pub found: Value,
}

/// Times steps.
///
/// # Errors
/// As `bench train`.
pub fn time(model: &str, batch: usize, device: &str, precision: &str) -> Result<Step> {
    report::say(format_args!("steps of {model}, {batch} clips, {precision}"));
    let (set, batch) = (format!("model.precision={precision}"), batch.to_string());
    let words = ["train", "--model", model, "--batch", &batch, "--device", device, "--set", &set];
    Ok(Step { precision: precision.to_owned(), found: another_bench(&words, &[])? })
}
