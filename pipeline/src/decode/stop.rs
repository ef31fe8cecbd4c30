//! Whoever waits for a decode may want it no more: asked after each packet.

use std::{fmt, io, path::Path, sync::Arc};

use crate::{error::VideoError, system::SystemError};

/// Says whether a decode shall end at once. It is asked on the thread that decodes, hundreds of times a second.
#[derive(Clone)]
pub struct Stop(Arc<dyn Fn() -> bool + Send + Sync>);

impl Stop {
    /// A decode ends when `wants` says so.
    pub fn when(wants: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(wants))
    }

    /// Refuses to go on where it is asked for. That says nothing of the film.
    pub(crate) fn check(&self) -> Result<(), VideoError> {
        if !(self.0)() {
            return Ok(());
        }
        let cause = io::Error::new(io::ErrorKind::Interrupted, "it was asked to stop");
        Err(VideoError::System(SystemError::new("decode", Path::new("the video"), cause)))
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Stop")
    }
}
