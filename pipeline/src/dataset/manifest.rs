//! `manifest.parquet`: what a scan found out about each video, written and read as rows.
//!
//! The columns are those of [`schemas::manifest`], one field of a [`ManifestRow`] each. A video that
//! cannot be opened has its row like any other, with a verdict instead of facts.

mod columns;
mod file;
pub mod index;
mod reader;

use std::path::PathBuf;

use parquet::errors::ParquetError;

#[cfg(feature = "video")]
use schemas::Kind;
use serde::{Deserialize, Serialize};

pub use self::{
    columns::of_rows as record_batch,
    file::{ManifestWriter, write},
    reader::{ManifestReader, listed, read, rows},
};

#[cfg(feature = "video")]
use crate::names;

/// What is known of one video. Fields from `container` on are `None` where it could not be opened, but for the name of
/// what is unsupported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ManifestRow {
    /// The file; see [`names`](crate::names) where its path is no UTF-8.
    pub path: String,
    /// The very bytes of its path, where that is no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<Vec<u8>>,
    /// Its bytes, 0 where it cannot be read.
    pub bytes: u64,
    /// Class, where the list of videos has classes.
    pub label: Option<i32>,
    /// `good`, or the stable word of what is wrong.
    pub verdict: String,
    /// What is wrong, in a sentence; of a good one, what was assumed of it.
    pub reason: Option<String>,
    /// The kind of the verdict, by which it is told what to do: [`Kind`](schemas::Kind) has the names.
    pub kind: Option<String>,
    /// Name of the container.
    pub container: Option<String>,
    /// Name of the codec.
    pub codec: Option<String>,
    /// Columns of a picture before it is turned upright.
    pub width: Option<u32>,
    /// Rows of a picture before it is turned upright.
    pub height: Option<u32>,
    /// Width of a pixel in the ratio to its height.
    pub pixel_aspect_width: Option<u32>,
    /// Height of a pixel in the ratio to its width.
    pub pixel_aspect_height: Option<u32>,
    /// Degrees by which pictures must be turned clockwise.
    pub rotation: Option<u16>,
    /// Frames that are shown.
    pub frames: Option<u32>,
    /// Packets, hidden ones included.
    pub packets: Option<u32>,
    /// Presentation time of each frame in ns, rising.
    pub times: Option<Vec<i64>>,
    /// Ranks of the frames that the container marks as key frames, rising.
    pub key_frames: Option<Vec<u32>>,
    /// Nanoseconds from the first frame to the end of the last.
    pub duration_ns: Option<i64>,
    /// Whether the distances of frames differ.
    pub variable_rate: Option<bool>,
    /// Mean rate.
    pub frames_per_second: Option<f64>,
    /// Whether frames are shown in another order than they are decoded.
    pub has_b_frames: Option<bool>,
    /// Whether all of it was decoded without complaint; `None` where that was not tried.
    pub verified: Option<bool>,
    /// Where frames, times, rate, size and rotation come from: a word of [`schemas::manifest`].
    pub numbers: Option<String>,
}

/// What a run needs to know of a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRow {
    /// Its file.
    pub path: PathBuf,
    /// Its bytes, 0 where it could not be read.
    pub bytes: u64,
    /// Class, where the list of videos has classes.
    pub label: Option<i32>,
    /// `good`, or the stable word of what is wrong.
    pub verdict: String,
    /// What is wrong, in a sentence.
    pub reason: Option<String>,
    /// Whether all of it was decoded without complaint.
    pub verified: bool,
}

/// Why a manifest cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The system refuses to read or write.
    #[error("cannot {action} {path}: {cause}")]
    Io {
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The file is not Parquet, is cut short, or a page of it is damaged.
    #[error("{path} is truncated, damaged or not Parquet: {cause}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the Parquet reader says.
        #[source]
        cause: ParquetError,
    },
    /// The file is Parquet, but no manifest of this version.
    #[error("{path} is not a manifest of this version: column {column} is missing or of another type")]
    WrongColumn {
        /// The file.
        path: PathBuf,
        /// The first column that does not fit.
        column: &'static str,
    },
}

impl ManifestRow {
    /// The row of a video of which nothing is known but its name.
    pub fn unopened(path: &str, label: Option<i32>) -> Self {
        Self { path: path.to_owned(), label, ..Self::default() }
    }

    /// The file's path.
    pub fn file(&self) -> PathBuf {
        file_of(&self.path, self.path_bytes.as_deref())
    }

    /// The row of a video that was opened, or failed to be.
    #[cfg(feature = "video")]
    pub fn of(
        entry: &crate::video_entry::VideoEntry,
        opened: Result<crate::video::OpenVideo, crate::error::VideoError>,
    ) -> Self {
        let no_text = entry.path.to_str().is_none();
        let row = Self {
            path_bytes: no_text.then(|| entry.path.as_os_str().as_encoded_bytes().to_vec()),
            ..Self::unopened(&names::name_of(&entry.path), entry.label)
        };
        match opened {
            Err(error) => Self {
                bytes: std::fs::metadata(&entry.path).map_or(0, |file| file.len()),
                verdict: error.verdict().to_owned(),
                reason: Some(error.to_string()),
                kind: Some(error.kind().name().to_owned()),
                container: error.format().map(str::to_owned),
                codec: error.codec().map(str::to_owned),
                ..row
            },
            Ok(video) => {
                let numbers = Some(video.origin_of_numbers().to_owned());
                Self { verified: video.is_verified().then_some(true), numbers, ..row.with(&video.facts) }
            }
        }
    }

    #[cfg(feature = "video")]
    fn with(self, facts: &crate::video::VideoFacts) -> Self {
        Self {
            bytes: facts.bytes,
            verdict: schemas::manifest::GOOD.to_owned(),
            reason: facts.times_from.note().map(str::to_owned),
            kind: Some(Kind::Good.name().to_owned()),
            container: Some(facts.container.to_owned()),
            codec: Some(facts.codec.to_owned()),
            width: Some(facts.width),
            height: Some(facts.height),
            pixel_aspect_width: Some(facts.pixel_aspect.0),
            pixel_aspect_height: Some(facts.pixel_aspect.1),
            rotation: Some(u16::from(facts.orientation.quarter_turns) * 90),
            frames: Some(facts.frames),
            packets: Some(facts.packets),
            times: Some(facts.times.iter().map(|time| time.0).collect()),
            key_frames: Some(facts.key_frames.iter().map(|rank| rank.0).collect()),
            duration_ns: Some(facts.duration),
            variable_rate: Some(facts.variable_rate),
            frames_per_second: Some(facts.frames_per_second),
            has_b_frames: Some(facts.has_b_frames),
            ..self
        }
    }
}

/// The path that a row names: its very bytes, where its text is not its own.
fn file_of(path: &str, bytes: Option<&[u8]>) -> PathBuf {
    #[cfg(unix)]
    if let Some(bytes) = bytes {
        use std::os::unix::ffi::OsStrExt as _;
        return std::ffi::OsStr::from_bytes(bytes).into();
    }
    #[cfg(not(unix))]
    let _ = bytes;
    PathBuf::from(path)
}
