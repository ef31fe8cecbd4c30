//! Where a run is in its epochs: which clip comes next.
//!
//! ```text
//! batches of a run             0 1 2 3 │ 4 5 6 7 │ 8 …      four an update
//! those of the second half         2 3       6 7     …      what one of two processes computes
//! ```

use std::ops::Range;

use super::StreamError;
use crate::ClipNumber;

/// Which batches of a run: all from number `from_batch` on, or of each update those that one process of several computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPart {
    /// The first batch, of which an update begins.
    pub from_batch: u64,
    /// Which batches of each update, from 0; all where none is named.
    pub of_update: Option<Range<u64>>,
}

impl From<u64> for RunPart {
    /// All batches from this one on.
    fn from(from_batch: u64) -> Self {
        Self { from_batch, of_update: None }
    }
}

impl RunPart {
    /// The clips of these batches, where a batch has `batch` clips and an update `per_update` batches. An epoch begins
    /// with an update.
    pub(crate) fn places(
        self,
        batches_per_epoch: u64,
        batch: u64,
        per_update: u64,
    ) -> Result<impl Iterator<Item = Result<(u32, ClipNumber), StreamError>> + Send + 'static, StreamError>
    {
        let mine = self.of_update.map(|batches| batches.start * batch..batches.end * batch);
        let is_mine = move |clip: ClipNumber| {
            mine.as_ref().is_none_or(|mine| mine.contains(&(clip.0 % (batch * per_update))))
        };
        let all = EpochCursor::new(self.from_batch, batches_per_epoch, batch)?.onwards();
        Ok(all.filter(move |place| place.as_ref().map_or(true, |&(_, clip)| is_mine(clip))))
    }
}

/// Where a run is: the next clip of an epoch.
struct EpochCursor {
    epoch: u32,
    clip: ClipNumber,
    clips_per_epoch: u64,
}

impl EpochCursor {
    /// The first clip of batch `from_batch` of a run.
    fn new(from_batch: u64, batches_per_epoch: u64, batch: u64) -> Result<Self, StreamError> {
        let epoch = u32::try_from(from_batch / batches_per_epoch)
            .map_err(|_| StreamError::TooFar { batch: from_batch })?;
        let clip = ClipNumber(from_batch % batches_per_epoch * batch);
        Ok(Self { epoch, clip, clips_per_epoch: batches_per_epoch * batch })
    }

    /// This clip and all that follow, epoch after epoch.
    fn onwards(mut self) -> impl Iterator<Item = Result<(u32, ClipNumber), StreamError>> + Send + 'static {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn places(part: RunPart, count: usize) -> Vec<(u32, u64)> {
        let places = part.places(4, 2, 2).unwrap().take(count);
        places.map(|place| place.map(|(epoch, clip)| (epoch, clip.0)).unwrap()).collect()
    }

    #[test]
    fn the_batches_of_an_update_are_shared_out_and_none_is_lost() {
        let half = |of_update| places(RunPart { from_batch: 2, of_update: Some(of_update) }, 6);
        assert_eq!(half(0..1), [(0, 4), (0, 5), (1, 0), (1, 1), (1, 4), (1, 5)]);
        assert_eq!(half(1..2), [(0, 6), (0, 7), (1, 2), (1, 3), (1, 6), (1, 7)]);
        let mut together = [half(0..1), half(1..2)].concat();
        together.sort_unstable();
        assert_eq!(together, places(2.into(), 12));
    }
}
