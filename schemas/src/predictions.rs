//! `predictions.parquet`: what a classifier says of each view of each video, one row a view.
//!
//! ```text
//! row u64, video utf8, label i32?       which video: its place in the list that was tested, from 0; its path; its class
//! clip u16, crop u16                    which view of it
//! frames list<u32>, begin i64, end i64  ranks of the frames; presentation times of the first and the last in ns
//! logits list<f32>?                     one number a class; null in a row that stands for a failed video
//! failure utf8?                         why the video gave no view
//! labels list<f32>?                     only where a video has several labels or numbers, and `label` is null: 0 or 1
//!                                       a class, or the numbers that are right
//! ```
//!
//! A failed video has one row, so that it counts as wrong when the file is summed up, and is listed. The
//! metadata say what was tested ([`Tested`]): files of parts of one test can be joined, and what is missing
//! named, without the model.

mod columns;
mod error;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ProblemType, labelled_batch::View};

pub use self::{columns::schema, error::PredictionsError};

/// Format version of the file.
pub const VERSION: &str = "tubelet-predictions/1";
/// Metadata key of the format version.
pub const VERSION_KEY: &str = "tubelet.format";
/// Metadata key of [`Tested`], as JSON.
pub const TESTED_KEY: &str = "tubelet.tested";

/// What was tested: the same in all parts of one test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// Names of the classes, or of the numbers, in the order of the logits.
    pub classes: Vec<String>,
    /// What kind of answer the logits are.
    #[serde(default, skip_serializing_if = "ProblemType::is_single_label")]
    pub problem_type: ProblemType,
    /// Videos of the whole test.
    pub videos: u64,
    /// Clips along time of each video.
    pub clips: u16,
    /// Crops of each clip.
    pub crops: u16,
    /// Digest of the model's weights.
    pub model: String,
    /// How views are made of a video, in words.
    pub preprocessing: String,
    /// Digest of the list of videos.
    #[serde(default)]
    pub data: String,
    /// What wrote it.
    pub made_by: String,
}

/// What is said of one view.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Place of the video in the list that was tested, from 0.
    pub row: u64,
    /// Its path.
    pub video: String,
    /// Its class, if it is known.
    pub label: Option<i32>,
    /// Which view.
    pub view: View,
    /// Ranks of the frames.
    pub frames: Vec<u32>,
    /// Presentation times of the first and the last frame in ns.
    pub span: (i64, i64),
    /// One number a class.
    pub logits: Vec<f32>,
}

/// A video that gave no view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Place of the video in the list that was tested, from 0.
    pub row: u64,
    /// Its path.
    pub video: String,
    /// Its class, if it is known.
    pub label: Option<i32>,
    /// Why.
    pub reason: String,
}

/// A file, or a part of one, in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// What was tested.
    pub tested: Tested,
    /// What was said.
    pub predictions: Vec<Prediction>,
    /// Which videos gave no view.
    pub failures: Vec<Failure>,
    /// What is right of videos with several labels or numbers, by row, as far as it is known.
    pub labels: BTreeMap<u64, Vec<f32>>,
}
