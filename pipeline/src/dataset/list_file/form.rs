//! The forms of lists that people have.

use std::fmt::{self, Display, Formatter};

/// The form of a list, or of a line of it. A list has the last of those that its lines have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// `path`
    Paths,
    /// `path label`
    PathLabel,
    /// VideoMAE V2's `path start total` or `path start total label`
    VideoMaeV2,
    /// InternVideo's `source path total start end label`
    InternVideo,
    /// A table whose head names its columns.
    Table,
    /// Kinetics' `label,youtube_id,time_start,time_end,split`
    Kinetics,
    /// Something-Something's `train.json`, with `labels.json`
    SomethingSomething,
    /// Hugging Face's `metadata.csv`, `.jsonl` or `.parquet` with `file_name`
    HuggingFace,
    /// EPIC-Kitchens' tables of narrations
    EpicKitchens,
    /// Ego4D's tables of clips
    Ego4d,
}

impl Display for Form {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Paths => "`path`",
            Self::PathLabel => "`path label`",
            Self::VideoMaeV2 => "VideoMAE V2's `path start total [label]`",
            Self::InternVideo => "InternVideo's `source path total start end label`",
            Self::Table => "a table with a head",
            Self::Kinetics => "Kinetics' `label,youtube_id,time_start,time_end,split`",
            Self::SomethingSomething => "Something-Something's `train.json` with `labels.json`",
            Self::HuggingFace => "Hugging Face's `metadata` with `file_name`",
            Self::EpicKitchens => "EPIC-Kitchens' table",
            Self::Ego4d => "Ego4D's table",
        })
    }
}
