//! The time that taking a file apart may take.

use std::{cell::Cell, time::Instant};

use crate::{error::VideoError, heartbeat};

/// The time that taking a file apart may take.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    deadline: Instant,
    seconds: u32,
    /// Steps of all loops so far.
    steps: Cell<usize>,
}

/// Steps between two looks at the time.
const UNTIMED: usize = 1 << 12;

impl Clock {
    /// A clock that rings at `deadline`, which is after `seconds`.
    pub fn until(deadline: Instant, seconds: u32) -> Self {
        Self { deadline, seconds, steps: Cell::new(0) }
    }

    /// A clock that never rings.
    #[cfg(test)]
    pub fn endless() -> Self {
        Self::until(Instant::now() + std::time::Duration::from_secs(3600), 3600)
    }

    /// Counts a step of any loop, and looks at the time at some of them.
    pub fn tick(&self) -> Result<(), VideoError> {
        self.count(1)
    }

    /// Counts as many steps as something takes.
    pub fn count(&self, steps: usize) -> Result<(), VideoError> {
        let steps = self.steps.get().saturating_add(steps);
        self.steps.set(steps);
        if steps < UNTIMED {
            return Ok(());
        }
        self.steps.set(0);
        heartbeat::step();
        if Instant::now() > self.deadline {
            return Err(VideoError::TimeLimit { stage: "taking the file apart", seconds: self.seconds });
        }
        Ok(())
    }
}
