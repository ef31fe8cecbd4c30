//! Ctrl-C and SIGTERM: the first asks to stop, one that comes later leaves at once.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Exit code of a process that a second Ctrl-C ended, as shells have it (128 + SIGINT).
const INTERRUPTED: i32 = 130;

/// Signals that come so soon after the first are the same wish: `timeout` sends one to the process and one to its
/// group.
const SAME_WISH: Duration = Duration::from_millis(700);

/// Raises a flag at the first signal from now on. Whoever works in steps reads it between them.
///
/// # Errors
/// When the system refuses to install the handlers.
pub fn raise_on_signals(flag: &Arc<AtomicBool>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let raised = Arc::clone(flag);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut first: Option<Instant> = None;
        for _ in signals.forever() {
            if first.get_or_insert_with(Instant::now).elapsed() > SAME_WISH {
                process::exit(INTERRUPTED);
            }
            raised.store(true, Ordering::SeqCst);
        }
    })?;
    Ok(())
}
