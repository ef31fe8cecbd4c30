//! A look at the weights between two steps of a pre-training: a probe, a picture. What is trained is the same as
//! without it: weights are lent, and no draw depends on what was drawn before.
//!
//! ```text
//! metrics.jsonl            the line of the step has what the probe found
//! best.safetensors         the weights that did best in a probe so far; of equal ones the first
//! reconstructions/N.png    the picture of step N, also among the events
//! ```
//!
//! A run that goes on cuts the lines that it will write again, so the best of the lines that are left is the best of the
//! steps that were made.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    path::Path,
};

use schemas::metrics::{MetricsLine, ProbeLine};

use super::state::TrainState;
use crate::batch::labelled::BatchError;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// What a probe found, if one was made.
    pub probe: Option<ProbeLine>,
    /// A picture, a PNG file, if one was drawn and kept.
    pub picture: Option<Vec<u8>>,
}

/// Looks at the weights of a step, if it is one to be looked at.
#[doc(alias = "evaluate")]
pub type Look<'a> = dyn FnMut(&TrainState) -> Result<Looked, BatchError> + 'a;

/// The best score of a probe among the lines of `metrics.jsonl`.
pub(crate) fn best_of(metrics: &Path) -> io::Result<Option<f64>> {
    let mut best: Option<f64> = None;
    for line in BufReader::new(fs::File::open(metrics)?).lines() {
        // A line of an older version may lack what is there today, and has no probe.
        let Ok(line) = serde_json::from_str::<MetricsLine>(&line?) else { continue };
        if let Some(score) = line.probe.map(|probe| probe.score()).filter(|score| Some(*score) > best) {
            best = Some(score);
        }
    }
    Ok(best)
}
