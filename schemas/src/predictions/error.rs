//! Why a record batch contains no predictions.

use arrow_schema::ArrowError;

use super::VERSION;

/// Why a record batch contains no predictions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictionsError {
    /// The metadata name another format, or none.
    #[error("the file is {found:?}, wanted {VERSION}")]
    Version {
        /// What stands there.
        found: Option<String>,
    },
    /// What was tested cannot be read.
    #[error("what was tested cannot be read: {why}")]
    Tested {
        /// What is wrong.
        why: String,
    },
    /// The columns are others.
    #[error("the columns are not those of {VERSION}")]
    Columns,
    /// A logit is NaN or infinite.
    #[error(
        "{video} (row {row}, clip {clip}, crop {crop}) has the logit {value} for class {class}, which is no number"
    )]
    NotFinite {
        /// Path of its video.
        video: String,
        /// Place of its video.
        row: u64,
        /// Which clip of it.
        clip: u16,
        /// Which crop of the clip.
        crop: u16,
        /// Class of the first such logit.
        class: usize,
        /// The logit.
        value: f32,
    },
    /// Arrow makes no record batch of the rows.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// A row has another number of logits than there are classes.
    #[error("{video} (row {row}) has {found} logits for {classes} classes")]
    Logits {
        /// Path of its video.
        video: String,
        /// Place of its video.
        row: u64,
        /// Its logits.
        found: usize,
        /// Classes.
        classes: usize,
    },
    /// A row has another number of labels than there are classes.
    #[error("row {row} has {found} labels for {classes} classes")]
    Labels {
        /// Place of its video.
        row: u64,
        /// Its labels.
        found: usize,
        /// Classes.
        classes: usize,
    },
    /// What should be right of a row is no number.
    #[error("row {row} has {label} among its labels, which is no number")]
    NoNumber {
        /// Place of its video.
        row: u64,
        /// What stands there.
        label: f32,
    },
}
