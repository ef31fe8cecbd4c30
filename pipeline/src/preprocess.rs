//! Fills shards: every key's rows, made on several threads, written in the order of keys.
//!
//! ```text
//! keys of a shard ─▶ [`WorkerPool`] ─▶ rows, in the order of keys, of at most two keys a thread ─▶ ShardWriter
//! ```
//!
//! A key whose thread is stuck or panics fails; one whose thread waits for a disk ends the work, since that is no fault of
//! the video.

#[cfg(feature = "video")]
pub mod encode;
mod frames;
#[cfg(feature = "video")]
mod packets;
#[cfg(feature = "video")]
mod transcode;
#[cfg(feature = "video")]
mod videos;

use std::{
    ops::{ControlFlow, Range},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use schemas::Slice;

pub use self::frames::clips;
#[cfg(feature = "video")]
pub use self::{
    packets::packets,
    transcode::transcode,
    videos::{DescribedVideo, videos},
};
use crate::{
    quarantine::{Quarantine, QuarantineError},
    shard::{Row, ShardError, ShardFacts, ShardWriter, belongs_to, keys_of_shards, unfinished},
    source::SourceError,
    worker_pool::{Answer, PoolError, Worker, WorkerPool},
};

/// Why shards could not be filled. What was finished stays, and a second run does the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// A shard cannot be written, or others lie in its folder.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// Too many videos failed, or the quarantine cannot be written.
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    /// The dataset itself cannot be read.
    #[error(transparent)]
    Source(SourceError),
    /// The system gives no thread.
    #[error("no thread could be started: {0}")]
    Thread(#[from] std::io::Error),
    /// Too many threads are stuck.
    #[error("{stuck} threads are stuck in decoding, the last on {video}")]
    TooManyStuck {
        /// How many.
        stuck: u32,
        /// The video that the last one is stuck on.
        video: String,
    },
}

/// How an unhurried preprocess ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Keys (clips, or videos) whose rows were written.
    pub written: u64,
    /// Keys that failed.
    pub failed: u64,
    /// Whether it was asked to stop before the last shard.
    pub stopped: bool,
}

/// Makes the rows of a key (of the slot of a clip, or the number of a video), on one thread.
pub type KeyMaker = Worker<u64, KeyRows>;

/// The rows of a key, or why it has none.
pub type KeyRows = Result<Vec<Row>, SourceError>;

/// How the rows of a dataset are made.
pub struct Making<'a> {
    /// Threads.
    pub workers: usize,
    /// Seconds without a sign of life after which a thread is left behind.
    pub patience: Duration,
    /// The name of a key's video.
    pub name: &'a dyn Fn(u64) -> String,
    /// A maker for one thread.
    pub maker: Arc<dyn Fn() -> KeyMaker + Send + Sync>,
    /// Make the shards of this slice only: shard i belongs to slice i mod N.
    pub slice: Option<Slice>,
}

/// Writes the shards that are not in `out` yet. `done` is told the keys that are behind, those of earlier
/// runs included; `stop` is looked at between keys.
///
/// # Errors
/// When anything but a single video fails.
pub fn fill<F: ShardFacts>(
    out: &Path,
    facts: &F,
    making: &Making<'_>,
    quarantine: &Quarantine,
    stop: &AtomicBool,
    mut done: impl FnMut(u64),
) -> Result<Filled, PreprocessError> {
    let mut shards = unfinished(out, facts)?;
    shards.retain(|keys| belongs_to(facts, making.slice, keys));
    let keys_in = |keys: Range<u64>| keys.end - keys.start;
    let left: u64 = shards.iter().cloned().map(keys_in).sum();
    let mut behind = keys_of_shards(facts, making.slice).map(keys_in).sum::<u64>() - left;
    let mut filled = Filled { written: 0, failed: 0, stopped: false };
    let maker = Arc::clone(&making.maker);
    let pool = WorkerPool::start("preprocess", making.workers, making.patience, move || maker())?;
    for keys in shards {
        let mut writer = ShardWriter::create(out, facts, keys.clone())?;
        pool.in_order(keys.map(|key| (key, key)), 2 * making.workers, |key, answer| {
            if stop.load(Relaxed) {
                filled.stopped = true;
                return Ok(ControlFlow::Break(()));
            }
            match rows(answer, &(making.name)(key))? {
                Ok(rows) => {
                    for row in rows {
                        writer.push(row)?;
                    }
                    filled.written += 1;
                }
                Err(why) => {
                    note(quarantine, &(making.name)(key), why)?;
                    filled.failed += 1;
                }
            }
            behind += 1;
            done(behind);
            Ok::<_, PreprocessError>(ControlFlow::Continue(()))
        })?;
        if filled.stopped {
            return Ok(filled);
        }
        writer.finish()?;
    }
    Ok(filled)
}

/// The rows of a key of `video`, or why it has none.
fn rows(answer: Answer<KeyRows>, video: &str) -> Result<KeyRows, PreprocessError> {
    match answer {
        Ok(answered) => Ok(answered.unwrap_or_else(|why| Err(why.into()))),
        Err(PoolError::NoByte { seconds }) => {
            Err(PreprocessError::Source(SourceError::no_byte(video, seconds)))
        }
        Err(PoolError::TooManyStuck { stuck }) => {
            Err(PreprocessError::TooManyStuck { stuck, video: video.to_owned() })
        }
        Err(PoolError::Thread(why)) => Err(PreprocessError::Thread(why)),
    }
}

fn note(quarantine: &Quarantine, video: &str, why: SourceError) -> Result<(), PreprocessError> {
    match why {
        SourceError::Failed { verdict, reason, .. } => Ok(quarantine.record(video, &verdict, &reason)?),
        SourceError::LeftOut { .. } => Ok(()),
        broken @ SourceError::Broken { .. } => Err(PreprocessError::Source(broken)),
    }
}

#[cfg(test)]
mod tests;
