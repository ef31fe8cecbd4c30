//! Why a dataset of shards cannot be written or read.

use std::{ops::Range, path::PathBuf};

use parquet::errors::ParquetError;

use crate::system::SystemError;

/// What is wrong with a shard, a folder of them, or a clip that shall go into one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The system refuses to read or write.
    #[error("cannot {action} {path}: {cause}")]
    Io {
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The system cannot read the file, though it was asked several times.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The file is not Parquet, is cut short, or a page of it is damaged.
    #[error("{path} is truncated, damaged or not Parquet: {cause}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the Parquet reader says.
        #[source]
        cause: ParquetError,
    },
    /// The file is Parquet but holds something else.
    #[error("{path} is not a shard of this version: {reason}")]
    NotAShard {
        /// The file.
        path: PathBuf,
        /// What is missing or different.
        reason: String,
    },
    /// The packets of a video contradict themselves.
    #[error("row {row} of {path} is wrong: {flaw}")]
    WrongVideo {
        /// The file.
        path: PathBuf,
        /// The row, counted from 0 in the file.
        row: u64,
        /// What does not fit.
        flaw: VideoFlaw,
    },
    /// A row contradicts itself or its shard.
    #[error("row {row} of {path} is wrong: {reason}")]
    WrongRow {
        /// The file.
        path: PathBuf,
        /// The row, counted from 0 in the file.
        row: u64,
        /// What does not fit.
        reason: String,
    },
    /// A shard was written with other settings, or from other videos.
    #[error("{path} was written with {fact} = {found}, here it is {expected}")]
    OtherFacts {
        /// The file.
        path: PathBuf,
        /// Name of the first fact that differs.
        fact: String,
        /// Its value in the file.
        found: String,
        /// Its value in the command, or in the first shard.
        expected: String,
    },
    /// A shard is larger or smaller than clips can be.
    #[error("{path} promises impossible facts: {reason}")]
    ImpossibleFacts {
        /// The file, or the folder to be written.
        path: PathBuf,
        /// What is impossible.
        reason: &'static str,
    },
    /// The folder has shards of another kind.
    #[error("{folder} contains shards of another kind; give each dataset a folder of its own")]
    SeveralKinds {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder has no shard.
    #[error("no shards in {folder}")]
    NoShards {
        /// The folder.
        folder: PathBuf,
    },
    /// Shards are missing: preprocessing was interrupted, or files were left out of a copy.
    #[error(
        "{missing} of {shards} shards are missing in {folder}, first the one of rows {} to {}",
        first.start, first.end - 1
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// Shards that are missing.
        missing: u64,
        /// Shards that there should be.
        shards: u64,
        /// Keys of the first that is missing.
        first: Range<u64>,
    },
    /// A row cannot go into the shard that it was given to.
    #[error("row {key} does not fit into its shard: {reason}")]
    WrongKey {
        /// Slot of the clip, or number of the video.
        key: u64,
        /// What does not fit.
        reason: String,
    },
}

/// What contradicts itself in the rows of a video.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VideoFlaw {
    /// A column is missing or of another type.
    #[error("column {column} is missing or of another type")]
    Column {
        /// The column.
        column: &'static str,
    },
    /// The lists of what is said of packets differ in length.
    #[error("{sizes} sizes, {pts} times, {ranks} ranks and {flags} flags are not those of the same packets")]
    Lengths {
        /// Items of `sizes`.
        sizes: usize,
        /// Items of `pts`.
        pts: usize,
        /// Items of `ranks`.
        ranks: usize,
        /// Items of `flags`.
        flags: usize,
    },
    /// The packets' sizes are not those of the bytes.
    #[error("packets of {sizes} bytes in all cannot be cut from {bytes} bytes")]
    Bytes {
        /// Sum of the sizes; the largest number where it is none.
        sizes: u64,
        /// Bytes that are there.
        bytes: u64,
    },
    /// A packet shows a frame that the video does not have.
    #[error("packet {packet} shows frame {rank} of {frames}")]
    Rank {
        /// The packet, counted in the video.
        packet: u32,
        /// The frame.
        rank: i64,
        /// Frames of the video.
        frames: u32,
    },
    /// Two packets show the same frame, or none shows it.
    #[error("{packets} packets show {frames} frames, hidden ones included")]
    Frames {
        /// Packets with a rank of their own.
        packets: u32,
        /// Frames, hidden ones included.
        frames: u32,
    },
    /// There is not one time a frame.
    #[error("{times} times for {frames} frames")]
    Times {
        /// Items of `times`.
        times: usize,
        /// Frames of the video.
        frames: u32,
    },
    /// A word that has a meaning here is another one.
    #[error("{column} is {found:?}")]
    Word {
        /// The column.
        column: &'static str,
        /// What stands there.
        found: String,
    },
    /// Rows of a video are missing, doubled or out of order.
    #[error("segment {found} stands where segment {expected} of {segments} should be")]
    Segment {
        /// The number that stands there.
        found: u32,
        /// The one that should.
        expected: u32,
        /// Segments of the video.
        segments: u32,
    },
}
