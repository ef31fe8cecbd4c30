//! A thread of a pool: jobs are taken from the queue and answered, until the queue ends or the thread is left behind.
//!
//! `loom/` compiles this file with loom's locks, and tries it under every order of threads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    heartbeat::{self, Heartbeat},
    sync::{AtomicBool, Receiver, Relaxed, oneshot},
};

/// Answers the jobs of one thread.
pub type Worker<J, A> = Box<dyn FnMut(J) -> A>;

/// Why a job has no answer: something is wrong with what it read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The code that read it panicked.
    #[error("reading it panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The thread made no step for so long, and was left behind.
    #[error("its decoder or demuxer was stuck for {seconds} s")]
    Stuck {
        /// The pool's patience in seconds.
        seconds: u64,
    },
}

impl JobError {
    /// The verdict about a video that this is: a word of [`schemas::Kind::of_verdict`].
    pub fn verdict(&self) -> &'static str {
        match self {
            Self::Panicked { .. } => "panicked",
            Self::Stuck { .. } => "time-limit",
        }
    }
}

/// A job in the queue.
pub(crate) struct Queued<J, A> {
    pub(crate) job: J,
    /// Told the thread's number and its heartbeat when it begins; from then on the watchdog looks.
    pub(crate) started: oneshot::Sender<(u64, Heartbeat)>,
    /// Told the answer. Closed when nobody waits for it any more.
    pub(crate) answer: oneshot::Sender<Result<A, JobError>>,
}

/// A thread's life: until the queue ends or it was left behind.
pub(crate) fn work<J, A>(
    new: &dyn Fn() -> Worker<J, A>,
    queue: &Receiver<Queued<J, A>>,
    number: u64,
    retired: &AtomicBool,
) {
    let mut worker: Option<Worker<J, A>> = None;
    while !retired.load(Relaxed) {
        let Ok(Queued { job, started, answer }) = queue.recv() else { return };
        if answer.is_closed() {
            continue;
        }
        let _ = started.send((number, heartbeat::of_this_thread()));
        // Whatever the panic left half done is thrown away with the worker.
        let answered = catch_unwind(AssertUnwindSafe(|| worker.get_or_insert_with(new)(job)));
        if answered.is_err() {
            worker = None;
        }
        let answered = answered.map_err(|panic| JobError::Panicked { message: message_of(&*panic) });
        // Nobody waits for it any more when the pool was dropped or its patience has passed.
        let _ = answer.send(answered);
    }
}

/// What a panic says.
pub(crate) fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it said nothing".to_owned())
}
