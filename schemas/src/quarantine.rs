//! `quarantine.jsonl`: one JSON object a line, one line a video that failed.

use serde::{Deserialize, Serialize};

/// A video that gave no clip, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineLine {
    /// The video, as its dataset names it.
    pub video: String,
    /// A stable word that scripts may match on, such as `no-video-stream` or `damaged`.
    pub verdict: String,
    /// The name of the verdict's [`Kind`](crate::Kind); earlier versions do not write it.
    #[serde(default)]
    pub kind: String,
    /// The reason in a sentence.
    pub reason: String,
    /// What found it.
    pub made_by: String,
}
