//! Worker threads under one watchdog: what the loader, `preprocess`, `scan` and `embed` read videos on.
//!
//! ```text
//! send(job) ──jobs──▶ threads NAME-0 … n−1, each with a worker of its own ──answer (a oneshot, in the job)──▶ answer(sent)
//! ```
//!
//! - **A worker** is made on its thread by the pool's factory, and answers one job after the other.
//! - **A panic** is an answer: the worker is thrown away, its message is told, and the thread makes itself a new worker.
//! - **The watchdog**: a thread that has begun a job and makes no step ([`crate::heartbeat`]) within the pool's patience is
//!   stuck. It is *left behind*: a fresh thread takes its place, and it takes no further job should it ever come back. More
//!   than [`MOST_LEFT_BEHIND`] such threads are an error of the pool; so is one that waits for bytes of a file, since that is
//!   no fault of its video. A job that waits in the queue has no limit of its own: the jobs before it have.
//! - **The end**: dropping the pool ends the queue. The threads finish the job in hand, leave out jobs whose answer nobody
//!   awaits any more, and return. Nobody joins them, since a thread may be stuck for good.
//!
//! Answers are awaited inside a tokio runtime with a clock; [`WorkerPool::in_order`] and [`WorkerPool::as_they_come`] bring
//! one for those who have none.

use std::{
    collections::HashMap,
    io,
    ops::ControlFlow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};
use futures::{
    Stream,
    stream::{self, StreamExt as _},
};
use tokio::{sync::oneshot, time::Instant};

#[cfg(all(feature = "video", target_os = "linux"))]
pub(crate) use self::worker::message_of;
pub use self::worker::{JobError, Worker};
use self::worker::{Queued, work};
use crate::heartbeat::Heartbeat;

mod worker;

/// Stuck threads that a pool bears; each may hold a decoder and its pictures for good.
pub const MOST_LEFT_BEHIND: u32 = 4;

/// How long a pool waits for a sign of life from threads that open and decode within `limit` seconds each. They keep these
/// limits by themselves unless they are stuck, so this is longer than both together.
pub fn patience(limit: u32) -> Duration {
    Duration::from_secs(3 * u64::from(limit))
}

/// Why a pool cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A thread waits for bytes that the system does not give.
    #[error("the system gave no byte for {seconds} s")]
    NoByte {
        /// The pool's patience in seconds.
        seconds: u64,
    },
    /// Too many threads are stuck.
    #[error("{stuck} threads are stuck in decoding")]
    TooManyStuck {
        /// How many.
        stuck: u32,
    },
    /// The system gives no thread.
    #[error("no thread could be started: {0}")]
    Thread(#[from] io::Error),
}

/// What became of a job.
pub type Answer<A> = Result<Result<A, JobError>, PoolError>;

/// A job that was sent; dropping it takes the job back, if no thread has begun it.
pub struct Sent<A> {
    started: oneshot::Receiver<(u64, Heartbeat)>,
    answer: oneshot::Receiver<Result<A, JobError>>,
}

/// The threads and the way to them.
pub struct WorkerPool<J, A> {
    name: &'static str,
    patience: Duration,
    worker: Arc<dyn Fn() -> Worker<J, A> + Send + Sync>,
    jobs: Sender<Queued<J, A>>,
    /// For threads that are started later. The only sender is beside it, so the queue ends with the pool.
    queue: Receiver<Queued<J, A>>,
    retired: Mutex<HashMap<u64, Arc<AtomicBool>>>,
    next: AtomicU64,
    left_behind: AtomicU32,
}

impl<J: Send + 'static, A: Send + 'static> WorkerPool<J, A> {
    /// Starts `count` threads (at least one) that are called `name-0`, `name-1` …; `worker` is called on each of them.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        name: &'static str,
        count: usize,
        patience: Duration,
        worker: impl Fn() -> Worker<J, A> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (jobs, queue) = crossbeam_channel::unbounded();
        let pool = Self {
            name,
            patience,
            worker: Arc::new(worker),
            jobs,
            queue,
            retired: Mutex::default(),
            next: AtomicU64::new(0),
            left_behind: AtomicU32::new(0),
        };
        for _ in 0..count.max(1) {
            pool.add_thread()?;
        }
        Ok(pool)
    }

    /// Puts a job at the end of the queue; never waits.
    pub fn send(&self, job: J) -> Sent<A> {
        let ((start, started), (reply, answer)) = (oneshot::channel(), oneshot::channel());
        // It cannot fail while the pool holds a receiver of the queue.
        let _ = self.jobs.send(Queued { job, started: start, answer: reply });
        Sent { started, answer }
    }

    /// What the thread that takes the job says, or that it says nothing within the pool's patience.
    ///
    /// # Errors
    /// When the pool cannot go on; whatever is wrong with the job itself is in its answer.
    pub async fn answer(&self, sent: Sent<A>) -> Answer<A> {
        let ended = || JobError::Panicked { message: "its thread ended without an answer".to_owned() };
        let Ok((thread, heartbeat)) = sent.started.await else { return Ok(Err(ended())) };
        match self.in_time(&heartbeat, sent.answer).await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(_)) => {
                self.replace(thread)?;
                Ok(Err(ended()))
            }
            None if heartbeat.is_reading() => Err(PoolError::NoByte { seconds: self.patience.as_secs() }),
            None => {
                let stuck = self.left_behind.fetch_add(1, Relaxed) + 1;
                if stuck > MOST_LEFT_BEHIND {
                    return Err(PoolError::TooManyStuck { stuck });
                }
                self.replace(thread)?;
                Ok(Err(JobError::Stuck { seconds: self.patience.as_secs() }))
            }
        }
    }

    /// The answer, or nothing once the thread has made no step for as long as the pool is patient.
    async fn in_time<T>(
        &self,
        heartbeat: &Heartbeat,
        mut answer: oneshot::Receiver<T>,
    ) -> Option<Result<T, oneshot::error::RecvError>> {
        let (mut steps, mut since) = (heartbeat.steps(), Instant::now());
        loop {
            if let Ok(answer) = tokio::time::timeout(self.patience / 8, &mut answer).await {
                return Some(answer);
            }
            let found = heartbeat.steps();
            if found != steps {
                (steps, since) = (found, Instant::now());
            } else if since.elapsed() >= self.patience {
                return None;
            }
        }
    }

    /// Answers `jobs` and hands each answer to `take` in the order of the jobs, at most `ahead` being begun or waiting
    /// for their turn. Ends with the jobs, or when `take` breaks off.
    ///
    /// # Errors
    /// When `take` says so, or the system gives no clock.
    pub fn in_order<K, E: From<io::Error>>(
        &self,
        jobs: impl Iterator<Item = (K, J)>,
        ahead: usize,
        take: impl FnMut(K, Answer<A>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        drive(self.sent(jobs).buffered(ahead.max(1)), take)
    }

    /// The same, but each answer is handed on as soon as it is there.
    ///
    /// # Errors
    /// The same.
    pub fn as_they_come<K, E: From<io::Error>>(
        &self,
        jobs: impl Iterator<Item = (K, J)>,
        ahead: usize,
        take: impl FnMut(K, Answer<A>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        drive(self.sent(jobs).buffer_unordered(ahead.max(1)), take)
    }

    /// Each job's answer as a future; a job is sent when its future is made.
    fn sent<K>(
        &self,
        jobs: impl Iterator<Item = (K, J)>,
    ) -> impl Stream<Item = impl Future<Output = (K, Answer<A>)>> {
        stream::iter(jobs).map(move |(key, job)| {
            let sent = self.send(job);
            async move { (key, self.answer(sent).await) }
        })
    }

    /// Leaves the thread behind and starts another in its place.
    fn replace(&self, thread: u64) -> io::Result<()> {
        let retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner).remove(&thread);
        if let Some(retired) = retired {
            retired.store(true, Relaxed);
        }
        self.add_thread()
    }

    fn add_thread(&self) -> io::Result<()> {
        let number = self.next.fetch_add(1, Relaxed);
        let retired = Arc::new(AtomicBool::new(false));
        let (worker, queue, flag) = (self.worker.clone(), self.queue.clone(), retired.clone());
        thread::Builder::new()
            .name(format!("{}-{number}", self.name))
            .spawn(move || work(&*worker, &queue, number, &flag))?;
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).insert(number, retired);
        Ok(())
    }
}

/// Awaits a stream of answers on this thread.
fn drive<K, A, E: From<io::Error>>(
    answers: impl Stream<Item = (K, Answer<A>)>,
    mut take: impl FnMut(K, Answer<A>) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let mut answers = std::pin::pin!(answers);
        while let Some((key, answer)) = answers.next().await {
            if take(key, answer)?.is_break() {
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
