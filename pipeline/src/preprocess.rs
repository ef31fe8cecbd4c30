//! Fills shards: every key's rows, made on several threads, written in the order of keys.
//!
//! ```text
//! keys s, s+W, s+2W …  ─▶ thread "preprocess-s" ──bounded(1)──▶ taken in turn ─▶ ShardWriter
//! ```
//!
//! Thread k of W has every W-th key and a channel of its own, so rows come in order and at most the rows of
//! two keys a thread are in memory. A thread ends with its keys, or when its channel is dropped. One whose
//! [`heartbeat`] stands still for the time limit is left behind with the video it is stuck on, and another goes on with
//! the keys after that; one that waits for a disk ends the work, since that is no fault of the video.

#[cfg(feature = "video")]
pub mod encode;
mod frames;
#[cfg(feature = "video")]
mod packets;
#[cfg(feature = "video")]
mod transcode;

use std::{
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError};

pub use self::frames::clips;
#[cfg(feature = "video")]
pub use self::{packets::packets, transcode::transcode};
use crate::{
    heartbeat::{self, Heartbeat},
    quarantine::{Quarantine, QuarantineError},
    shard::{Row, ShardError, ShardFacts, ShardWriter, unfinished},
    source::{Reach, SourceError},
};

/// Threads that may be stuck before it is given up.
const MOST_LEFT_BEHIND: u32 = 4;

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

/// Makes the rows of a key, on one thread.
pub type KeyMaker = Box<dyn FnMut(u64) -> Result<Vec<Row>, SourceError>>;

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
    let shards = unfinished(out, facts)?;
    let left: u64 = shards.iter().map(|keys| keys.end - keys.start).sum();
    let mut behind = facts.keys() - left;
    let mut filled = Filled { written: 0, failed: 0, stopped: false };
    for keys in shards {
        let mut writer = ShardWriter::create(out, facts, keys.clone())?;
        let mut lanes = Lanes::start(making, keys.clone())?;
        for key in keys {
            if stop.load(Relaxed) {
                return Ok(Filled { stopped: true, ..filled });
            }
            match lanes.next(key)? {
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
        }
        writer.finish()?;
    }
    Ok(filled)
}

fn note(quarantine: &Quarantine, video: &str, why: SourceError) -> Result<(), PreprocessError> {
    match why {
        SourceError::Failed { verdict, reason, .. } => Ok(quarantine.record(video, &verdict, &reason)?),
        SourceError::LeftOut { .. } => Ok(()),
        broken @ SourceError::Broken { .. } => Err(PreprocessError::Source(broken)),
    }
}

/// The threads of one shard, each with every W-th key.
struct Lanes<'a> {
    making: &'a Making<'a>,
    keys: Range<u64>,
    lanes: Vec<Lane>,
    stuck: u32,
}

struct Lane {
    rows: Receiver<Result<Vec<Row>, SourceError>>,
    heartbeat: Heartbeat,
}

impl<'a> Lanes<'a> {
    fn start(making: &'a Making<'a>, keys: Range<u64>) -> Result<Self, PreprocessError> {
        let mut lanes = Self { making, keys: keys.clone(), lanes: Vec::new(), stuck: 0 };
        for first in keys.take(making.workers.max(1)) {
            let lane = lanes.lane(first)?;
            lanes.lanes.push(lane);
        }
        Ok(lanes)
    }

    /// A thread for the keys `first`, `first + W`, … of the shard.
    fn lane(&self, first: u64) -> Result<Lane, PreprocessError> {
        let (sender, rows) = crossbeam_channel::bounded(1);
        let maker = Arc::clone(&self.making.maker);
        let keys = (first..self.keys.end).step_by(self.making.workers.max(1));
        // One message: the thread's own counter, said when it begins.
        let (tell, told) = crossbeam_channel::bounded(1);
        thread::Builder::new().name(format!("preprocess-{first}")).spawn(move || {
            let _ = tell.send(heartbeat::of_this_thread());
            let mut make = maker();
            for key in keys {
                if sender.send(make(key)).is_err() {
                    return;
                }
            }
        })?;
        let heartbeat = told.recv().unwrap_or_default();
        Ok(Lane { rows, heartbeat })
    }

    /// The rows of `key`; keys are asked for in rising order.
    fn next(&mut self, key: u64) -> Result<Result<Vec<Row>, SourceError>, PreprocessError> {
        let at = ((key - self.keys.start) % self.lanes.len() as u64) as usize;
        let patience = self.making.patience;
        loop {
            let before = self.lanes[at].heartbeat.steps();
            match self.lanes[at].rows.recv_timeout(patience) {
                Ok(rows) => return Ok(rows),
                Err(RecvTimeoutError::Timeout) if self.lanes[at].heartbeat.steps() != before => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.lanes[at].heartbeat.is_reading() {
            let name = (self.making.name)(key);
            return Err(PreprocessError::Source(SourceError::no_byte(&name, patience.as_secs())));
        }
        self.stuck += 1;
        if self.stuck > MOST_LEFT_BEHIND {
            let video = (self.making.name)(key);
            return Err(PreprocessError::TooManyStuck { stuck: self.stuck, video });
        }
        self.lanes[at] = self.lane(key + self.lanes.len() as u64)?;
        Ok(Err(SourceError::Failed {
            verdict: "time-limit".into(),
            reason: format!("nothing went on for {} s", patience.as_secs()),
            reach: Reach::Video,
        }))
    }
}
