//! Ctrl-C and SIGTERM: the first asks to stop, the second leaves at once.

use std::sync::{Arc, atomic::AtomicBool};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// Exit code of a process that a second Ctrl-C ended, as shells have it (128 + SIGINT).
const INTERRUPTED: i32 = 130;

/// A flag that the first signal raises. Whoever works in steps reads it between them.
///
/// # Errors
/// When the system refuses to install the handlers.
pub fn flag_on_signals() -> std::io::Result<Arc<AtomicBool>> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: at the first signal the flag is still down, so only the second line acts.
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&asked))?;
        flag::register(signal, Arc::clone(&asked))?;
    }
    Ok(asked)
}
