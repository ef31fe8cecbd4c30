//! A video as a list names it.

use std::sync::Arc;

use super::Form;
use crate::segment::Segment;

/// A video of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its line, or its row in a table of Parquet, from 1.
    pub line: usize,
    /// The path as it is written, or the name by which its data set knows it.
    pub path: String,
    /// The class as it is written.
    pub class: Option<String>,
    /// Which part of the video.
    pub segment: Segment,
    /// The part of the data set that it belongs to (`train`), where its files may lie in a folder of this name.
    pub split: Option<Arc<str>>,
    /// The form of its line.
    pub form: Form,
}
