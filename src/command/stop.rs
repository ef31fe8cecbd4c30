//! Signals: what ends a command, what asks it to stop, what asks for a checkpoint.
//!
//! ```text
//! SIGINT (Ctrl-C), SIGTERM, SIGHUP,
//! SIGUSR2                             while the command reads its flag: the first raises it, one that comes later
//!                                     ends the process; at other times it ends at once
//! SIGUSR1                             raises the flag for a checkpoint
//! ```
//!
//! SIGUSR2 is for processes that mpirun started: it hands on that one, and not SIGTERM.
//!
//! Whatever ends the process takes the temporary files with it. A process that was begun with SIGHUP ignored, as
//! `nohup` does, goes on ignoring it.

use std::{
    io, process,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use schemas::whole_file;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2},
    iterator::Signals,
    low_level::emulate_default_handler,
};

/// Exit code of a process that a second Ctrl-C ended, as shells have it (128 + SIGINT).
const INTERRUPTED: i32 = 130;

/// Signals that come so soon after the first are the same wish: `timeout` sends one to the process and one to its
/// group.
const SAME_WISH: Duration = Duration::from_millis(700);

/// Whether the command is asked to stop.
pub static STOP: AtomicBool = AtomicBool::new(false);
/// Whether the command is asked for a checkpoint.
pub static CHECKPOINT: AtomicBool = AtomicBool::new(false);
/// Whether the command looks at [`STOP`].
static IS_READ: AtomicBool = AtomicBool::new(false);

/// Listens to signals from now on, for a command that begins.
///
/// # Errors
/// When the system refuses to install the handlers.
pub fn listen() -> io::Result<()> {
    static ONCE: Once = Once::new();
    for flag in [&STOP, &CHECKPOINT, &IS_READ] {
        flag.store(false, SeqCst);
    }
    let mut installed = Ok(());
    ONCE.call_once(|| installed = install());
    installed
}

/// From now on the command looks at [`STOP`].
pub fn flag_is_read() {
    IS_READ.store(true, SeqCst);
}

fn install() -> io::Result<()> {
    let hangup = (!is_ignored(SIGHUP)).then_some(SIGHUP);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGUSR2].into_iter().chain(hangup))?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut first: Option<Instant> = None;
        for signal in signals.forever() {
            if signal == SIGUSR1 {
                CHECKPOINT.store(true, SeqCst);
            } else if !IS_READ.load(SeqCst) {
                whole_file::remove_unfinished();
                // Where that fails there is only one thing left to do.
                let _ = emulate_default_handler(signal);
                process::exit(128 + signal);
            } else if first.get_or_insert_with(Instant::now).elapsed() > SAME_WISH {
                whole_file::remove_unfinished();
                process::exit(INTERRUPTED);
            } else {
                STOP.store(true, SeqCst);
            }
        }
    })?;
    Ok(())
}

/// Whether the process was begun with this signal ignored. Known on Linux only.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
