//! The time that taking a file apart may take.

use std::time::Instant;

use crate::{error::VideoError, heartbeat};

/// The time that taking a file apart may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub deadline: Instant,
    pub seconds: u32,
}

impl Clock {
    /// A clock that never rings.
    #[cfg(test)]
    pub fn endless() -> Self {
        Self { deadline: Instant::now() + std::time::Duration::from_secs(3600), seconds: 3600 }
    }

    /// Looks at the time at some of the steps of a loop, `at` being their number.
    pub fn tick(&self, at: usize) -> Result<(), VideoError> {
        if at & 0xfff == 0xfff {
            heartbeat::step();
            if Instant::now() > self.deadline {
                return Err(VideoError::TimeLimit { stage: "taking the file apart", seconds: self.seconds });
            }
        }
        Ok(())
    }
}
