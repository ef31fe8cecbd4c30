//! Named threads that make clips, each with a reader of its own.
//!
//! ```text
//! stream ──jobs (unbounded in form; at most one a clip in flight)──▶ threads clip-worker-0 … n−1
//!        ◀──started, answer (one oneshot each, in the job)──────────
//! ```
//!
//! The queue of jobs is filled by the stream and emptied by the threads. It ends when the [`Pool`] is
//! dropped: the threads finish the clip in hand, leave out jobs whose answer nobody awaits any more, and
//! return. Nobody joins them, since a thread may be stuck in a decoder for good. Such a thread is *left
//! behind*: it takes no further job should it ever come back, its bytes stay with it, and a fresh thread
//! takes its place.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender};
use schemas::quarantine::QuarantineLine;
use tokio::sync::oneshot;

use crate::{
    clips::RowMaker,
    heartbeat::{self, Heartbeat},
    profile::{Profile, Stage},
    source::{ClipReader, ClipSource, SourceError},
};

/// Writes a failed video down; an error stops the run. Called on worker threads only.
pub type OnFailure =
    dyn Fn(QuarantineLine) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Send + Sync;

/// What became of each clip of a job.
pub(crate) type Answers<R> = Vec<Result<Vec<R>, SourceError>>;

/// What threads are asked to do.
pub(crate) enum Job<R> {
    /// Make the rows of clips of one video.
    Clips {
        /// The epoch.
        epoch: u32,
        /// The video.
        video: u64,
        /// Number and slot of each clip.
        clips: Vec<(u64, u64)>,
        /// Told the thread's number and its counter of steps when it begins; from then on the time limit
        /// runs.
        started: oneshot::Sender<(u64, Heartbeat)>,
        /// Told the result of each clip. Closed when nobody waits for it any more.
        answer: oneshot::Sender<Answers<R>>,
    },
    /// Write a failure down (a file is written, so it is no work for an async thread).
    Record {
        /// What to write.
        line: QuarantineLine,
        /// Told the result.
        answer: oneshot::Sender<Result<(), Box<dyn std::error::Error + Send + Sync>>>,
    },
}

/// What every thread needs; shared.
pub(crate) struct WorkerContext<M> {
    /// Where frames come from.
    pub source: Arc<dyn ClipSource>,
    /// How rows are made.
    pub maker: Arc<M>,
    /// Where failures are written.
    pub on_failure: Arc<OnFailure>,
    /// Where time is counted.
    pub profile: Arc<Profile>,
}

/// The threads and the way to them.
pub(crate) struct Pool<M: RowMaker> {
    context: Arc<WorkerContext<M>>,
    jobs: Sender<Job<M::Row>>,
    /// For threads that are started later. The only sender is beside it, so the queue ends with the pool.
    queue: Receiver<Job<M::Row>>,
    retired: Mutex<HashMap<u64, Arc<AtomicBool>>>,
    next: AtomicU64,
}

impl<M: RowMaker> Pool<M> {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(context: WorkerContext<M>, count: usize) -> std::io::Result<Self> {
        let (jobs, queue) = crossbeam_channel::unbounded();
        let pool = Self {
            context: Arc::new(context),
            jobs,
            queue,
            retired: Mutex::default(),
            next: AtomicU64::new(0),
        };
        for _ in 0..count.max(1) {
            pool.add_thread()?;
        }
        Ok(pool)
    }

    /// Puts a job at the end of the queue; never waits.
    pub fn send(&self, job: Job<M::Row>) {
        // It cannot fail while the pool holds a receiver of the queue.
        let _ = self.jobs.send(job);
    }

    /// Leaves the thread behind and starts another in its place.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn replace(&self, thread: u64) -> std::io::Result<()> {
        let retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner).remove(&thread);
        if let Some(retired) = retired {
            retired.store(true, Relaxed);
        }
        self.add_thread()
    }

    fn add_thread(&self) -> std::io::Result<()> {
        let number = self.next.fetch_add(1, Relaxed);
        let retired = Arc::new(AtomicBool::new(false));
        let (context, queue, flag) = (self.context.clone(), self.queue.clone(), retired.clone());
        thread::Builder::new()
            .name(format!("clip-worker-{number}"))
            .spawn(move || work(&context, &queue, number, &flag))?;
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).insert(number, retired);
        Ok(())
    }
}

/// A thread's life: until the queue ends or it was left behind.
fn work<M: RowMaker>(
    context: &WorkerContext<M>,
    queue: &Receiver<Job<M::Row>>,
    number: u64,
    retired: &AtomicBool,
) {
    let mut reader: Option<Box<dyn ClipReader>> = None;
    while !retired.load(Relaxed) {
        let start = Instant::now();
        let Ok(job) = queue.recv() else { return };
        context.profile.add_wait(Stage::Idle, start.elapsed());
        match job {
            Job::Record { line, answer } => {
                let _ = answer.send((context.on_failure)(line));
            }
            Job::Clips { answer, .. } if answer.is_closed() => {}
            Job::Clips { epoch, video, clips, started, answer } => {
                let _ = started.send((number, heartbeat::of_this_thread()));
                let reader = reader.get_or_insert_with(|| context.source.reader(context.profile.clone()));
                let schedule = context.maker.schedule();
                let slots = clips.iter().map(|&(_, slot)| (slot, schedule.start(epoch, slot))).collect();
                let frames = reader.frames_together(video, slots);
                let rows = clips.iter().zip(frames).map(|(&(number, slot), frames)| {
                    frames.map(|frames| context.maker.rows(frames, slot, epoch, number, &context.profile))
                });
                // Nobody waits for it any more when the stream was dropped or the limit has passed.
                let _ = answer.send(rows.collect());
            }
        }
    }
}
