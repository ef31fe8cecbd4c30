//! Fills frame shards: every slot's frames, decoded on several threads, written in the order of slots.
//!
//! ```text
//! slots s, s+W, s+2W …  ─▶ thread "preprocess-s" ──bounded(1)──▶ taken in turn ─▶ ShardWriter
//! ```
//!
//! Thread k of W has every W-th slot and a channel of its own, so slots come in order and at most two clips
//! a thread are in memory. A thread ends with its slots, or when its channel is dropped. One that says
//! nothing within the time limit is left behind with the video it is stuck on, and another goes on with the
//! slots after that.

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
use schemas::frame_shard::FrameShardFacts;

use super::{ShardError, ShardWriter, StoredClip, unfinished};
use crate::{
    profile::Profile,
    quarantine::{Quarantine, QuarantineError},
    schedule::Schedule,
    source::{ClipFrames, ClipSource, Pixels, SourceError},
    transform,
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
    /// Clips that were written.
    pub clips: u64,
    /// Clips that failed.
    pub failed: u64,
    /// Whether it was asked to stop before the last shard.
    pub stopped: bool,
}

/// Where clips come from, and what they are.
pub struct Clips<'a> {
    /// The videos.
    pub source: Arc<dyn ClipSource>,
    /// Facts of the shards.
    pub facts: &'a FrameShardFacts,
    /// Threads that decode.
    pub workers: usize,
    /// Seconds that a clip may take before its thread is left behind.
    pub seconds_per_clip: u32,
}

/// Writes the shards that are not in `out` yet. `done` is told the slots that are behind, those of earlier
/// runs included; `stop` is looked at between clips.
///
/// # Errors
/// When anything but a single video fails.
pub fn fill(
    out: &Path,
    clips: &Clips<'_>,
    quarantine: &Quarantine,
    stop: &AtomicBool,
    mut done: impl FnMut(u64),
) -> Result<Filled, PreprocessError> {
    let shards = unfinished(out, clips.facts)?;
    let left: u64 = shards.iter().map(|slots| slots.end - slots.start).sum();
    let mut behind = clips.facts.slots() - left;
    let mut filled = Filled { clips: 0, failed: 0, stopped: false };
    for slots in shards {
        let mut writer = ShardWriter::create(out, clips.facts, slots.clone())?;
        let mut lanes = Lanes::start(clips, slots.clone())?;
        for slot in slots {
            if stop.load(Relaxed) {
                return Ok(Filled { stopped: true, ..filled });
            }
            match lanes.next(slot)? {
                Ok(clip) => {
                    writer.push(clip)?;
                    filled.clips += 1;
                }
                Err(why) => {
                    note(quarantine, &clips.source.name(lanes.schedule.video_of(slot)), why)?;
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

/// The threads of one shard, each with every W-th slot.
struct Lanes<'a> {
    clips: &'a Clips<'a>,
    schedule: Schedule,
    slots: Range<u64>,
    lanes: Vec<Receiver<Result<StoredClip, SourceError>>>,
    stuck: u32,
}

impl<'a> Lanes<'a> {
    fn start(clips: &'a Clips<'a>, slots: Range<u64>) -> Result<Self, PreprocessError> {
        let facts = clips.facts;
        let schedule =
            Schedule { seed: facts.seed, videos: facts.videos, clips_per_video: facts.clips_per_video };
        let mut lanes = Self { clips, schedule, slots: slots.clone(), lanes: Vec::new(), stuck: 0 };
        for first in slots.take(clips.workers.max(1)) {
            let lane = lanes.lane(first)?;
            lanes.lanes.push(lane);
        }
        Ok(lanes)
    }

    /// A thread for the slots `first`, `first + W`, … of the shard.
    fn lane(&self, first: u64) -> Result<Receiver<Result<StoredClip, SourceError>>, PreprocessError> {
        let (sender, lane) = crossbeam_channel::bounded(1);
        let (source, schedule) = (Arc::clone(&self.clips.source), self.schedule);
        let short_side = self.clips.facts.short_side;
        let slots = (first..self.slots.end).step_by(self.clips.workers.max(1));
        thread::Builder::new().name(format!("preprocess-{first}")).spawn(move || {
            let mut reader = source.reader(Arc::new(Profile::default()));
            for slot in slots {
                // Shards hold the clips of the first epoch.
                let frames = reader.frames(slot, schedule.video_of(slot), schedule.start(0, slot));
                let clip = frames.and_then(|frames| stored(slot, frames, short_side));
                if sender.send(clip).is_err() {
                    return;
                }
            }
        })?;
        Ok(lane)
    }

    /// The clip of `slot`, which is asked for in rising order.
    fn next(&mut self, slot: u64) -> Result<Result<StoredClip, SourceError>, PreprocessError> {
        let at = ((slot - self.slots.start) % self.lanes.len() as u64) as usize;
        // Opening and decoding have a limit each, which a thread keeps by itself unless it is stuck.
        let patience = Duration::from_secs(3 * u64::from(self.clips.seconds_per_clip));
        match self.lanes[at].recv_timeout(patience) {
            Ok(clip) => return Ok(clip),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        self.stuck += 1;
        if self.stuck > MOST_LEFT_BEHIND {
            let video = self.clips.source.name(self.schedule.video_of(slot));
            return Err(PreprocessError::TooManyStuck { stuck: self.stuck, video });
        }
        self.lanes[at] = self.lane(slot + self.lanes.len() as u64)?;
        Ok(Err(SourceError::Failed {
            verdict: "time-limit".into(),
            reason: format!("the clip was not there within {} s", patience.as_secs()),
            reach: crate::source::Reach::Video,
        }))
    }
}

/// A clip as a shard holds it: whole upright RGB frames.
fn stored(slot: u64, frames: ClipFrames, short_side: u32) -> Result<StoredClip, SourceError> {
    let (width, height, pixels) = match frames.pixels {
        Pixels::Rgb { width, height, bytes } => (width, height, bytes),
        Pixels::Pictures { pictures, orientation } => {
            let whole: Vec<_> = pictures
                .iter()
                .map(|(rank, picture)| (*rank, transform::whole_frame(picture, orientation, short_side)))
                .collect();
            let size = whole.first().map_or((0, 0), |(_, frame)| (frame.width, frame.height));
            let mut pixels = Vec::new();
            for rank in &frames.ranks {
                let at = whole.partition_point(|(of, _)| of < rank);
                pixels.extend_from_slice(whole.get(at).map_or(&[], |(_, frame)| &frame.pixels));
            }
            (size.0, size.1, pixels)
        }
    };
    let side = |length: u32| {
        u16::try_from(length).map_err(|_| SourceError::Failed {
            verdict: "too-large".into(),
            reason: format!("a frame of {width}×{height} pixels does not fit into a shard"),
            reach: crate::source::Reach::Video,
        })
    };
    Ok(StoredClip {
        slot,
        video: frames.video.to_string(),
        label: frames.label,
        ranks: frames.ranks,
        times: frames.times,
        width: side(width)?,
        height: side(height)?,
        pixels,
    })
}
