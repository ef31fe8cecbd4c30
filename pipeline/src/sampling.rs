//! Which frames a clip has: by the rule of masked pre-training, by those of labelled clips, or by its time.

pub mod dense;
pub mod interval;
pub mod labelled;
pub mod pretraining;
pub mod segments;

use labelled::{LabelledSampling, Pass};
use pretraining::{Sampling, SamplingError};

use crate::{FrameRank, Slot, StreamTime, draws::Draws};

/// The rule by which the frames of a slot are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FrameRule {
    /// One clip for masked pre-training.
    Masked(Sampling),
    /// One or several clips for a classifier.
    Labelled(LabelledSampling),
}

impl From<Sampling> for FrameRule {
    fn from(sampling: Sampling) -> Self {
        Self::Masked(sampling)
    }
}

impl From<LabelledSampling> for FrameRule {
    fn from(sampling: LabelledSampling) -> Self {
        Self::Labelled(sampling)
    }
}

impl FrameRule {
    /// The ranks of the frames of `slot`, of a video with these presentation times; `draws` decides where
    /// chance does.
    ///
    /// # Errors
    /// When the video has no frame, or too few and such are skipped.
    pub fn draw(
        &self,
        slot: Slot,
        times: &[StreamTime],
        draws: &mut Draws,
    ) -> Result<Vec<FrameRank>, SamplingError> {
        match self {
            Self::Masked(sampling) => sampling.draw(times, draws),
            Self::Labelled(sampling) => sampling.draw(slot, times, draws),
        }
    }

    /// Distinct frames of a slot, at most.
    pub fn most_frames(&self) -> u32 {
        match self {
            Self::Masked(sampling) => sampling.frames,
            Self::Labelled(LabelledSampling { frames, pass, .. }) => match pass {
                Pass::Train | Pass::Validation | Pass::Alone { .. } => *frames,
                Pass::Test { clips } => frames.saturating_mul((*clips).max(1)),
                Pass::Windows { every, at_once, .. } => {
                    frames.saturating_add(every.min(frames).saturating_mul(at_once.saturating_sub(1)))
                }
            },
        }
    }
}
