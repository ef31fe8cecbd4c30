//! Where a run is in its epochs: which clip comes next.

use super::StreamError;
use crate::ClipNumber;

/// Where a run is: the next clip of an epoch.
pub(crate) struct EpochCursor {
    epoch: u32,
    clip: ClipNumber,
    clips_per_epoch: u64,
}

impl EpochCursor {
    /// The first clip of batch `from_batch` of a run.
    pub(crate) fn new(from_batch: u64, batches_per_epoch: u64, batch: u64) -> Result<Self, StreamError> {
        let epoch = u32::try_from(from_batch / batches_per_epoch)
            .map_err(|_| StreamError::TooFar { batch: from_batch })?;
        let clip = ClipNumber(from_batch % batches_per_epoch * batch);
        Ok(Self { epoch, clip, clips_per_epoch: batches_per_epoch * batch })
    }

    /// This clip and all that follow, epoch after epoch.
    pub(crate) fn onwards(
        mut self,
    ) -> impl Iterator<Item = Result<(u32, ClipNumber), StreamError>> + Send + 'static {
        let mut over = false;
        std::iter::from_fn(move || {
            if over {
                return Some(Err(StreamError::TooFar { batch: u64::MAX }));
            }
            let here = (self.epoch, self.clip);
            self.clip = self.clip.next();
            if self.clip.0 == self.clips_per_epoch {
                self.clip = ClipNumber(0);
                match self.epoch.checked_add(1) {
                    Some(next) => self.epoch = next,
                    None => over = true,
                }
            }
            Some(Ok(here))
        })
    }
}
