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
    reader::{ManifestReader, listed, read, rows, verified_digests},
};

#[cfg(feature = "video")]
use crate::names;
use crate::{
    StreamTime,
    file::{Extent, FileStamp},
    segment::Segment,
};

/// What is known of one video. Fields from `container` on are `None` where it could not be opened, but for the name of
/// what is unsupported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ManifestRow {
    /// The file; see [`names`] where its path is no UTF-8.
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
    /// The kind of the verdict, by which it is told what to do: [`Kind`] has the names.
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
    /// First frame of a part of a video that is named by frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u32>,
    /// First frame behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<u32>,
    /// Where a part of a video begins that is named by times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_seconds: Option<f64>,
    /// Where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_seconds: Option<f64>,
    /// Where its bytes begin in the archive that it lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_start: Option<u64>,
    /// How many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_bytes: Option<u64>,
    /// Bytes of the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_bytes: Option<u64>,
    /// When the archive was changed last, in ns since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_modified: Option<i64>,
    /// BLAKE3 digest of its bytes, hexadecimal, where all of it was decoded without complaint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
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
    /// Which part of the video the row means.
    pub segment: Segment,
    /// Where its bytes are in the archive that it lies in, if that was known.
    pub extent: Option<Extent>,
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

    /// Which part of the video the row means.
    pub fn segment(&self) -> Segment {
        match (self.start, self.start_seconds) {
            (Some(start), _) => Segment::Frames { start, stop: self.stop },
            (None, Some(start)) => Segment::Times { start: time(start), stop: self.stop_seconds.map(time) },
            (None, None) => Segment::Whole,
        }
    }

    /// Where its bytes are in the archive that it lies in, if that was known.
    pub fn extent(&self) -> Option<Extent> {
        let archive = FileStamp { bytes: self.archive_bytes?, modified: self.archive_modified? };
        Some(Extent { start: self.member_start?, bytes: self.member_bytes?, archive })
    }

    /// The same row of a video that lies there.
    #[cfg(feature = "video")]
    fn in_archive(self, extent: Option<&Extent>) -> Self {
        Self {
            member_start: extent.map(|extent| extent.start),
            member_bytes: extent.map(|extent| extent.bytes),
            archive_bytes: extent.map(|extent| extent.archive.bytes),
            archive_modified: extent.map(|extent| extent.archive.modified),
            ..self
        }
    }

    /// The same row of this part of the video.
    #[cfg(feature = "video")]
    fn of_segment(self, segment: Segment) -> Self {
        match segment {
            Segment::Whole => self,
            Segment::Frames { start, stop } => Self { start: Some(start), stop, ..self },
            Segment::Times { start, stop } => {
                Self { start_seconds: Some(in_seconds(start)), stop_seconds: stop.map(in_seconds), ..self }
            }
        }
    }

    /// The row of a video that was opened, or failed to be.
    #[cfg(feature = "video")]
    pub fn of(
        entry: &crate::video_entry::VideoEntry,
        opened: Result<&crate::video::OpenVideo, &crate::error::VideoError>,
    ) -> Self {
        let no_text = entry.path.to_str().is_none();
        let row = Self {
            path_bytes: no_text.then(|| entry.path.as_os_str().as_encoded_bytes().to_vec()),
            ..Self::unopened(&names::name_of(&entry.path), entry.label)
                .of_segment(entry.segment)
                .in_archive(entry.extent.as_deref())
        };
        let video = match opened {
            Ok(video) => video,
            Err(why) => return row.failed(entry, why),
        };
        match entry.segment.ranks(&video.facts.times) {
            Ok(part) => {
                let numbers = Some(video.origin_of_numbers().to_owned());
                let verified = video.is_verified().then_some(true);
                Self { verified, numbers, ..row.with(&video.facts).restricted(&part) }
            }
            Err(why) => row.failed(entry, &why.into()),
        }
    }

    #[cfg(feature = "video")]
    fn failed(self, entry: &crate::video_entry::VideoEntry, error: &crate::error::VideoError) -> Self {
        Self {
            bytes: entry.bytes(),
            verdict: error.verdict().to_owned(),
            reason: Some(error.to_string()),
            kind: Some(error.kind().name().to_owned()),
            container: error.format().map(str::to_owned),
            codec: error.codec().map(str::to_owned),
            ..self
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

    /// The same row with the frames of these ranks only.
    #[cfg(feature = "video")]
    fn restricted(self, part: &std::ops::Range<usize>) -> Self {
        let times = self.times.unwrap_or_default();
        if part.len() == times.len() {
            return Self { times: Some(times), ..self };
        }
        // A part ends where the next frame is shown, or the video ends.
        let first = times.first().copied().unwrap_or_default();
        let behind = times.get(part.end).copied();
        let behind = behind.or_else(|| Some(first.saturating_add(self.duration_ns?))).unwrap_or(first);
        let begin = times.get(part.start).copied().unwrap_or(first);
        let of_part = |rank: &u32| part.contains(&(*rank as usize));
        let within = |rank: u32| rank - part.start as u32;
        let key_frames = self.key_frames.unwrap_or_default();
        Self {
            frames: Some(part.len() as u32),
            duration_ns: Some(behind.saturating_sub(begin)),
            key_frames: Some(key_frames.into_iter().filter(of_part).map(within).collect()),
            times: Some(times[part.clone()].to_vec()),
            ..self
        }
    }
}

/// Nanoseconds of a second.
const SECOND: f64 = 1e9;

fn time(seconds: f64) -> StreamTime {
    StreamTime((seconds * SECOND).round() as i64)
}

#[cfg(feature = "video")]
fn in_seconds(time: StreamTime) -> f64 {
    time.0 as f64 / SECOND
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
