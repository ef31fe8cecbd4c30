//! A child process: started with a socket, held to its limits, ended.

use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt as _, process::ExitStatusExt as _},
    },
    process::{self, Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use super::Launch;

/// A child that runs. It does not outlive this.
#[derive(Debug)]
pub(super) struct Process {
    /// Its parent, which a process that is forked from it is not.
    parent: u32,
    child: Child,
    pub socket: UnixStream,
    limits: Option<Bounds>,
}

/// What a child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Bytes of memory of its own.
    pub memory: u64,
    /// Seconds of a processor, from its start; nothing where there is no limit.
    pub seconds: Option<u64>,
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Somebody killed it, or the system did, being out of memory.
    Killed,
    /// It was stuck, or used all the time that it had.
    Stuck,
    /// By itself, so.
    Crashed(String),
}

/// How often the parent looks after a child that says nothing.
const LOOK: Duration = Duration::from_millis(250);

/// How long a child whose socket is closed may take to end.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

impl Process {
    /// Starts a child, in a group of its own: what a terminal sends to the program it does not get.
    pub fn start(launch: &Launch, patience: Duration) -> io::Result<Self> {
        let (socket, other) = UnixStream::pair()?;
        socket.set_read_timeout(Some(LOOK))?;
        socket.set_write_timeout(Some(patience.max(LOOK)))?;
        let child = Command::new(&launch.program)
            .args(&launch.arguments)
            .stdin(Stdio::from(OwnedFd::from(other)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { parent: process::id(), child, socket, limits: None })
    }

    /// Holds it to `bounds` from now on.
    pub fn hold_to(&mut self, bounds: Bounds) -> io::Result<()> {
        if self.limits == Some(bounds) {
            return Ok(());
        }
        let number = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let set = |resource, current| {
            prlimit(number, resource, Rlimit { current, maximum: None }).map(drop).map_err(io::Error::from)
        };
        // A child that is over has no limits; its socket will say so.
        if number.is_some() && self.child.try_wait()?.is_none() {
            set(Resource::Data, Some(bounds.memory))?;
            set(Resource::Cpu, bounds.seconds)?;
        }
        self.limits = Some(bounds);
        Ok(())
    }

    /// How it ended of which the socket says `why`; one that did not is ended.
    pub fn end(mut self, why: &io::Error) -> End {
        match why.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => return End::Stuck,
            io::ErrorKind::InvalidData => return End::Crashed("it made no sense".to_owned()),
            _ => {}
        }
        let since = Instant::now();
        while since.elapsed() < LAST_MOMENTS {
            if let Ok(Some(status)) = self.child.try_wait() {
                return End::of(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
        End::Crashed("it closed its socket".to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.parent != process::id() {
            return;
        }
        // One that is over already cannot be killed; in either case it is waited for, so that nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    fn of(status: ExitStatus) -> Self {
        let Some(number) = status.signal() else {
            return Self::Crashed(format!("it ended with {status}"));
        };
        match Signal::from_named_raw(number) {
            Some(Signal::KILL) => Self::Killed,
            Some(Signal::XCPU) => Self::Stuck,
            _ => Self::Crashed(format!("it ended with {status}")),
        }
    }
}
