//! `metrics.jsonl`: one JSON object a line, one line every so many steps.

use serde::{Deserialize, Serialize};

/// What is known after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsLine {
    /// Updates of the weights so far: 1 after the first.
    pub step: u64,
    /// Epoch of the step's clips, counted from 0.
    pub epoch: u64,
    /// Mean loss of the step's clips, before the update.
    pub loss: f64,
    /// Learning rate of the step.
    pub lr: f64,
    /// Global norm of the gradients, before clipping.
    pub gradient_norm: f64,
    /// Clips per second of wall time since the last line.
    pub clips_per_second: f64,
    /// Share of that time spent waiting for data, 0 to 1.
    pub waiting_share: f64,
    /// Seconds of wall time since this process began to train.
    pub seconds: f64,
}
