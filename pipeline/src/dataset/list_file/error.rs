//! Why a list is none.

use crate::segment::SegmentError;

/// What a column of frames holds.
pub(super) const WHOLE_NUMBER: &str = "whole number";

/// Why a list is none, or a line of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// A line without a path.
    #[error("line {line}: `{text}` has no path")]
    NoPath {
        /// The line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// Numbers that name no part of a video.
    #[error(
        "line {line}: `{numbers}` after the path is no first frame with a number of frames; `0 -1` means all of it"
    )]
    Frames {
        /// The line, from 1.
        line: usize,
        /// The two numbers.
        numbers: String,
    },
    /// A part of a video that is none.
    #[error("line {line}: {cause}")]
    Segment {
        /// The line, from 1.
        line: usize,
        /// Why.
        #[source]
        cause: SegmentError,
    },
    /// A cell that should hold a number, or a time.
    #[error("line {line}: `{text}` in column `{column}` is no {wanted}")]
    Cell {
        /// The line, from 1.
        line: usize,
        /// The column.
        column: String,
        /// What it says.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A row of another length than the head.
    #[error("line {line}: it has {found} columns, and the head has {wanted}")]
    Width {
        /// The line, from 1.
        line: usize,
        /// Its cells.
        found: usize,
        /// Cells of the head.
        wanted: usize,
    },
    /// No column of what is looked for.
    #[error("no column of {what}; there are: {}", found.join(", "))]
    NoColumn {
        /// What: `paths`, or a name that was given.
        what: String,
        /// The columns.
        found: Vec<String>,
    },
    /// Columns that may be frames or seconds.
    #[error("the columns `start` and `end` may count frames or seconds")]
    FramesOrSeconds,
    /// A column was named, and the list has no head.
    #[error("line 1 is no head of a table, so no column has a name")]
    NoHead,
    /// Text that is not what its ending says.
    #[error("line {line}: {why}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// A file that cannot be read.
    #[error("it cannot be read: {why}")]
    Unreadable {
        /// Why.
        why: String,
    },
}

impl ListError {
    /// What would do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::FramesOrSeconds => Some(
                "name what they are: `start_seconds=start,stop_seconds=end`, or `start=start,stop=end` for frames",
            ),
            Self::NoColumn { .. } => Some(
                "the columns of a list are path, label, start and stop (frames), start_seconds and stop_seconds; \
                 others are named as in `path=FILE,label=ACTION`",
            ),
            Self::Cell { wanted: WHOLE_NUMBER, .. } => {
                Some("start and stop count frames; times are the columns start_seconds and stop_seconds")
            }
            _ => None,
        }
    }
}
