//! The parent's side: asks a child, starts it again when it died, and makes a verdict of what a film did to it.

use std::{
    fs::File,
    io,
    os::fd::{AsFd as _, BorrowedFd},
    path::{Path, PathBuf},
    process,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Launch, channel,
    film::Film,
    memory::Memory,
    message::{Answer, Failure, Open, Request},
    process::{Bounds, End, Process},
};
use crate::{error::VideoError, heartbeat, system::SystemError, worker_pool::JobError};

/// The child of one reader, which the reader and its videos share.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    launch: &'static Launch,
    /// The process that this belongs to.
    owner: u32,
    running: Option<Running>,
    memories: Vec<Memory>,
    /// The number of the next film, or piece of memory.
    next: u64,
}

#[derive(Debug)]
struct Running {
    process: Process,
    /// The film that it has open.
    open: Option<u64>,
    /// How long it has worked.
    busy: Duration,
    /// Pieces of memory that it knows.
    memories: Vec<u64>,
}

/// What an exchange may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// Bytes of memory of the child's own.
    pub memory: u64,
    /// Whether it may work for as long as it likes, as long as it is not stuck.
    pub unhurried: bool,
}

/// Why an exchange gave nothing.
enum Broken {
    /// The system refuses.
    System(io::Error),
    /// The child does not answer, or makes no sense.
    Lost(io::Error),
}

/// How often a film may be tried with a child that crashes.
const TRIES: u32 = 2;

/// How often with one that somebody kills.
const TRIES_KILLED: u32 = 4;

/// Pieces of memory that are kept for the next pictures: one is filled while those of the other are still looked at.
const KEPT_MEMORIES: usize = 2;

/// Seconds of a processor that a child may take to start.
const STARTING: u64 = 10;

impl Client {
    pub fn new(launch: &'static Launch) -> Self {
        Self(Arc::new(Mutex::new(State {
            launch,
            owner: process::id(),
            running: None,
            memories: Vec::new(),
            next: 0,
        })))
    }

    /// A film to be opened by the child; `file` is its handle, which can be opened `again` under a path as a file of so many
    /// bytes, or is that of memory.
    pub fn film(&self, path: &Path, file: File, again: Option<(PathBuf, u64)>, open: Open) -> Film {
        let seconds = open.limits.seconds;
        let number = self.lock().number();
        let (path, file, open) = (path.to_owned(), Mutex::new(file), Request::Open(Box::new(open)));
        Film { number, path, file, again, fetch: None, open, seconds }
    }

    /// Asks for something of `film`, which is opened before, or again, where the child has not got it: the answer, what
    /// it was put into if it is of that kind, and the answer to opening.
    ///
    /// # Errors
    /// When the child dies of it twice, or is stuck, or the system gives no child.
    pub fn ask(
        &self,
        film: &Film,
        request: Option<&Request>,
        allowance: Allowance,
    ) -> Result<Answers, VideoError> {
        let mut state = self.lock();
        let (mut crashes, mut kills, mut is_opened_again) = (0, 0, false);
        loop {
            let why = match state.exchange(film, request, allowance) {
                // A child tries again, but cannot open a file again, of which a network file system lost the handle.
                Ok(answers) if answers.is_unreadable() && !is_opened_again && film.open_again() => {
                    is_opened_again = true;
                    state.close();
                    continue;
                }
                Ok(answers) => return Ok(answers),
                Err(Broken::System(cause)) => return Err(no_process(cause)),
                Err(Broken::Lost(why)) => why,
            };
            let child = state.running.take().map(|running| running.process);
            match child.map_or(End::Killed, |child| child.end(&why)) {
                End::Stuck => {
                    return Err(JobError::Stuck { seconds: film.seconds.into() }.into());
                }
                End::Killed => {
                    kills += 1;
                    if kills == TRIES_KILLED {
                        return Err(no_process(io::Error::other("somebody kills it, or memory is used up")));
                    }
                }
                End::Crashed(how) => {
                    crashes += 1;
                    if crashes == TRIES {
                        return Err(VideoError::DecoderCrashed { how });
                    }
                }
            }
        }
    }

    /// Ends the process, if there is one; the next question starts another.
    pub fn end(&self) {
        self.lock().running = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked in the middle of an exchange left a child that may still answer.
        self.0.lock().unwrap_or_else(|poisoned| {
            let mut state = PoisonError::into_inner(poisoned);
            state.running = None;
            state
        })
    }
}

/// What came of an exchange.
#[derive(Debug)]
pub(crate) struct Answers {
    /// What opening gave, where the film was opened.
    pub opened: Option<Answer>,
    /// What was asked for.
    pub answer: Option<Answer>,
    /// What that was put into.
    pub put: Option<(Answer, Bytes)>,
}

impl Answers {
    /// Whether the system did not give the child what it asked for.
    fn is_unreadable(&self) -> bool {
        [&self.opened, &self.answer].into_iter().flatten().any(|answer| {
            matches!(answer, Answer::Failed { failure: Failure::System { number: Some(_), .. }, .. })
        })
    }
}

impl State {
    fn exchange(
        &mut self,
        film: &Film,
        request: Option<&Request>,
        allowance: Allowance,
    ) -> Result<Answers, Broken> {
        let mut answers = Answers { opened: None, answer: None, put: None };
        let seconds = film.seconds;
        if self.owner != process::id() {
            // A process that was forked: child and memory are its parent's, which goes on using them.
            (self.owner, self.running) = (process::id(), None);
            self.memories.clear();
        }
        if self.running.as_ref().is_none_or(|running| running.open != Some(film.number)) {
            let running = self.running(seconds)?;
            running.open = None;
            let opened = running.ask(&film.open, Some(film.lock_file().as_fd()), film, allowance)?;
            let is_open = matches!(opened, Answer::Opened { .. });
            running.open = is_open.then_some(film.number);
            answers.opened = Some(opened);
            if !is_open {
                return Ok(answers);
            }
        }
        let Some(request) = request else { return Ok(answers) };
        let answer = self.running(seconds)?.ask(request, None, film, allowance)?;
        if let Answer::Ready { bytes, .. } = answer {
            answers.put = Some(self.put(bytes, film, allowance)?);
        }
        answers.answer = Some(answer);
        Ok(answers)
    }

    /// Lets the child put so many bytes into shared memory.
    fn put(&mut self, bytes: u64, film: &Film, allowance: Allowance) -> Result<(Answer, Bytes), Broken> {
        // They were the child's own memory until now.
        if bytes > allowance.memory {
            return Err(Broken::Lost(io::ErrorKind::InvalidData.into()));
        }
        let forget = self.choose_memory(bytes).map_err(Broken::System)?;
        self.running(film.seconds)?;
        let (Some(memory), Some(running)) = (self.memories.last(), &mut self.running) else {
            return Err(Broken::System(io::ErrorKind::OutOfMemory.into()));
        };
        running.memories.retain(|known| !forget.contains(known));
        let is_new = !running.memories.contains(&memory.number);
        if is_new {
            running.memories.push(memory.number);
        }
        let put = Request::Put { memory: memory.number, forget };
        let answer = running.ask(&put, is_new.then(|| memory.handle()), film, allowance)?;
        Ok((answer, memory.bytes()))
    }

    /// Puts a free piece of memory with so much room last; gives the numbers of those that are not kept.
    fn choose_memory(&mut self, bytes: u64) -> io::Result<Vec<u64>> {
        let fits = |memory: &Memory| memory.is_free() && memory.size() >= bytes;
        let memory = match self.memories.iter().position(fits) {
            Some(at) => self.memories.remove(at),
            None => Memory::new(self.number(), bytes)?,
        };
        self.memories.push(memory);
        let surplus = self.memories.len().saturating_sub(KEPT_MEMORIES);
        Ok(self.memories.drain(..surplus).map(|memory| memory.number).collect())
    }

    /// The child, which is started where there is none.
    fn running(&mut self, seconds: u32) -> Result<&mut Running, Broken> {
        let running = match self.running.take() {
            Some(running) => running,
            None => Running {
                process: Process::start(self.launch, patience(seconds)).map_err(Broken::System)?,
                open: None,
                busy: Duration::ZERO,
                memories: Vec::new(),
            },
        };
        Ok(self.running.insert(running))
    }

    /// Lets the child open whatever is asked for next, also where it has that open.
    fn close(&mut self) {
        if let Some(running) = &mut self.running {
            running.open = None;
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Running {
    /// Asks the child, and waits for its answer as long as it is not stuck.
    fn ask(
        &mut self,
        request: &Request,
        handle: Option<BorrowedFd<'_>>,
        film: &Film,
        allowance: Allowance,
    ) -> Result<Answer, Broken> {
        let limit = 2 * u64::from(film.seconds) + STARTING;
        let seconds = (!allowance.unhurried).then(|| self.busy.as_secs() + limit);
        let bounds = Bounds { memory: allowance.memory, seconds };
        self.process.hold_to(bounds).map_err(Broken::System)?;
        let began = Instant::now();
        let answered = self.answer(request, handle, film);
        self.busy += began.elapsed();
        answered
    }

    fn answer(
        &mut self,
        request: &Request,
        handle: Option<BorrowedFd<'_>>,
        film: &Film,
    ) -> Result<Answer, Broken> {
        let socket = &self.process.socket;
        channel::send(socket, request, handle).map_err(Broken::Lost)?;
        let (patience, mut steps) = (patience(film.seconds), 0);
        let (mut last, mut is_reading) = (Instant::now(), false);
        loop {
            // A child that waits for bytes of a file is not to blame; whoever watches this thread is told.
            let is_late = || last.elapsed() >= patience && !is_reading;
            let late = || if is_late() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) };
            let received = match is_reading {
                true => heartbeat::reading(|| channel::receive(socket, late)),
                false => channel::receive(socket, late),
            };
            match received.map_err(Broken::Lost)?.0 {
                Answer::Alive { steps: now, reading } if now != steps => {
                    (steps, last, is_reading) = (now, Instant::now(), reading);
                    heartbeat::step();
                }
                Answer::Alive { .. } if is_late() => {
                    return Err(Broken::Lost(io::ErrorKind::TimedOut.into()));
                }
                Answer::Alive { reading, .. } => is_reading = reading,
                Answer::Need { start, end } => {
                    let fetched = Request::Fetched(film.bring(start..end));
                    channel::send(socket, &fetched, None).map_err(Broken::Lost)?;
                    last = Instant::now();
                }
                // Limits hold without it.
                Answer::Unfiltered(why) => drop(UNFILTERED.set(why)),
                answer => return Ok(answer),
            }
        }
    }
}

static UNFILTERED: OnceLock<String> = OnceLock::new();

/// Why children of this program may still ask the system for what they do not need, if that is so.
pub fn unfiltered() -> Option<&'static str> {
    UNFILTERED.get().map(String::as_str)
}

/// How long a child may make no step.
fn patience(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// The system gives no child.
fn no_process(cause: io::Error) -> VideoError {
    VideoError::System(SystemError::new("decode in a process of its own with", Path::new("tubelet"), cause))
}
