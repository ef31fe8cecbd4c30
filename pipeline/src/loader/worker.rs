//! What a loader's worker threads do: they read the frames of clips of one video, and make their rows.

use std::{sync::Arc, time::Instant};

use schemas::quarantine::QuarantineLine;

use crate::{
    ClipNumber, Slot, VideoNumber,
    clips::RowMaker,
    profile::{Profile, Stage},
    source::{ClipSource, SourceError},
    worker_pool::Worker,
};

/// Writes a failed video down; an error stops the run. Called on threads that may wait for a disk.
pub type OnFailure =
    dyn Fn(QuarantineLine) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Send + Sync;

/// Clips of one video that are read together.
pub(crate) struct ClipJob {
    /// The epoch.
    pub epoch: u32,
    /// The video.
    pub video: VideoNumber,
    /// Slot and number of each clip.
    pub clips: Vec<(Slot, ClipNumber)>,
}

/// What became of each clip of a job.
pub(crate) type ClipRows<R> = Vec<Result<Vec<R>, SourceError>>;

/// What every worker needs; shared.
pub(crate) struct WorkerContext<M> {
    /// Where frames come from.
    pub source: Arc<dyn ClipSource>,
    /// How rows are made.
    pub maker: Arc<M>,
    /// Where time is counted.
    pub profile: Arc<Profile>,
}

impl<M: RowMaker> WorkerContext<M> {
    /// A worker with a reader of its own.
    pub(crate) fn worker(self: Arc<Self>) -> Worker<ClipJob, ClipRows<M::Row>> {
        let mut reader = self.source.reader(self.profile.clone());
        let mut idle_since = Instant::now();
        Box::new(move |ClipJob { epoch, video, clips }| {
            self.profile.add_wait(Stage::Idle, idle_since.elapsed());
            let schedule = self.maker.schedule();
            let slots = clips.iter().map(|&(slot, _)| (slot, schedule.start(epoch, slot))).collect();
            let frames = reader.frames_together(video, slots);
            let rows = clips.iter().zip(frames).map(|(&(slot, clip), frames)| {
                frames.map(|frames| self.maker.rows(frames, epoch, slot, clip, &self.profile))
            });
            let rows = rows.collect();
            idle_since = Instant::now();
            rows
        })
    }
}
