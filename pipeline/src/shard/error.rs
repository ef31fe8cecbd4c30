//! Why a dataset of frame shards cannot be written or read.

use std::{ops::Range, path::PathBuf};

use parquet::errors::ParquetError;

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
    /// The file is not Parquet, is cut short, or a page of it is damaged.
    #[error("{path} is cut short, damaged or not Parquet: {cause}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the Parquet reader says.
        #[source]
        cause: ParquetError,
    },
    /// The file is Parquet but holds something else than clips.
    #[error("{path} is no frame shard of this version: {reason}")]
    NotAShard {
        /// The file.
        path: PathBuf,
        /// What is missing or different.
        reason: String,
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
    /// The folder has no shard.
    #[error("no frame shards in {folder}")]
    NoShards {
        /// The folder.
        folder: PathBuf,
    },
    /// Shards are missing: preprocessing was interrupted, or files were left out of a copy.
    #[error(
        "{missing} of {shards} frame shards are missing in {folder}, first the one of slots {} to {}",
        first.start, first.end - 1
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// Shards that are missing.
        missing: u64,
        /// Shards that there should be.
        shards: u64,
        /// Slots of the first that is missing.
        first: Range<u64>,
    },
    /// A clip cannot go into the shard that it was given to.
    #[error("the clip of slot {slot} does not fit into its shard: {reason}")]
    WrongClip {
        /// Its slot.
        slot: u64,
        /// What does not fit.
        reason: String,
    },
}
